/**
 * The barrier over a driver that answers by promises: MySQL and PostgreSQL, directly or through an ORM. What differs
 * between them is given; the order of things is here, and its rules are in `judge.ts`.
 */
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
import { answered, checkCall, keptText, knownOf, refusedRow, settled, workedRow } from './kept.ts';
import { outside } from './outside.ts';
import { retryingConflicts } from './retry.ts';
import { rowOf, type Statement, type Statements } from './statements.ts';

export type Ran = { readonly rows: readonly unknown[]; readonly changedCount: number };

export type Driver<SqlTx> = {
  readonly statements: Statements;
  /** Commits when `act` resolves; rolls back when it rejects, and rejects the same way. */
  transact<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T>;
  run(sqlTx: SqlTx, statement: Statement): Promise<Ran>;
  /** A deadlock, or a lock waited for in vain: the same SQL transaction may succeed when it is run again. */
  isConflict(error: unknown): boolean;
};

/** A refusal that is committed before it is thrown. */
class Remembered {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    this.refusal = refusal;
  }
}

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
    checkCall(call);
    const passed = await this.#retrying((sqlTx) =>
      this.#pass(sqlTx, call, isPivot ? this.#pivot(call, work) : work),
    );
    if (passed instanceof Remembered) throw passed.refusal;
    return passed;
  }

  /**
   * Joins a SQL transaction that is open, and never retries: a deadlock has undone what came before, too, so whoever opened
   * it runs it again. When the work throws, what it wrote is undone with the barrier's row, and the rest is left to the
   * caller.
   *
   * @throws Refusal, InProgress, and whatever the work throws
   * @throws TypeError when no SQL transaction is open: the row and the work would be committed one by one
   */
  async within<Result>(
    sqlTx: SqlTx,
    call: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
  ): Promise<Passed<Result>> {
    checkCall(call);
    await this.#checkOpen(sqlTx);
    const passed = await this.#undoable(sqlTx, () => this.#pass(sqlTx, call, work));
    if (passed instanceof Remembered) throw passed.refusal;
    return passed;
  }

  outside<Result>(
    call: BarrierCall,
    work: (known: KnownOutside) => Promise<Result>,
    options?: OutsideOptions,
  ): Promise<Passed<Result>> {
    return outside((decide) => this.#change(call, decide), call, work, options);
  }

  async createTable(): Promise<void> {
    await this.#driver.transact((sqlTx) =>
      this.#driver.run(sqlTx, { sql: this.#driver.statements.createTable, params: [] }),
    );
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
    work: (sqlTx: SqlTx, known: Known, row: LockedRow) => Result | Remembered | Promise<Result | Remembered>,
  ): Promise<Passed<Result> | Remembered> {
    const row = await this.#lock(sqlTx, call);
    const verdict = judge(call, row);
    if (verdict.do !== 'work') {
      const { passed, row: after } = settled<Result>(verdict, row);
      if (after !== null) await this.#keep(sqlTx, call, after);
      return passed;
    }
    const result = await work(sqlTx, knownOf(row, call.op), row);
    if (result instanceof Remembered) return result;
    const text = keptText(result);
    await this.#keep(sqlTx, call, workedRow(row, call.op, text));
    return { outcome: 'done', result: answered(text) };
  }

  /** Its refusal undoes the work, and is committed. */
  #pivot<Result>(call: BarrierCall, work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>) {
    return async (sqlTx: SqlTx, known: Known, row: LockedRow): Promise<Result | Remembered> => {
      try {
        return await this.#undoable(sqlTx, async () => work(sqlTx, known));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        await this.#keep(sqlTx, call, refusedRow(row, error));
        return new Remembered(error);
      }
    };
  }

  /** Without a SQL transaction one database refuses the savepoint, and another forgets it at once. */
  async #checkOpen(sqlTx: SqlTx): Promise<void> {
    const { run } = this.#driver;
    try {
      await run(sqlTx, { sql: 'SAVEPOINT tercet_barrier', params: [] });
      await run(sqlTx, { sql: 'RELEASE SAVEPOINT tercet_barrier', params: [] });
    } catch (cause) {
      throw new TypeError('no SQL transaction is open: begin one first, or use run', { cause });
    }
  }

  async #undoable<T>(sqlTx: SqlTx, act: () => Promise<T>): Promise<T> {
    const run = (sql: string) => this.#driver.run(sqlTx, { sql, params: [] });
    await run('SAVEPOINT tercet_barrier');
    try {
      const done = await act();
      await run('RELEASE SAVEPOINT tercet_barrier');
      return done;
    } catch (error) {
      // After a deadlock there is no savepoint left; what is told is the first error.
      await run('ROLLBACK TO SAVEPOINT tercet_barrier').catch(() => {});
      throw error;
    }
  }

  /** One short SQL transaction that only looks at the row and changes it. */
  #change<T>(
    call: BarrierCall,
    decide: (row: LockedRow) => { readonly row: Row | null; readonly answer: T },
  ): Promise<T> {
    return this.#retrying(async (sqlTx) => {
      const { row, answer } = decide(await this.#lock(sqlTx, call));
      if (row !== null) await this.#keep(sqlTx, call, row);
      return answer;
    });
  }

  #retrying<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T> {
    return retryingConflicts(() => this.#driver.transact(act), this.#driver.isConflict);
  }

  async #lock(sqlTx: SqlTx, call: BarrierCall): Promise<LockedRow> {
    let rows: readonly unknown[] = [];
    for (const statement of this.#driver.statements.lock(call))
      ({ rows } = await this.#driver.run(sqlTx, statement));
    return rowOf(rows[0]);
  }

  async #keep(sqlTx: SqlTx, call: BarrierCall, row: Row): Promise<void> {
    const { changedCount } = await this.#driver.run(sqlTx, this.#driver.statements.keep(call, row));
    if (changedCount !== 1)
      throw new Error("the barrier's row is gone: the SQL transaction was rolled back under the work");
  }
}
