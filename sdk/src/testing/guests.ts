/**
 * Code that the world runs and cannot look into: a participant's handler, which may ask a real database, and the function
 * given to `run`, which may await anything. While one of them is at something of its own, no time may pass by itself: it
 * would be late by an hour for a query of a millisecond.
 *
 * A guest that awaits something of the world (a request, a delay, the end of a transaction) is not at work: it is the
 * world's turn to get on. Whose wait it is, is known by the asynchronous context in which it began.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/** `holder` is a test that has a call on hold, and looks at what there is to see. */
export type GuestKind = 'handler' | 'body' | 'holder';

type Guest = { readonly kind: GuestKind; waitCount: number };

export class Guests {
  readonly #current = new AsyncLocalStorage<Guest>();
  /** The context in which the world was made. */
  readonly #outside = new AsyncResource('TestWorld');
  readonly #guests = new Set<Guest>();
  #waitCount = 0;
  /** Told whenever somebody comes, goes, begins to wait or has waited. */
  onChange = () => {};

  /** Runs what cannot be looked into. */
  async host<T>(kind: GuestKind, work: () => T | Promise<T>): Promise<T> {
    const guest = this.#enter(kind);
    try {
      return await this.#current.run(guest, work);
    } finally {
      this.#leave(guest);
    }
  }

  /** Somebody is at work from now on; answers what ends it. */
  enter(kind: GuestKind): () => void {
    const guest = this.#enter(kind);
    return () => this.#leave(guest);
  }

  /** Somebody waits for the world from now on; answers what ends the wait, and does so once. */
  wait(): () => void {
    const guest = this.#current.getStore();
    this.#count(guest, 1);
    let isOver = false;
    return () => {
      if (!isOver) this.#count(guest, -1);
      isOver = true;
    };
  }

  async waiting<T>(work: () => Promise<T>): Promise<T> {
    const end = this.wait();
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** Runs what in a real world is another process: it knows nothing of the code that it serves. */
  elsewhere<T>(work: () => T): T {
    return this.#outside.runInAsyncScope(work);
  }

  get isAwaited(): boolean {
    return this.#waitCount > 0;
  }

  /** Whether a guest of these kinds is at something of its own. */
  isAtWork(kinds: readonly GuestKind[]): boolean {
    return [...this.#guests].some(({ kind, waitCount }) => waitCount === 0 && kinds.includes(kind));
  }

  #enter(kind: GuestKind): Guest {
    const guest = { kind, waitCount: 0 };
    this.#guests.add(guest);
    return guest;
  }

  #leave(guest: Guest): void {
    this.#guests.delete(guest);
    this.onChange();
  }

  #count(guest: Guest | undefined, change: 1 | -1): void {
    if (guest !== undefined) guest.waitCount += change;
    this.#waitCount += change;
    this.onChange();
  }
}
