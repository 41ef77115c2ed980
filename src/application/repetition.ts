/**
 * A pass that is repeated by a timer until it is stopped, and never runs next to itself. The sweep, the retention and the
 * alerts are such passes.
 */
import type { Chance, Time } from './ports.ts';

export type RepetitionParts = {
  readonly time: Time;
  readonly chance: Chance;
  /** The first pass comes within this time. */
  readonly everyMs: number;
  /** Answers when the next one is due, in milliseconds. Its errors are its own: it never rejects. */
  readonly pass: () => Promise<number>;
};

export class Repetition {
  readonly #given: RepetitionParts;
  #cancelTimer = () => {};
  #isStopped = false;

  constructor(given: RepetitionParts) {
    this.#given = given;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Staggered by chance, so that replicas that start together do not run it together. */
  start(): void {
    this.#later(this.#given.everyMs * this.#given.chance.draw());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  #later(delayMs: number): void {
    this.#cancelTimer = this.#given.time.after(delayMs, () => void this.#runAndRepeat());
  }

  async #runAndRepeat(): Promise<void> {
    const delayMs = await this.#given.pass();
    if (!this.#isStopped) this.#later(delayMs);
  }
}
