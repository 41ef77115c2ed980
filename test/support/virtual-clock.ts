/** A clock that only moves when it is told to, and random numbers that a seed repeats. */
import type { Chance, Time } from '../../src/application/ports.ts';

type Timer = { readonly at: number; readonly order: number; readonly fn: () => void };

export class VirtualClock {
  nowMs = Date.UTC(2026, 0, 1);
  #timers: Timer[] = [];
  #order = 0;

  /** Runs `fn` at that time; answers what cancels it. */
  after(delayMs: number, fn: () => void): () => void {
    this.#order += 1;
    const timer = { at: this.nowMs + Math.max(0, delayMs), order: this.#order, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves to the next timer and fires it; lets everything that it set off settle. */
  async step(): Promise<void> {
    const next = this.#timers.reduce((a, b) => (b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a));
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.nowMs = next.at;
    next.fn();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Fires every timer up to then. */
  async pass(ms: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const until = this.nowMs + ms;
    this.after(ms, () => {});
    while (this.nowMs < until) await this.step();
  }

  /** The time of a replica that may die: a dead one hears nothing any more. */
  timeFor(replica: { isAlive: boolean }): Time {
    return {
      now: () => ({ earliest: this.nowMs, latest: this.nowMs }),
      elapsedMs: () => this.nowMs,
      settle: () => null,
      after: (delayMs, fn) => this.after(delayMs, () => replica.isAlive && fn()),
    };
  }
}

/** Mulberry32: the same numbers for the same seed. */
export function seededChance(seed: number): Chance & { readonly is: (probability: number) => boolean } {
  let state = seed;
  let ids = 0;
  const draw = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const newId = () => {
    ids += 1;
    return `0193f000-0000-7000-8000-${(seed * 100_000 + ids).toString(16).padStart(12, '0')}`;
  };
  return { draw, newId, is: (probability) => draw() < probability };
}
