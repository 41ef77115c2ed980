/**
 * The only clock of a world, and all its timers. No real time passes in it: it stands, or jumps to the next timer.
 *
 * - By itself it jumps while the world is awaited and no code of the test runs (`user-code.ts`): so a retry of thirty
 *   seconds costs nothing, no test has to say when to go on, and a query of a real database takes no time.
 * - By hand it passes with `pass`, however little is waited for.
 * - It starts at the real time, so that deadlines look right to a barrier that asks a real database for its clock.
 *
 * It keeps no real timer: a world that is no longer awaited is garbage.
 */
import { AsyncResource } from 'node:async_hooks';
import { setImmediate as onNextTurn } from 'node:timers';
import type { Time } from '../../../src/application/ports.ts';
import type { UserCodeKind, UserCode } from './user-code.ts';

type Timer = { readonly at: number; readonly order: number; readonly fn: () => void };

export class WorldClock implements Time {
  readonly #userCode: UserCode;
  readonly #timers = new Set<Timer>();
  #nowMs = Date.now();
  #timerCount = 0;
  /** Whoever passes time by hand does it alone. */
  #passingCount = 0;
  #isJumpScheduled = false;
  #onChange: (() => void)[] = [];

  constructor(userCode: UserCode) {
    this.#userCode = userCode;
    userCode.onChange = () => this.#changed();
  }

  /** Whole milliseconds since 1970. */
  get nowMs(): number {
    return this.#nowMs;
  }

  now() {
    return { earliest: this.#nowMs, latest: this.#nowMs };
  }

  elapsedMs(): number {
    return this.#nowMs;
  }

  settle(): null {
    return null;
  }

  /** Runs `fn` once when it is time, in the context in which it was asked for; answers what cancels it. */
  after(delayMs: number, fn: () => void): () => void {
    const at = this.#nowMs + Math.max(0, Math.ceil(delayMs));
    this.#timerCount += 1;
    const timer = { at, order: this.#timerCount, fn: AsyncResource.bind(fn) };
    this.#timers.add(timer);
    this.#changed();
    return () => this.#timers.delete(timer);
  }

  /** Lets so much time pass, timer by timer; handlers that are set off by one end before the next. */
  async pass(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0)
      throw new RangeError(`time passes forward: ${ms} is no number of milliseconds from 0 on`);
    const untilMs = this.#nowMs + Math.ceil(ms);
    await this.passUntil(() => (this.#next()?.at ?? Infinity) > untilMs, ['handler']);
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /**
   * Lets time pass, timer by timer, until `isOver` says so; between them, userCode of these kinds end what they are at.
   * Answers false when there is no timer left.
   */
  async passUntil(
    isOver: () => boolean | Promise<boolean>,
    kinds: readonly UserCodeKind[],
  ): Promise<boolean> {
    this.#passingCount += 1;
    const endWait = this.#userCode.wait();
    try {
      for (;;) {
        await this.#settled(kinds);
        if (await isOver()) return true;
        if (!this.#jump()) return false;
      }
    } finally {
      this.#passingCount -= 1;
      endWait();
    }
  }

  /** Everything that can go on without time has gone on, also what follows from code of the test. */
  async #settled(kinds: readonly UserCodeKind[]): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => onNextTurn(resolve));
      if (!this.#userCode.isRunning(kinds)) return;
      await this.#change();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #changed(): void {
    for (const tell of this.#onChange.splice(0)) tell();
    this.#scheduleJump();
  }

  /** Jumps, one timer a turn, for as long as the world is awaited and no code of the test runs. */
  #scheduleJump(): void {
    if (this.#isJumpScheduled || !this.#mayJump()) return;
    this.#isJumpScheduled = true;
    onNextTurn(() => {
      this.#isJumpScheduled = false;
      if (this.#mayJump()) this.#jump();
      this.#scheduleJump();
    });
  }

  #mayJump(): boolean {
    const userCode = this.#userCode;
    return (
      userCode.isAwaited &&
      !userCode.isRunning(['handler', 'body', 'holder']) &&
      this.#passingCount === 0 &&
      this.#timers.size > 0
    );
  }

  #jump(): boolean {
    const next = this.#next();
    if (next === null) return false;
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.at);
    next.fn();
    return true;
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers)
      if (next === null || timer.at < next.at || (timer.at === next.at && timer.order < next.order))
        next = timer;
    return next;
  }
}
