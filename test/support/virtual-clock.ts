/**
 * The clock of all tests: time moves only when a test moves it, and no real time passes.
 *
 * 1. `step` and `run` fire timers one by one in the order of their instants, and let everything they start settle between.
 * 2. `pass` moves the clock at once and then fires what is due, as a process does that was suspended.
 * 3. `passUnnoticed` moves the clock and fires nothing: the timers are late.
 * 4. A self-running clock fires each timer by itself, on the next turn of the event loop, and moves to its instant.
 *
 * Next to it: random numbers that a seed repeats.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LocalClock } from '../../src/adapters/sql/database-clock.ts';
import type { Chance, Time } from '../../src/application/ports.ts';

type Timer = { readonly at: number; readonly order: number; readonly fn: () => void };

type Options = {
  readonly isSelfRunning?: boolean;
  /** Timers within this of each other fire together, so that many timers on a real database cost few rounds of waiting. */
  readonly stepMs?: number;
};

export class VirtualClock implements Time, LocalClock {
  /** A test may set it: like `passUnnoticed`, this fires nothing. */
  nowMs = Date.UTC(2026, 0, 1);
  /** The delay of each timer of a self-running clock, oldest first. */
  readonly delaysMs: number[] = [];
  readonly #isSelfRunning: boolean;
  readonly #stepMs: number;
  readonly #timers = new Set<Timer>();
  #order = 0;
  /** Unanswered calls of watched ports; null while none is watched. */
  #busyCount: number | null = null;

  constructor({ isSelfRunning = false, stepMs = 0 }: Options = {}) {
    this.#isSelfRunning = isSelfRunning;
    this.#stepMs = stepMs;
  }

  now() {
    return { earliest: this.nowMs, latest: this.nowMs };
  }

  elapsedMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  settle(): null {
    return null;
  }

  /** Runs `fn` at that time; returns what cancels it. */
  after(delayMs: number, fn: () => void): () => void {
    this.#order += 1;
    const timer = { at: this.nowMs + Math.max(0, delayMs), order: this.#order, fn };
    this.#timers.add(timer);
    if (this.#isSelfRunning) {
      this.delaysMs.push(delayMs);
      setImmediate(() => this.#fire(timer));
    }
    return () => this.#timers.delete(timer);
  }

  /** The time of a process that may die: the timers of a dead one fire nothing. */
  timeFor(process: { isAlive: boolean }): Time {
    return {
      now: () => this.now(),
      elapsedMs: () => this.elapsedMs(),
      settle: () => this.settle(),
      after: (delayMs, fn) => this.after(delayMs, () => process.isAlive && fn()),
    };
  }

  /** Timers that are neither fired nor cancelled. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /** Moves to the next timer and fires it; resolves when everything it started has settled. */
  async step(): Promise<void> {
    const next = this.#next();
    if (next === null) throw new Error('the clock has no timer to move to');
    this.#fireFrom(next, Infinity);
    await this.settled();
  }

  /** Moves on by so much, timer by timer. */
  async run(ms: number): Promise<void> {
    const until = this.nowMs + ms;
    await this.settled();
    for (let next = this.#next(); next !== null && next.at <= until; next = this.#next()) {
      this.#fireFrom(next, until);
      await this.settled();
    }
    this.nowMs = Math.max(this.nowMs, until);
  }

  /** Moves on by so much at once, then fires what is due. */
  pass(ms: number): void {
    this.nowMs += ms;
    this.#fireDue();
  }

  /** The clock moves and the timers are late, as in a process that was suspended. */
  passUnnoticed(ms: number): void {
    this.nowMs += ms;
  }

  /** Lets time pass until the promise is settled. */
  async passUntil<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    while (!isSettled) {
      await nextTurn();
      if (!isSettled) this.pass(50);
    }
    return settled;
  }

  /** Nothing follows any more from what was fired, and no watched port owes an answer. */
  async settled(): Promise<void> {
    if (this.#busyCount === null) return nextTurn();
    for (let quietRounds = 0; quietRounds < 3; quietRounds += 1) {
      await nextTurn();
      if (this.#busyCount > 0) quietRounds = -1;
    }
  }

  /** The same store or writer on a real database: before the clock moves on, each of its calls has to be answered. */
  watching<Port extends object>(port: Port): Port {
    this.#busyCount ??= 0;
    return new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => this.#counted(method.apply(target, args));
      },
    });
  }

  async #counted<T>(answer: Promise<T>): Promise<T> {
    this.#busyCount = (this.#busyCount ?? 0) + 1;
    try {
      return await answer;
    } finally {
      this.#busyCount -= 1;
    }
  }

  #fireFrom(next: Timer, until: number): void {
    if (this.#stepMs === 0) {
      this.#fire(next);
      return;
    }
    this.nowMs = Math.max(this.nowMs, Math.min(until, next.at + this.#stepMs));
    this.#fireDue();
  }

  #fireDue(): void {
    const due = [...this.#timers].filter(({ at }) => at <= this.nowMs);
    for (const timer of due.sort((one, other) => one.at - other.at || one.order - other.order))
      this.#fire(timer);
  }

  /** A timer that was cancelled meanwhile fires nothing. */
  #fire(timer: Timer): void {
    if (!this.#timers.delete(timer)) return;
    this.nowMs = Math.max(this.nowMs, timer.at);
    timer.fn();
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers)
      if (next === null || timer.at < next.at || (timer.at === next.at && timer.order < next.order))
        next = timer;
    return next;
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
