/**
 * The barrier: what lets a participant be called twice, too late or in the wrong order without harm.
 *
 * A coordinator repeats a call whose answer it did not receive, so any call may come again; and networks delay, so a
 * try may come after its own cancel, and an action after its own compensate. Business code should not have to think of
 * either. It runs behind the barrier, and takes effect at most once for each branch and op (I5).
 *
 * Each branch has one row in a table next to the business tables. It is locked first, then judged (`judge.ts`), and
 * changed in the SQL transaction of the business work, so that row and work stand or fall together:
 *
 * 1. A repeated call finds its own op done, does nothing, and answers the first result again.
 * 2. A cancel or compensate that finds nothing leaves a tombstone, succeeds, and undoes nothing (null compensation,
 *    空回滚; I7).
 * 3. A try or action that finds the tombstone, or comes after its deadline, is refused (hanging, 悬挂; I6).
 * 4. A confirm without a try, a confirm after a cancel and a cancel after a confirm are refused, never answered with
 *    success: the coordinator would believe that the branch is done (I1, I8). So is an op of the other pattern: a branch is
 *    either one of a tcc or a step of a saga.
 * 5. A refusal rolls everything back and leaves no trace: it speaks for this one call. Only the refusal of a saga's pivot is
 *    remembered, for good, because a pivot is never compensated.
 * 6. Work that returns `accepted()` is committed, and its op goes on outside: repeated calls answer that it goes on, a cancel or
 *    compensate undoes it, and a completion records its end under the same lock (`judge-completion.ts`).
 * 7. Whatever else the work throws is rolled back too, and thrown on: work that is undone is never answered with
 *    success.
 */
import type { Call } from '../call.ts';

/** How an accepted op ends. */
export type CompletedAs = 'succeeded' | 'refused';

/** What the barrier has to know of a call. */
export type BarrierCall = Pick<Call, 'gid' | 'branchId' | 'op' | 'deadlineAt'>;

export type Passed<Result> =
  | {
      /** `done` just now · `repeated`: done before, nothing happened now · `nothing_to_undo`: the tombstone is set. */
      readonly outcome: 'done' | 'repeated' | 'nothing_to_undo';
      /** What the work returned when it was done, as JSON keeps it; null where nothing was done. */
      readonly result: Result | null;
    }
  | {
      /** Accepted, now or before: it is completed from outside. */
      readonly outcome: 'accepted';
      readonly result: null;
      /** When to call again; null where the caller decides. */
      readonly retryAfterMs: number | null;
    };

/** What is known of the branch, as JSON keeps it. */
export type Known = {
  /** What its try returned; null in a try, in a saga, and where it returned nothing. */
  readonly tryResult: unknown;
  /** What the action of the step returned; null in an action, in a tcc, and where it returned nothing. */
  readonly actionResult: unknown;
  /** Work outside the database was started for this branch by an earlier call, and its end is not known. */
  readonly isStarted: boolean;
};

export type KnownOutside = Known & {
  /** Aborted when the work may take no longer: the next call takes it for crashed. */
  readonly signal: AbortSignal;
};

export type PassOptions = {
  /**
   * For the action of a saga's pivot, and for no other call: its refusal is remembered, and answered again for good. That of
   * its deadline too; and one that was started outside before its deadline is ended after it.
   */
  readonly isPivot?: boolean;
  /**
   * The op was accepted before, and this completes it: the work runs in the SQL transaction that records the end, and returns
   * the result. `refused` is for a try or an action alone; its work returns the reason, in words.
   */
  readonly completes?: CompletedAs | undefined;
};

export type OutsideOptions = Pick<PassOptions, 'isPivot'> & {
  /** How long the work may take, in milliseconds; 30,000 when absent. */
  readonly limitMs?: number;
};

/** What `defineParticipant` needs of a barrier; the adapters for each driver give more. */
export interface Barrier<SqlTx> {
  /** Its work is synchronous, and is refused where it returns a promise. */
  readonly isSynchronous?: boolean;

  /**
   * Opens a SQL transaction, runs the work in it unless it was done before, and commits. Deadlocks and lock time-outs
   * are retried, so the work may run several times, of which one is committed: it does database work only.
   *
   * @param work is given the open SQL transaction; returns what is answered, any JSON value of at most 64 KiB, or `accepted()`
   * @throws Refusal for a call that contradicts what was done before; and whatever the work throws
   * @throws TypeError for a call that names no branch or op, and for an `isPivot` that is no action's
   * @throws InProgress while work outside the database is under way for this branch
   * @throws NotCompleted when `completes` is given and the op is not accepted; nothing is written then
   */
  run<Result>(
    call: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
    options?: PassOptions,
  ): Promise<Passed<Result>>;

  /**
   * For work outside the database, such as a call of a bank. That it was started is durable before it starts, so that a
   * crash half-way is still undone. The work is to bear repetition under the key `gid/branchId/op`.
   *
   * @throws InProgress while the same branch is worked on elsewhere, for `limitMs` at most
   */
  outside<Result>(
    call: BarrierCall,
    work: (known: KnownOutside) => Promise<Result>,
    options?: OutsideOptions,
  ): Promise<Passed<Result>>;

  /** Creates the table unless it is there. The same statement is shipped as a file under `sql/`. */
  createTable(): Promise<void>;
}
