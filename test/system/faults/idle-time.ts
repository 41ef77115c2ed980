/**
 * Time that stands still while the database works. Timers are fired by hand, but what they set off runs on real
 * connections: before the clock moves on, everything that was asked of the database has to be answered.
 */
import { setImmediate } from 'node:timers/promises';
import type { BatchWriter, Time, TransactionStore } from '../../../src/application/ports.ts';

type Timer = { readonly at: number; readonly fn: () => void };

/** Timers within this of each other are fired together: a step costs a round of waiting. */
const STEP_MS = 100;

export class IdleTime implements Time {
  #nowMs = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<Timer>();
  #busyCount = 0;

  now() {
    return { earliest: this.#nowMs, latest: this.#nowMs };
  }

  elapsedMs(): number {
    return this.#nowMs;
  }

  settle(): null {
    return null;
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { at: this.#nowMs + Math.max(0, delayMs), fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves on by so much, and fires what falls due, in steps. */
  async pass(ms: number): Promise<void> {
    const until = this.#nowMs + ms;
    for (;;) {
      await this.settled();
      const next = this.#nextAt();
      if (next > until) break;
      this.#nowMs = Math.min(until, next + STEP_MS);
      this.#fire();
    }
    this.#nowMs = until;
  }

  /** Nothing is asked of the database, and nothing follows from what it answered. */
  async settled(): Promise<void> {
    for (let quietRounds = 0; quietRounds < 3; quietRounds += 1) {
      await setImmediate();
      if (this.#busyCount > 0) quietRounds = -1;
    }
  }

  /** The same store or writer, whose every answer is waited for. */
  watching<Port extends TransactionStore | BatchWriter>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => this.#counted(method.apply(target, args));
      },
    });
  }

  async #counted<T>(answer: Promise<T>): Promise<T> {
    this.#busyCount += 1;
    try {
      return await answer;
    } finally {
      this.#busyCount -= 1;
    }
  }

  #nextAt(): number {
    let next = Infinity;
    for (const { at } of this.#timers) next = Math.min(next, at);
    return next;
  }

  #fire(): void {
    const due = [...this.#timers].filter(({ at }) => at <= this.#nowMs).sort((a, b) => a.at - b.at);
    for (const timer of due) if (this.#timers.delete(timer)) timer.fn();
  }
}
