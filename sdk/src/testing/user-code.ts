/**
 * Which code of the test runs in the world: a participant's handler, which may query a real database, and the function
 * given to `run`, which may await anything. The world cannot see what either does. While one of them runs, no time
 * passes by itself: a query of a millisecond would otherwise take an hour of the world's time.
 *
 * Code that awaits the world (a request, a delay, the end of a transaction) does not count as running. Whose wait it is
 * shows the async context in which it began.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/** `holder` is a test that has a call on hold, and inspects the world meanwhile. */
export type UserCodeKind = 'handler' | 'body' | 'holder';

type Running = { readonly kind: UserCodeKind; waitCount: number };

export class UserCode {
  readonly #current = new AsyncLocalStorage<Running>();
  /** The context in which the world was made. */
  readonly #outside = new AsyncResource('TestWorld');
  readonly #all = new Set<Running>();
  #waitCount = 0;
  /** Called whenever code begins or ends to run, or to wait. */
  onChange = () => {};

  /** Runs code of the test. */
  async run<T>(kind: UserCodeKind, work: () => T | Promise<T>): Promise<T> {
    const running = this.#begin(kind);
    try {
      return await this.#current.run(running, work);
    } finally {
      this.#end(running);
    }
  }

  /** Code of the test runs from now on; returns what ends it. */
  begin(kind: UserCodeKind): () => void {
    const running = this.#begin(kind);
    return () => this.#end(running);
  }

  /**
   * The code around waits for the world from now on; returns what ends the wait. A second call of that does nothing.
   */
  wait(): () => void {
    const running = this.#current.getStore();
    this.#count(running, 1);
    let isOver = false;
    return () => {
      if (!isOver) this.#count(running, -1);
      isOver = true;
    };
  }

  async waitFor<T>(work: () => Promise<T>): Promise<T> {
    const end = this.wait();
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** Runs what is another process in a real system: its waits do not count as those of the code around. */
  runOutside<T>(work: () => T): T {
    return this.#outside.runInAsyncScope(work);
  }

  get isAwaited(): boolean {
    return this.#waitCount > 0;
  }

  /** Whether code of these kinds runs, and does not wait for the world. */
  isRunning(kinds: readonly UserCodeKind[]): boolean {
    return [...this.#all].some(({ kind, waitCount }) => waitCount === 0 && kinds.includes(kind));
  }

  #begin(kind: UserCodeKind): Running {
    const running = { kind, waitCount: 0 };
    this.#all.add(running);
    return running;
  }

  #end(running: Running): void {
    this.#all.delete(running);
    this.onChange();
  }

  #count(running: Running | undefined, change: 1 | -1): void {
    if (running !== undefined) running.waitCount += change;
    this.#waitCount += change;
    this.onChange();
  }
}
