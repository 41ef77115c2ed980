/** The initiator's clock: short waits pass at once, long ones when the test says so. */
import type { Timing } from '@tercet/sdk';

/** Back-off is at most two seconds; a time-out is longer, and must not strike while an answer is on its way. */
const SKIPPED_MS = 2000;

type Timer = { readonly at: number; readonly fn: () => void };

export class ManualTiming implements Timing {
  /** Every wait that was begun, in milliseconds. */
  readonly waits: number[] = [];
  #now = 0;
  readonly #timers = new Set<Timer>();
  /** Requests that the coordinator has not answered yet: no short wait passes meanwhile. */
  outstandingCount = 0;

  elapsedMs(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): () => void {
    this.waits.push(delayMs);
    const timer = { at: this.#now + delayMs, fn };
    this.#timers.add(timer);
    if (delayMs <= SKIPPED_MS) setImmediate(() => this.#skip(timer));
    return () => this.#timers.delete(timer);
  }

  #skip(timer: Timer): void {
    if (!this.#timers.has(timer)) return;
    if (this.outstandingCount > 0) setImmediate(() => this.#skip(timer));
    else this.#passUntil(Math.max(this.#now, timer.at));
  }

  pass(ms: number): void {
    this.#passUntil(this.#now + ms);
  }

  #passUntil(at: number): void {
    this.#now = at;
    for (const timer of [...this.#timers].filter((one) => one.at <= at)) {
      if (this.#timers.delete(timer)) timer.fn();
    }
  }
}
