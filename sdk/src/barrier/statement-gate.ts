/**
 * What the work of one pass asks of its SQL transaction: whether it may still ask, and what is not answered yet.
 *
 * 1. `Promise.all` rejects while its other parts go on. Their later statements would be committed one by one, or in the SQL
 *    transaction of another pass. So the gate closes as soon as the work settles, and the barrier waits for outstanding
 *    statements before it records, commits or rolls back.
 * 2. MySQL ends the SQL transaction at a deadlock, and runs the next statement in a new one, which the barrier does not know.
 *    So statements are sent one after the other. After a conflict the next one is sent only if the SQL transaction still
 *    stands. Otherwise it is rejected, and so are all later ones, as PostgreSQL does it by itself.
 * 3. Work that returns while it still asks is not done: a statement of it was rejected because it came too late, or failed and
 *    no one awaited it. If that shows before the commit, the pass fails.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

export const opEnded = (): Error =>
  new Error('the op has ended: await all that is asked of sqlTx before it returns');

/** The work returned, but part of it was still going on or had failed unnoticed. All of it was rolled back. */
export class UnfinishedWork extends Error {
  override readonly name = 'UnfinishedWork';

  constructor(cause: unknown) {
    super(
      'the op returned before all that it asked of sqlTx was done, and all of it was rolled back: await everything, and every ' +
        'part of a forEach or a map by Promise.all',
      { cause },
    );
  }
}

/** Knows whether anyone awaits it. */
class TrackedPromise<T> extends Promise<T> {
  isAwaited = false;

  // What is made of it is an ordinary promise.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise.
  override then<A = T, B = never>(
    ...then: [((value: T) => A | PromiseLike<A>)?, ((reason: unknown) => B | PromiseLike<B>)?]
  ): Promise<A | B> {
    this.isAwaited = true;
    return super.then(...then);
  }
}

const rolledBack = (conflict: unknown): Error =>
  new Error('the SQL transaction has been rolled back: let the op fail, and its call is repeated', {
    cause: conflict,
  });

/** How a database ends a SQL transaction for the sake of another one. */
export type EndedByServer = {
  /** Whether the server may have ended the SQL transaction with this error. */
  isConflict(error: unknown): boolean;
  /** Whether the SQL transaction still stands. */
  isOurs(): Promise<boolean>;
};

/** The statement in whose async context we are: what asks from there must not wait for it. */
type Turn = { readonly of: StatementGate; readonly around: Turn | null };
const current = new AsyncLocalStorage<Turn>();

export class StatementGate {
  readonly #server: EndedByServer | null;
  readonly #outstanding = new Set<unknown>();
  readonly #seen = new WeakSet<object>();
  #lastTurn: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  /** The last conflict, unless the SQL transaction is known to stand. */
  #conflict: { readonly error: unknown } | null = null;
  #isRolledBack = false;
  /** Why the work is not finished, though it returned. */
  #unfinished: { readonly cause: unknown } | null = null;
  /** Statements that failed, none of which was awaited when it did. */
  readonly #failed: { readonly asked: TrackedPromise<unknown>; readonly error: unknown }[] = [];
  readonly #around: StatementGate | null;
  #joinedCount = 0;

  /**
   * @param server null where the server rejects by itself what follows a conflict
   * @param around that of the pass in whose work this one joins its SQL transaction
   */
  constructor(server: EndedByServer | null, around: StatementGate | null = null) {
    this.#server = server;
    this.#around = around;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the work around has returned, so that what is asked now is asked by its barrier, or by the next user. */
  get isSurroundingClosed(): boolean {
    return this.#around !== null && (this.#around.isClosed || this.#around.isSurroundingClosed);
  }

  /** By which the server ended the SQL transaction, or may have done so. Nothing ran since. */
  get conflict(): { readonly error: unknown } | null {
    return this.#conflict;
  }

  /** Whether a statement of this gate was answered with this error. */
  hasSeen(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#seen.has(error);
  }

  /**
   * Sends a statement, and follows its answer.
   * @returns a promise in place of another one, so that a rejection that is never awaited is still reported as unhandled
   */
  send(statement: () => unknown): unknown {
    if (this.#server === null) return this.#follow(statement());
    if (this.#isInTurn()) return statement();
    const turn = this.#lastTurn.then(() => current.run(this.#turn(), () => this.#sendNow(statement)));
    this.#lastTurn = turn.catch(() => {});
    return this.#follow(turn);
  }

  /** Rejects what is asked from now on; resolves when all that was asked is answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#outstanding.size > 0) await Promise.allSettled(this.#outstanding);
  }

  /** The work goes on after it has returned. So does that around it, which commits both. */
  reportUnfinished(cause: unknown): void {
    this.#unfinished ??= { cause };
    this.#around?.reportUnfinished(cause);
  }

  /** A pass that joins the SQL transaction of this one; the answer ends it. */
  joined(): () => void {
    this.#joinedCount += 1;
    return () => {
      this.#joinedCount -= 1;
    };
  }

  /** @throws UnfinishedWork */
  checkFinished(): void {
    const unheard = this.#failed.find(({ asked }) => !asked.isAwaited);
    const found = this.#unfinished ?? (unheard && { cause: unheard.error });
    if (found) throw new UnfinishedWork(found.cause);
    if (this.#joinedCount > 0)
      throw new UnfinishedWork(new Error('a call that was joined is still being passed'));
  }

  #follow(answer: unknown): unknown {
    if (!isThenable(answer)) return answer;
    this.#outstanding.add(answer);
    const asked = new TrackedPromise<unknown>((resolve, reject) => {
      answer.then(
        (value) => {
          this.#outstanding.delete(answer);
          resolve(value);
        },
        (error) => {
          this.#outstanding.delete(answer);
          // The work returned without its answer.
          if (this.#isClosed) this.#unfinished ??= { cause: error };
          else this.#failed.push({ asked, error });
          reject(error);
        },
      );
    });
    return asked;
  }

  async #sendNow(statement: () => unknown): Promise<unknown> {
    const server = this.#server as EndedByServer;
    if (this.#conflict !== null && !this.#isRolledBack) {
      this.#isRolledBack = !(await server.isOurs());
      if (!this.#isRolledBack) this.#conflict = null;
    }
    if (this.#isRolledBack) throw rolledBack(this.#conflict?.error);
    try {
      return await statement();
    } catch (error) {
      if (typeof error === 'object' && error !== null) this.#seen.add(error);
      if (server.isConflict(error)) this.#conflict = { error };
      throw error;
    }
  }

  #turn(): Turn {
    return { of: this, around: current.getStore() ?? null };
  }

  #isInTurn(): boolean {
    for (let turn = current.getStore() ?? null; turn !== null; turn = turn.around)
      if (turn.of === this) return true;
    return false;
  }
}

export const isThenable = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
