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
  Remembered,
  refusedRow,
  settled,
  workedRow,
} from './kept.ts';
import { inTurn } from './one-at-a-time.ts';
import { outside } from './outside.ts';
import { retryingConflicts } from './retry.ts';
import { checkKept, rowOf, type Statement, type Statements } from './statements.ts';

export type Ran = { readonly rows: readonly unknown[]; readonly changedCount: number };

export type Driver<SqlTx> = {
  readonly statements: Statements;
  /** Commits when `act` resolves; rolls back when it rejects, and rejects the same way. */
  transact<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T>;
  run(sqlTx: SqlTx, statement: Statement): Promise<Ran>;
  /** A deadlock, or a lock waited for in vain: the same SQL transaction may succeed when it is run again. */
  isConflict(error: unknown): boolean;
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
    return orThrown(
      await this.#retrying((sqlTx) => this.#pass(sqlTx, call, isPivot, isPivot ? this.#pivot(work) : work)),
    );
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
      return this.#undoable(sqlTx, () => this.#pass(sqlTx, call, false, work));
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
    isPivot: boolean,
    work: Work<SqlTx, Result | Remembered>,
  ): Promise<Passed<Result> | Remembered> {
    const branch = await this.#lock(sqlTx, call);
    const { row } = branch;
    const verdict = judge(call, row, isPivot);
    if (verdict.do !== 'work') {
      const { passed, row: after } = settled<Result>(verdict, row, call.op);
      if (after !== null) await branch.keep(after);
      return passed;
    }
    const result = await work(sqlTx, knownOf(row, call.op), branch);
    if (result instanceof Remembered) return result;
    const text = keptText(result);
    await branch.keep(workedRow(row, call.op, text));
    return { outcome: 'done', result: answered(text) };
  }

  /** Its refusal undoes the work, and is committed. */
  #pivot<Result>(
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
  ): Work<SqlTx, Result | Remembered> {
    return async (sqlTx, known, { row, keep }) => {
      try {
        return await this.#undoable(sqlTx, async () => work(sqlTx, known));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        await keep(refusedRow(row, error));
        return new Remembered(error);
      }
    };
  }

  /** Under a name of its own: on MySQL a second savepoint of one name takes the place of the first. */
  async #undoable<T>(sqlTx: SqlTx, act: () => Promise<T>): Promise<T> {
    const savepoint = `tercet_${randomUUID().replaceAll('-', '')}`;
    const run = (sql: string) => this.#driver.run(sqlTx, { sql: `${sql} ${savepoint}`, params: [] });
    await run('SAVEPOINT');
    try {
      const done = await act();
      await run('RELEASE SAVEPOINT');
      return done;
    } catch (error) {
      // After a deadlock there is no savepoint left; what is told is the first error.
      await run('ROLLBACK TO SAVEPOINT').catch(() => {});
      throw error;
    }
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
  #change<T>(
    call: BarrierCall,
    decide: (row: LockedRow) => { readonly row: Row | null; readonly answer: T },
  ): Promise<T> {
    return this.#retrying(async (sqlTx) => {
      const branch = await this.#lock(sqlTx, call);
      const { row, answer } = decide(branch.row);
      if (row !== null) await branch.keep(row);
      return answer;
    });
  }

  #retrying<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T> {
    return retryingConflicts(() => this.#driver.transact(act), this.#driver.isConflict);
  }

  async #lock(sqlTx: SqlTx, call: BarrierCall): Promise<LockedBranch> {
    const { run, statements } = this.#driver;
    const pass = randomUUID();
    let rows: readonly unknown[] = [];
    for (const statement of statements.lock(call, pass)) ({ rows } = await run(sqlTx, statement));
    return {
      row: rowOf(rows[0]),
      keep: async (row) => checkKept((await run(sqlTx, statements.keep(call, pass, row))).changedCount),
    };
  }
}

/** A branch whose row is locked until the SQL transaction ends. */
type LockedBranch = { readonly row: LockedRow; keep(row: Row): Promise<void> };

type Work<SqlTx, Result> = (sqlTx: SqlTx, known: Known, branch: LockedBranch) => Result | Promise<Result>;
