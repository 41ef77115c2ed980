/** Calls that are delayed on their way until the test releases them. */
import type { WorldTime } from './world-time.ts';
import type { RecordedCall } from './recorded-call.ts';

export class Hold {
  readonly #what: string;
  readonly #worldTime: WorldTime;
  readonly #onRelease: () => void;
  readonly #calls: RecordedCall[] = [];
  #releaseCalls: (() => void)[] = [];
  #awaitingCount = 0;
  #resume: (() => void) | null = null;

  constructor(what: string, worldTime: WorldTime, onRelease: () => void) {
    this.#what = what;
    this.#worldTime = worldTime;
    this.#onRelease = onRelease;
  }

  /**
   * Lets time pass until the first call is on hold, and answers it. From then on the clock stands until `release`, so that
   * the test can look at things; it passes by `clock.pass` and `expectFinal` alone.
   *
   * @throws Error when no call comes, and none will
   */
  async reached(): Promise<RecordedCall> {
    this.#awaitingCount += 1;
    try {
      await this.#worldTime.clock.passUntil(() => this.#calls.length > 0, ['handler', 'body']);
    } finally {
      this.#awaitingCount -= 1;
    }
    const [first] = this.#calls;
    if (first === undefined) throw new Error(`no ${this.#what} is on its way, and none will come by itself`);
    this.#stopClock();
    return first;
  }

  /** All that is on hold arrives, also what was given up by its caller; nothing is held any more. */
  release(): void {
    this.#onRelease();
    this.#resume?.();
    for (const letGo of this.#releaseCalls.splice(0)) letGo();
  }

  /** For the gateway: ends with the release. */
  keep(call: RecordedCall): Promise<void> {
    this.#calls.push(call);
    // Immediately: code that awaits the call resumes only when the clock could have moved on.
    if (this.#awaitingCount > 0) this.#stopClock();
    return new Promise((resolve) => this.#releaseCalls.push(resolve));
  }

  #stopClock(): void {
    this.#resume ??= this.#worldTime.userCode.begin('holder');
  }
}
