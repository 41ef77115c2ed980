/**
 * The barrier on SQLite, over `better-sqlite3` or `node:sqlite`. Their statements answer at once, so a whole SQL transaction
 * is one synchronous block: nothing else of this process can come between, and the work is synchronous too.
 */
import { randomUUID } from 'node:crypto';
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
import { judge, type LockedRow, type Row } from './judge.ts';
import {
  answered,
  checkCall,
  keptText,
  knownOf,
  orThrown,
  Remembered,
  refusedRow,
  settled,
  workedRow,
} from './kept.ts';
import { outside } from './outside.ts';
import { retryingConflicts } from './retry.ts';
import { checkKept, rowOf, type Statement, type Statements, statementsFor } from './statements.ts';

/** What both drivers have in common. */
export type SqliteDatabase = {
  exec(sql: string): unknown;
  prepare(sql: string): {
    run(...params: unknown[]): { readonly changes: number | bigint };
    all(...params: unknown[]): unknown[];
  };
};

/**
 * With it the ops of a participant are synchronous functions: what an op that returns a promise wrote is rolled back, and it is
 * answered 503. Ops outside the database may be asynchronous.
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
  readonly #db: Database;
  readonly #statements: Statements;

  constructor(db: Database, statements: Statements) {
    this.#db = db;
    this.#statements = statements;
  }

  /** @param work answers at once: a promise is refused with a TypeError, and what was written is rolled back */
  async run<Result>(
    call: BarrierCall,
    work: (db: Database, known: Known) => Result | Promise<Result>,
    { isPivot = false }: PassOptions = {},
  ): Promise<Passed<Result>> {
    checkCall(call, { isPivot });
    return orThrown(await this.#retrying(() => this.#pass(call, work, isPivot)));
  }

  /**
   * Joins the SQL transaction that is open on the connection, and answers at once. When the work throws, what it wrote is
   * undone with the barrier's row, and the rest is left to the caller. Not for the pivot of a saga: a refusal that the
   * caller rolls back is not remembered.
   *
   * @throws Refusal, InProgress, and whatever the work throws
   */
  within<Result>(
    db: Database,
    call: BarrierCall,
    work: (db: Database, known: Known) => Result,
  ): Passed<Result> {
    if (db !== this.#db) throw new TypeError('this barrier is on another connection');
    checkCall(call);
    return orThrown(this.#undoable(() => this.#pass(call, work, false)));
  }

  outside<Result>(
    call: BarrierCall,
    work: (known: KnownOutside) => Promise<Result>,
    options?: OutsideOptions,
  ): Promise<Passed<Result>> {
    return outside((decide) => this.#change(call, decide), call, work, options);
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
    isPivot: boolean,
  ): Passed<Result> | Remembered {
    const { row, keep } = this.#lock(call);
    const verdict = judge(call, row, isPivot);
    if (verdict.do !== 'work') {
      const { passed, row: after } = settled<Result>(verdict, row, call.op);
      if (after !== null) keep(after);
      return passed;
    }
    try {
      const text = this.#undoable(() => keptText(atOnce(work(this.#db, knownOf(row, call.op)))));
      keep(workedRow(row, call.op, text));
      return { outcome: 'done', result: answered(text) };
    } catch (error) {
      if (!isPivot || !(error instanceof Refusal)) throw error;
      keep(refusedRow(row, error));
      return new Remembered(error);
    }
  }

  #undoable<T>(act: () => T): T {
    this.#db.exec('SAVEPOINT tercet_barrier');
    try {
      const done = act();
      this.#db.exec('RELEASE tercet_barrier');
      return done;
    } catch (error) {
      this.#db.exec('ROLLBACK TO tercet_barrier; RELEASE tercet_barrier');
      throw error;
    }
  }

  #change<T>(
    call: BarrierCall,
    decide: (row: LockedRow) => { readonly row: Row | null; readonly answer: T },
  ): Promise<T> {
    return this.#retrying(() => {
      const branch = this.#lock(call);
      const { row, answer } = decide(branch.row);
      if (row !== null) branch.keep(row);
      return answer;
    });
  }

  #retrying<T>(act: () => T): Promise<T> {
    return retryingConflicts(() => this.#transact(act), isBusy);
  }

  #transact<T>(act: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const done = act();
      this.#db.exec('COMMIT');
      return done;
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Some errors have rolled back already: what is told is the first one. */
  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch {}
  }

  #lock(call: BarrierCall): { readonly row: LockedRow; keep(row: Row): void } {
    const pass = randomUUID();
    const [insert, select] = this.#statements.lock(call, pass) as readonly [Statement, Statement];
    this.#write(insert);
    return {
      row: rowOf(this.#all(select)[0]),
      keep: (row) => checkKept(this.#write(this.#statements.keep(call, pass, row))),
    };
  }

  #write({ sql, params }: Statement): number {
    return Number(this.#db.prepare(sql).run(...params).changes);
  }

  #all({ sql, params }: Statement): unknown[] {
    return this.#db.prepare(sql).all(...params);
  }
}

function atOnce<Result>(result: Result | Promise<Result>): Result {
  if (!isThenable(result)) return result;
  // What becomes of a promise is nobody's any more. A query that waits to be awaited is not begun.
  if (result instanceof Promise) result.catch(() => {});
  throw new TypeError(
    'the work on SQLite has to be synchronous: a promise would end after its SQL transaction',
  );
}

/** Query builders are promises of their own kind. */
const isThenable = <Result>(result: Result | Promise<Result>): result is Promise<Result> =>
  typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function';

/** Another process has the database; in the words of either driver. */
function isBusy(error: unknown): boolean {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return String(code).startsWith('SQLITE_BUSY') || errcode === 5;
}
