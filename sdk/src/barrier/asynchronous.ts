/**
 * The barrier over a driver that answers by promises: MySQL and PostgreSQL, directly or through an ORM. What differs
 * between them is given; the order of things is here, and its rules are in `judge.ts`.
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
  orUnchanged,
  Remembered,
  refusedRow,
  settled,
  Unchanged,
  workedRow,
} from './kept.ts';
import { inTurn } from './one-at-a-time.ts';
import { outside } from './outside.ts';
import { committedUnder, endedUnder, markOf, SqlTxEnded } from './pass.ts';
import { retryingConflicts } from './retry.ts';
import { checkKept, lockedOf, type Statement, type Statements, sqlTxOf } from './statements.ts';

export type Ran = { readonly rows: readonly unknown[]; readonly changedCount: number };

export type Driver<SqlTx> = {
  readonly statements: Statements;
  /** Commits when `act` resolves; rolls back when it rejects, and rejects the same way. */
  transact<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T>;
  run(sqlTx: SqlTx, statement: Statement): Promise<Ran>;
  /** Runs the work, and keeps it from ending the SQL transaction; see `guard.ts`. */
  guarded<T>(sqlTx: SqlTx, work: () => Promise<T>): Promise<T>;
  /** A deadlock, or a lock waited for in vain: the same SQL transaction may succeed when it is run again. */
  isConflict(error: unknown): boolean;
  /** Whether statements that follow a rollback are committed one by one. */
  readonly autocommitsAfterRollback: boolean;
};

export class AsyncBarrier<SqlTx> implements Barrier<SqlTx> {
  readonly #driver: Driver<SqlTx>;

  constructor(driver: Driver<SqlTx>) {
    this.#driver = driver;
  }

  async run<Result>(
    call: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
    { isPivot = false }: PassOptions = {},
  ): Promise<Passed<Result>> {
    checkCall(call, { isPivot });
    const pass = (sqlTx: SqlTx) => this.#pass(sqlTx, call, isPivot ? this.#pivot(call, work) : work, isPivot);
    const passed = await this.#retrying(pass).catch(async (error) => {
      if (error instanceof SqlTxEnded && error.unrecorded === call) await this.#mark(call);
      return orUnchanged<Passed<Result>>(error);
    });
    return orThrown(passed);
  }

  /**
   * Joins a SQL transaction that is open, and never retries: a deadlock has undone what came before, too, so whoever opened
   * it runs it again. When the work throws, what it wrote is undone with the barrier's row, and the rest is left to the
   * caller. Not for the pivot of a saga: a refusal that the
   * caller rolls back is not remembered.
   *
   * @throws Refusal, InProgress, and whatever the work throws
   * @throws TypeError when no SQL transaction is open: the row and the work would be committed one by one; and when another
   *   call is being passed on it at the same time
   */
  async within<Result>(
    sqlTx: SqlTx,
    call: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
  ): Promise<Passed<Result>> {
    checkCall(call);
    const passed = await inTurn(sqlTx, async () => {
      await this.#checkOpen(sqlTx);
      return this.#undoable(sqlTx, () => this.#pass(sqlTx, call, work)).catch(orUnchanged<Passed<Result>>);
    });
    return orThrown(passed);
  }

  outside<Result>(
    call: BarrierCall,
    work: (known: KnownOutside) => Promise<Result>,
    options?: OutsideOptions,
  ): Promise<Passed<Result>> {
    return outside((decide) => this.#change(call, decide), call, work, options);
  }

  async createTable(): Promise<void> {
    const { transact, run, statements } = this.#driver;
    const create = () => transact((sqlTx) => run(sqlTx, { sql: statements.createTable, params: [] }));
    // Of two replicas at once PostgreSQL fails one, for all its IF NOT EXISTS; a moment later the table is there.
    await create().catch(create);
  }

  /** Removes the rows of transactions that are final and long over; see `clean-up.ts`. */
  cleanUp(options: CleanUpOptions): Promise<CleanUpReport> {
    const { statements } = this.#driver;
    const run = (statement: Statement) => this.#retrying((sqlTx) => this.#driver.run(sqlTx, statement));
    return cleanUp(
      {
        page: async (...asked) => (await run(statements.page(...asked))).rows,
        remove: async (keys) => (await run(statements.remove(keys))).changedCount,
      },
      options,
    );
  }

  async #pass<Result>(
    sqlTx: SqlTx,
    call: BarrierCall,
    work: Work<SqlTx, Result | Remembered>,
    isPivot = false,
  ): Promise<Passed<Result> | Remembered> {
    const branch = await this.#lock(sqlTx, call);
    const { row } = branch;
    const verdict = judge(call, row, isPivot);
    if (verdict.do !== 'work') {
      const { passed, row: after } = settled<Result>(verdict, row, call.op);
      if (after === null) throw new Unchanged(passed);
      await branch.keep(after);
      return passed;
    }
    const known = knownOf(row, call.op);
    const result = await this.#driver.guarded(sqlTx, async () => work(sqlTx, known, branch));
    if (result instanceof Remembered) return result;
    const text = keptText(result);
    const { isSameSqlTx } = await branch.keep(workedRow(row, call.op, text));
    return isSameSqlTx ? { outcome: 'done', result: answered(text) } : new Remembered(committedUnder());
  }

  /** Its refusal undoes the work, and is committed. */
  #pivot<Result>(
    call: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
  ): Work<SqlTx, Result | Remembered> {
    return async (sqlTx, known, { row, keep }) => {
      const savepoint = await this.#savepoint(sqlTx);
      let text: string | null;
      try {
        text = keptText(await work(sqlTx, known));
      } catch (error) {
        const isUndone = await savepoint.undo();
        if (!(error instanceof Refusal)) throw error;
        // What was committed before it is not undone: remembered, it would say that nothing was done.
        if (!isUndone) throw endedUnder({ unrecorded: call, cause: error });
        await keep(refusedRow(row, error));
        return new Remembered(error);
      }
      if (await savepoint.release()) return answered<Result>(text) as Result;
      await keep(workedRow(row, call.op, text));
      return new Remembered(committedUnder());
    };
  }

  async #undoable<T>(sqlTx: SqlTx, act: () => Promise<T>): Promise<T> {
    const savepoint = await this.#savepoint(sqlTx);
    let done: T;
    try {
      done = await act();
    } catch (error) {
      // After a deadlock there is no savepoint left; what is told is the first error.
      await savepoint.undo();
      throw error;
    }
    if (await savepoint.release()) return done;
    throw endedUnder();
  }

  /** Under a name of its own: on MySQL a second savepoint of one name takes the place of the first. */
  async #savepoint(sqlTx: SqlTx): Promise<Savepoint> {
    const name = `tercet_${randomUUID().replaceAll('-', '')}`;
    const run = (sql: string) => this.#driver.run(sqlTx, { sql: `${sql} ${name}`, params: [] });
    const undo = () =>
      run('ROLLBACK TO SAVEPOINT').then(
        () => true,
        () => false,
      );
    await run('SAVEPOINT');
    return {
      undo,
      async release() {
        try {
          await run('RELEASE SAVEPOINT');
          return true;
        } catch (error) {
          // It is there, so something else is wrong.
          if (await undo()) throw error;
          return false;
        }
      },
    };
  }

  /** Without a SQL transaction one database refuses the savepoint, and another forgets it at once. */
  async #checkOpen(sqlTx: SqlTx): Promise<void> {
    try {
      await this.#undoable(sqlTx, async () => {});
    } catch (cause) {
      throw new TypeError('no SQL transaction is open: begin one first, or use run', { cause });
    }
  }

  /** One short SQL transaction that only looks at the row and changes it. */
  async #change<T>(
    call: BarrierCall,
    decide: (row: LockedRow) => { readonly row: Row | null; readonly answer: T },
  ): Promise<T> {
    const changing = this.#retrying(async (sqlTx) => {
      const branch = await this.#lock(sqlTx, call);
      const { row, answer } = decide(branch.row);
      if (row === null) throw new Unchanged(answer);
      await branch.keep(row);
      return answer;
    });
    return changing.catch(orUnchanged<T>);
  }

  /** Leaves the row with a mark: after a rollback of its own the work may have committed what nobody can see any more. */
  async #mark(call: BarrierCall): Promise<void> {
    if (!this.#driver.autocommitsAfterRollback) return;
    await this.#retrying((sqlTx) => this.#lock(sqlTx, call)).catch(() => {});
  }

  #retrying<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T> {
    return retryingConflicts(() => this.#driver.transact(act), this.#driver.isConflict);
  }

  /** @throws UnrecordedWork */
  async #lock(sqlTx: SqlTx, call: BarrierCall): Promise<LockedBranch> {
    const { run, statements } = this.#driver;
    const mark = markOf(call.op);
    let rows: readonly unknown[] = [];
    for (const statement of statements.lock(call, mark)) ({ rows } = await run(sqlTx, statement));
    const locked = lockedOf(rows[0], call, mark, statements.table);
    return {
      row: locked.row,
      keep: async (row) => {
        const kept = await run(sqlTx, statements.keep(call, mark, row));
        checkKept(kept.changedCount, call);
        return { isSameSqlTx: sqlTxOf(kept.rows[0]) === locked.sqlTx };
      },
    };
  }
}

/** A branch whose row is locked until the SQL transaction ends. */
type LockedBranch = {
  readonly row: LockedRow;
  /** @throws SqlTxEnded */
  keep(row: Row): Promise<{ readonly isSameSqlTx: boolean }>;
};

type Savepoint = {
  /** False when it is not there: the SQL transaction in which it was set is over. */
  undo(): Promise<boolean>;
  /** False likewise. */
  release(): Promise<boolean>;
};

type Work<SqlTx, Result> = (sqlTx: SqlTx, known: Known, branch: LockedBranch) => Result | Promise<Result>;
