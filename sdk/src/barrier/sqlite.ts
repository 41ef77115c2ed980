/**
 * The barrier on SQLite, over `better-sqlite3` or `node:sqlite`. Their statements answer at once, so a whole SQL transaction
 * is one synchronous block: nothing else of this process can come between, and the work is synchronous too.
 */
import { randomUUID } from 'node:crypto';
import { types } from 'node:util';
import { Refusal } from '../refusal.ts';
import type {
  Barrier,
  BarrierCall,
  Known,
  KnownOutside,
  OutsideOptions,
  Passed,
  PassOptions,
} from './barrier.ts';
import { type CleanUpOptions, type CleanUpReport, cleanUp } from './clean-up.ts';
import { closableHandle, targetOf } from './sqlite-handle.ts';
import type { LockedRow, Row } from './judge.ts';
import type { CompletedAs } from './barrier.ts';
import { type WorkOutcome, workOutcomeOf, passedOf, rowAfter } from './work-outcome.ts';
import { guard } from './statement-guard.ts';
import {
  checkedCall,
  knownOf,
  passedOrThrow,
  answerUnrecorded,
  ErrorAfterCommit,
  refusedRow,
  outcomeWithoutWork,
  NothingToRecord,
  verdictOn,
} from './recorded-outcome.ts';
import { outside } from './outside.ts';
import {
  committedByWork,
  sqlTxEndedEarly,
  isUnmarked,
  MarkNotWritten,
  markOf,
  FailedAfterSqlTx,
  errorToThrow,
  PassesUnderWay,
  UnrecordedWork,
} from './unrecorded-work.ts';
import { retryingConflicts } from './conflict-retry.ts';
import { checkKept, lockedOf, type Statement, type Statements, statementsFor } from './statements.ts';

/** What both drivers have in common. */
export type SqliteDatabase = {
  exec(sql: string): unknown;
  prepare(sql: string): {
    run(...params: unknown[]): { readonly changes: number | bigint };
    all(...params: unknown[]): unknown[];
  };
};

/**
 * With it the ops of a participant are synchronous functions: an async function is refused when the participant is defined. Of
 * any other op that returns a promise, what it wrote is rolled back, and it is answered 503. It is given a handle that is
 * closed when it returns; what it goes on to write by the connection itself is not stopped. Ops outside the database may be
 * asynchronous.
 *
 * @param given.table `tercet_barrier` when absent
 */
export function sqliteBarrier<Database extends SqliteDatabase>(given: {
  db: Database;
  table?: string;
}): SqliteBarrier<Database> {
  return new SqliteBarrier(given.db, statementsFor('sqlite', given.table));
}

export class SqliteBarrier<Database extends SqliteDatabase> implements Barrier<Database> {
  readonly isSynchronous = true;
  readonly #db: Database;
  readonly #statements: Statements;
  readonly #underWay = new PassesUnderWay();

  constructor(db: Database, statements: Statements) {
    this.#db = db;
    this.#statements = statements;
  }

  /**
   * @param work is synchronous. An async function is refused with a TypeError and not called; another promise is refused with
   *   a TypeError, and what was written is rolled back. Its database is closed when it returns
   */
  async run<Result>(
    given: BarrierCall,
    work: (db: Database, known: Known) => Result | Promise<Result>,
    options: PassOptions = {},
  ): Promise<Passed<Result>> {
    const call = checkedCall(given, options);
    checkSynchronous(work);
    const passed = await this.#retrying(() => this.#pass(call, work, options)).catch((error) => {
      if (!isUnmarked(error, call)) return answerUnrecorded<Passed<Result>>(error);
      const thrown = error instanceof FailedAfterSqlTx ? errorToThrow(error) : error;
      const unrecorded = this.#marked(call, thrown, () => this.#transact(() => this.#lock(call)));
      throw isBusy(thrown) ? (unrecorded ?? thrown) : thrown;
    });
    return passedOrThrow(passed);
  }

  /**
   * Joins the SQL transaction that is open on the connection, and answers at once. When the work throws, what it wrote is
   * undone with the barrier's row, and the rest is left to the caller. Not for the pivot of a saga: a refusal that the
   * caller rolls back is not remembered.
   *
   * @param options.completes as with `run`; the caller commits, and posts the completion afterwards
   * @throws Refusal, InProgress, NotCompleted, and whatever the work throws
   * @throws TypeError when no SQL transaction is open: the row and the work would be committed one by one
   */
  within<Result>(
    db: Database,
    given: BarrierCall,
    work: (db: Database, known: Known) => Result,
    { completes }: Pick<PassOptions, 'completes'> = {},
  ): Passed<Result> {
    if (targetOf(db) !== this.#db) throw new TypeError('this barrier is on another connection');
    const call = checkedCall(given, { completes });
    checkSynchronous(work);
    if (!this.#isInSqlTx()) throw new TypeError('no SQL transaction is open: begin one first, or use run');
    try {
      return passedOrThrow(this.#joined(() => this.#pass(call, work, { completes, isJoined: true })));
    } catch (error) {
      if (!isUnmarked(error, call)) throw this.#underWay.joining(error);
      const thrown = error instanceof FailedAfterSqlTx ? errorToThrow(error) : error;
      // In no SQL transaction, the mark is committed immediately; in one that the work began, it shares its end.
      this.#marked(call, thrown, () => this.#lock(call));
      throw thrown;
    }
  }

  outside<Result>(
    call: BarrierCall,
    work: (known: KnownOutside) => Promise<Result>,
    options?: OutsideOptions,
  ): Promise<Passed<Result>> {
    return outside((own, decide) => this.#change(own, decide), call, work, options);
  }

  async createTable(): Promise<void> {
    this.#db.exec(this.#statements.createTable);
  }

  /** Removes the rows of transactions that are final and long over; see `clean-up.ts`. */
  cleanUp(options: CleanUpOptions): Promise<CleanUpReport> {
    const { page, remove } = this.#statements;
    return cleanUp(
      {
        page: async (...asked) => this.#all(page(...asked)),
        remove: (keys) => this.#retrying(() => this.#write(remove(keys))),
      },
      options,
    );
  }

  #pass<Result>(
    call: BarrierCall,
    work: (db: Database, known: Known) => Result | Promise<Result>,
    { isJoined = false, ...options }: PassOptions & { isJoined?: boolean },
  ): Passed<Result> | ErrorAfterCommit {
    const { row, mark, keep } = this.#lock(call);
    const { isPivot = false, completes = null } = options;
    const verdict = verdictOn(call, row, options);
    if (verdict.do !== 'work') {
      const { passed, row: after } = outcomeWithoutWork<Result>(verdict, row, call);
      if (after === null) throw new NothingToRecord(passed);
      keep(after);
      return passed;
    }
    const savepoint = this.#savepoint();
    const { end } = this.#underWay.begin(mark);
    let kept: WorkOutcome;
    try {
      kept = this.#guarded((db) => work(db, knownOf(row, call.op)), completes);
    } catch (error) {
      const isUndone = savepoint.undo();
      if (!isUndone && !(isPivot && error instanceof Refusal)) throw new FailedAfterSqlTx(error);
      if (!isPivot || !(error instanceof Refusal)) throw error;
      // What was committed before it is not undone: remembered, it would say that nothing was done.
      if (!isUndone) throw sqlTxEndedEarly({ unrecorded: call, cause: error });
      keep(refusedRow(row, error));
      return new ErrorAfterCommit(error);
    } finally {
      end();
    }
    const isOurs = savepoint.release();
    // The next SQL transaction of one that was joined is its caller's to begin.
    if (!isOurs && !isJoined) this.#begin();
    keep(rowAfter(row, call.op, kept));
    return isOurs ? passedOf(kept) : new ErrorAfterCommit(committedByWork());
  }

  /**
   * Runs the work, and keeps it from ending the SQL transaction; see `statement-guard.ts`. A `toJSON` of its result
   * belongs to it.
   */
  #guarded(work: (db: Database) => unknown, completes: CompletedAs | null): WorkOutcome {
    const end = guard(this.#db, 'sqlite', { statements: ['exec', 'prepare'], isAsync: false });
    const { handle, close } = closableHandle(this.#db);
    try {
      return workOutcomeOf(atOnce(work(handle)), completes);
    } finally {
      close();
      end();
    }
  }

  #joined<T>(act: () => T): T {
    const savepoint = this.#savepoint();
    let done: T;
    try {
      done = act();
    } catch (error) {
      savepoint.undo();
      return answerUnrecorded<T>(error);
    }
    if (savepoint.release()) return done;
    throw sqlTxEndedEarly();
  }

  /** Under a name of its own: it never stands for another one, whose release could be a commit. */
  #savepoint() {
    const name = `tercet_${randomUUID().replaceAll('-', '')}`;
    const undo = (): boolean => {
      try {
        this.#db.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
        return true;
      } catch {
        // It is not there: the SQL transaction in which it was set is over.
        return false;
      }
    };
    this.#db.exec(`SAVEPOINT ${name}`);
    return {
      undo,
      release: (): boolean => {
        try {
          this.#db.exec(`RELEASE ${name}`);
          return true;
        } catch (error) {
          // It is there, so something else is wrong.
          if (undo()) throw error;
          return false;
        }
      },
    };
  }

  async #change<T>(
    call: BarrierCall,
    decide: (row: LockedRow) => { readonly row: Row | null; readonly answer: T },
  ): Promise<T> {
    const changing = this.#retrying(() => {
      const branch = this.#lock(call);
      const { row, answer } = decide(branch.row);
      if (row === null) throw new NothingToRecord(answer);
      branch.keep(row);
      return answer;
    });
    return changing.catch(answerUnrecorded<T>);
  }

  /**
   * Leaves the row with a mark: after a rollback of its own, the work may have committed effects that no record shows.
   * @returns the error of a mark that the row has already
   * @throws MarkNotWritten
   */
  #marked(call: BarrierCall, thrown: unknown, mark: () => unknown): UnrecordedWork | null {
    try {
      mark();
      return null;
    } catch (error) {
      if (error instanceof UnrecordedWork) return error;
      throw new MarkNotWritten(call, thrown, error);
    }
  }

  #retrying<T>(act: () => T): Promise<T> {
    return retryingConflicts(() => this.#transact(act), isBusy);
  }

  /** @throws TypeError when a SQL transaction is open already, which stays as it is: it belongs to other code */
  #transact<T>(act: () => T): T {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
    } catch (cause) {
      throw !isBusy(cause) && this.#isInSqlTx() ? new TypeError(ALREADY_OPEN, { cause }) : cause;
    }
    try {
      const done = act();
      this.#db.exec('COMMIT');
      return done;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Older versions of node:sqlite do not say it. Inside of a SQL transaction, BEGIN fails and changes nothing. */
  #isInSqlTx(): boolean {
    const { inTransaction, isTransaction = inTransaction } = this.#db as DatabaseWithTransactionState;
    if (isTransaction !== undefined) return isTransaction;
    try {
      this.#db.exec('BEGIN');
    } catch {
      return true;
    }
    this.#db.exec('ROLLBACK');
    return false;
  }

  /** After work that has committed by itself; it may have begun another SQL transaction, too. */
  #begin(): void {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
    } catch {}
  }

  /** Some errors have rolled back already: the first one is reported. */
  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch {}
  }

  /** @throws UnrecordedWork */
  #lock(call: BarrierCall): { readonly row: LockedRow; readonly mark: string; keep(row: Row): void } {
    const mark = markOf(call.op);
    const [insert, select] = this.#statements.lock(call, mark) as readonly [Statement, Statement];
    this.#write(insert);
    return {
      row: lockedOf(this.#all(select)[0], call, mark, this.#statements.table).row,
      mark,
      keep: (row) => checkKept(this.#write(this.#statements.keep(call, mark, row)), call),
    };
  }

  #write({ sql, params }: Statement): number {
    return Number(this.#db.prepare(sql).run(...params).changes);
  }

  #all({ sql, params }: Statement): unknown[] {
    return this.#db.prepare(sql).all(...params);
  }
}

/** What better-sqlite3 calls the one, and node:sqlite the other. */
type DatabaseWithTransactionState = { readonly inTransaction?: boolean; readonly isTransaction?: boolean };

const ALREADY_OPEN =
  'a SQL transaction is open on this connection, and was left as it is: commit it or roll it back before this call, or ' +
  'join it by within';

function atOnce<Result>(result: Result | Promise<Result>): Result {
  if (!isThenable(result)) return result;
  if (result instanceof Promise) ignoreRejection(result);
  throw notSynchronous();
}

/**
 * What becomes of a promise is nobody's any more. A query that waits to be awaited is not begun: its own `then` would do so, and
 * where its class cannot be made by that of promises, it has nothing to reject yet.
 */
function ignoreRejection(promise: Promise<unknown>): void {
  try {
    Reflect.apply(Promise.prototype.then, promise, [undefined, () => {}]);
  } catch {}
}

/** Before it is called: what it does after its first `await` cannot be rolled back. A generator does nothing when it is called. */
export function checkSynchronous(work: unknown): void {
  if (types.isAsyncFunction(work) && !types.isGeneratorFunction(work)) throw notSynchronous();
}

const notSynchronous = () =>
  new TypeError('the work on SQLite has to be synchronous: a promise would end after its SQL transaction');

/** Query builders are promises of their own kind. */
const isThenable = <Result>(result: Result | Promise<Result>): result is Promise<Result> =>
  typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function';

/**
 * SQLite, “Result and Error Codes”: SQLITE_BUSY, another connection has the database; SQLITE_LOCKED, another statement or a
 * shared cache has the table. Their extended codes have the same last byte.
 */
const CONFLICTS = { names: /^SQLITE_(?:BUSY|LOCKED)(?:_|$)/, codes: new Set([5, 6]) };

/** In the words of either driver: better-sqlite3 has names, and node:sqlite numbers. */
export function isBusy(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return CONFLICTS.names.test(String(code)) || CONFLICTS.codes.has(Number(errcode) & 0xff);
}
