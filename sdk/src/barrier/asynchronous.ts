/**
 * The barrier over a driver that answers by promises: MySQL and PostgreSQL, directly or through an ORM. What differs
 * between them is given; the order of things is here, and its rules are in `judge.ts`.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
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
import { StatementGate } from './statement-gate.ts';
import type { LockedRow, Row } from './judge.ts';
import { type WorkOutcome, workOutcomeOf, passedOf, rowAfter } from './work-outcome.ts';
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
import { nestedPass } from './nested-pass.ts';
import { outside } from './outside.ts';
import {
  committedByWork,
  sqlTxEndedEarly,
  isUnmarked,
  MarkNotWritten,
  markOf,
  SqlTxEnded,
  FailedAfterSqlTx,
  errorToThrow,
  PassesUnderWay,
  unrecordedWorkIn,
} from './unrecorded-work.ts';
import { retryingConflicts } from './conflict-retry.ts';
import { watching } from '../unhandled.ts';
import { checkKept, lockedOf, type Statement, type Statements, sqlTxOf } from './statements.ts';

export type StatementResult = { readonly rows: readonly unknown[]; readonly changedCount: number };

export type Driver<SqlTx> = {
  readonly statements: Statements;
  /** Commits when `act` resolves; rolls back when it rejects, and rejects the same way. */
  transact<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T>;
  run(sqlTx: SqlTx, statement: Statement): Promise<StatementResult>;
  /**
   * Runs the work with a handle of its own, keeps it from ending the SQL transaction (`statement-guard.ts`), and closes
   * the gate when it settles.
   */
  guarded<T>(sqlTx: SqlTx, gate: StatementGate, work: (handle: SqlTx) => Promise<T>): Promise<T>;
  /** That of the pass whose work joins this SQL transaction; null for one that was opened elsewhere. */
  gateAround(sqlTx: SqlTx): StatementGate | null;
  /** What every wrapper of the same connection has in common. */
  innermost(sqlTx: SqlTx): object;
  /** Rejects what is asked from outside the pass until the answer is called (`statement-guard.ts`). */
  fence(sqlTx: SqlTx, isInside: () => boolean): () => void;
  /** The database is in this process: what it answers leaves no time in which a rejection would be reported. */
  readonly isInProcess: boolean;
  /** A deadlock, or a lock waited for in vain: the same SQL transaction may succeed when it is run again. */
  isConflict(error: unknown): boolean;
  /** A conflict by which the server may end the SQL transaction; null where it rejects what follows by itself. */
  readonly mayEndSqlTx: ((error: unknown) => boolean) | null;
  /** Whether it does so, of one that may. Where it does not, and the SQL transaction is over, the work has ended it. */
  endsSqlTx(error: unknown, query: (sql: string) => Promise<readonly unknown[]>): Promise<boolean>;
  /** The savepoint is not there, since the SQL transaction in which it was set is over. */
  isMissingSavepoint(error: unknown): boolean;
};

export class AsyncBarrier<SqlTx> implements Barrier<SqlTx> {
  readonly #driver: Driver<SqlTx>;
  readonly #underWay = new PassesUnderWay();
  /** The schema in which the first connection found the table; null while none is known. */
  #home: string | null = null;

  constructor(driver: Driver<SqlTx>) {
    this.#driver = driver;
  }

  async run<Result>(
    given: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
    options: PassOptions = {},
  ): Promise<Passed<Result>> {
    const call = checkedCall(given, options);
    const pass = (sqlTx: SqlTx) => this.#pass(sqlTx, call, work, options);
    const passed = await this.#retrying(pass).catch(async (error) => {
      if (!isUnmarked(error, call)) return answerUnrecorded<Passed<Result>>(error);
      return throwMarked(error, call, this.#mark(call));
    });
    return passedOrThrow(passed);
  }

  /**
   * Joins a SQL transaction that is open, and never retries: a deadlock has undone what came before, too, so the caller
   * that opened it runs it again. When the work throws, what it wrote is undone with the barrier's row, and the rest is
   * left to the caller. Not for the pivot of a saga: a refusal that the caller rolls back is not remembered.
   *
   * @param options.completes as with `run`; the caller commits, and posts the completion afterwards
   * @throws Refusal, InProgress, NotCompleted, and whatever the work throws
   * @throws TypeError when no SQL transaction is open: the row and the work would be committed one by one; and when another
   *   call is being passed on it at the same time. Statements that others send on it meanwhile are rejected
   */
  async within<Result>(
    sqlTx: SqlTx,
    given: BarrierCall,
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
    { completes }: Pick<PassOptions, 'completes'> = {},
  ): Promise<Passed<Result>> {
    const call = checkedCall(given, { completes });
    const passed = await nestedPass(this.#driver.innermost(sqlTx), async (isInside) => {
      const around = this.#driver.gateAround(sqlTx);
      const leave = around?.joined();
      // Once the work around has returned, its barrier alone asks.
      const endFence = this.#driver.fence(sqlTx, () => isInside() || around?.isClosed === true);
      try {
        await this.#checkOpen(sqlTx);
        const pass = () => this.#pass(sqlTx, call, work, { completes, isJoined: true });
        return await this.#undoable(sqlTx, pass).catch(async (error) => {
          if (!isUnmarked(error, call))
            return answerUnrecorded<Passed<Result>>(this.#underWay.joining(error));
          return throwMarked(error, call, this.#markBeside(sqlTx, call));
        });
      } finally {
        endFence();
        leave?.();
      }
    });
    return passedOrThrow(passed);
  }

  outside<Result>(
    call: BarrierCall,
    work: (known: KnownOutside) => Promise<Result>,
    options?: OutsideOptions,
  ): Promise<Passed<Result>> {
    return outside((own, decide) => this.#change(own, decide), call, work, options);
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
    work: (sqlTx: SqlTx, known: Known) => Result | Promise<Result>,
    { isJoined = false, ...options }: PassOptions & { isJoined?: boolean },
  ): Promise<Passed<Result> | ErrorAfterCommit> {
    const branch = await this.#lock(sqlTx, call);
    const { row } = branch;
    const verdict = verdictOn(call, row, options);
    if (verdict.do !== 'work') {
      const { passed, row: after } = outcomeWithoutWork<Result>(verdict, row, call);
      if (after === null) throw new NothingToRecord(passed);
      await branch.keep(after);
      return passed;
    }
    const { mayEndSqlTx, gateAround } = this.#driver;
    const gate = new StatementGate(
      mayEndSqlTx && { isConflict: mayEndSqlTx, isOurs: branch.isOurs },
      isJoined ? gateAround(sqlTx) : null,
    );
    const known = knownOf(row, call.op);
    const worked: Worked = {
      kept: async () => {
        const { end } = this.#underWay.begin(branch.mark);
        // A `toJSON` of the result belongs to the work, too.
        const worked = async (handle: SqlTx) =>
          workOutcomeOf(await work(handle, known), options.completes ?? null);
        const saw = (error: unknown) => gate.reportUnfinished(error);
        const { guarded, isInProcess } = this.#driver;
        const outcome = await guarded(sqlTx, gate, (handle) => watching(saw, () => worked(handle))).finally(
          end,
        );
        // Rejections are reported once the microtasks of this turn are done.
        if (isInProcess) await setImmediate();
        return outcome;
      },
      checkFinished: () => gate.checkFinished(),
      isRolledBackByServer: async (error) => {
        const unseen = isJoined ? [] : causesOf(error).filter((one) => !gate.hasSeen(one));
        return this.#isEndedBy([...(gate.conflict === null ? [] : [gate.conflict.error]), ...unseen], sqlTx);
      },
    };
    return options.isPivot
      ? this.#pivot(await this.#savepoint(sqlTx), call, branch, worked)
      : this.#plain(call, branch, worked);
  }

  async #plain<Result>(
    call: BarrierCall,
    { row, keep, isOurs }: LockedBranch,
    { kept: work, checkFinished, isRolledBackByServer }: Worked,
  ): Promise<Passed<Result> | ErrorAfterCommit> {
    const kept = await work().catch(async (error) => {
      throw (await isRolledBackByServer(error)) || (await isOurs()) ? error : new FailedAfterSqlTx(error);
    });
    if (await isRolledBackByServer(null)) throw sqlTxEndedEarly();
    const { isSameSqlTx } = await keep(rowAfter(row, call.op, kept));
    checkFinished();
    return isSameSqlTx ? passedOf(kept) : new ErrorAfterCommit(committedByWork());
  }

  /** Its refusal undoes the work, and is committed. */
  async #pivot<Result>(
    savepoint: Savepoint,
    call: BarrierCall,
    { row, keep, isOurs }: LockedBranch,
    { kept: work, checkFinished, isRolledBackByServer }: Worked,
  ): Promise<Passed<Result> | ErrorAfterCommit> {
    let kept: WorkOutcome;
    try {
      kept = await work();
    } catch (error) {
      const isUndone = await savepoint.undo().catch((lost) => {
        throw error instanceof Refusal ? lost : error;
      });
      if (isUndone) {
        if (!(error instanceof Refusal)) throw error;
        await keep(refusedRow(row, error));
        return new ErrorAfterCommit(error);
      }
      if (await isRolledBackByServer(error))
        throw error instanceof Refusal ? sqlTxEndedEarly({ cause: error }) : error;
      // What was committed before it is not undone: remembered, a refusal would say that nothing was done.
      if (error instanceof Refusal) throw sqlTxEndedEarly({ unrecorded: call, cause: error });
      throw (await isOurs()) ? error : new FailedAfterSqlTx(error);
    }
    if (await isRolledBackByServer(null)) throw sqlTxEndedEarly();
    const isOver = !(await savepoint.release());
    const { isSameSqlTx } = await keep(rowAfter(row, call.op, kept));
    checkFinished();
    const isRecordedAfter = isOver || !isSameSqlTx;
    return isRecordedAfter ? new ErrorAfterCommit(committedByWork()) : passedOf(kept);
  }

  /** Also by statements that did not pass the gate, such as those on the connection beneath the handle. */
  async #isEndedBy(errors: readonly unknown[], sqlTx: SqlTx): Promise<boolean> {
    const { mayEndSqlTx, endsSqlTx, run } = this.#driver;
    const query = async (sql: string) => (await run(sqlTx, { sql, params: [] })).rows;
    for (const error of errors)
      if (mayEndSqlTx?.(error) && (await endsSqlTx(error, query).catch(() => false))) return true;
    return false;
  }

  async #undoable<T>(sqlTx: SqlTx, act: () => Promise<T>): Promise<T> {
    const savepoint = await this.#savepoint(sqlTx);
    let done: T;
    try {
      done = await act();
    } catch (error) {
      // After a deadlock there is no savepoint left; the first error is the one to report.
      await savepoint.undo().catch((lost) => {
        throw error instanceof FailedAfterSqlTx || error instanceof SqlTxEnded ? error : notUndone(lost);
      });
      throw error;
    }
    if (await savepoint.release()) return done;
    throw sqlTxEndedEarly();
  }

  /** Under a name of its own: on MySQL a second savepoint of one name takes the place of the first. */
  async #savepoint(sqlTx: SqlTx): Promise<Savepoint> {
    const name = `tercet_${randomUUID().replaceAll('-', '')}`;
    const run = (sql: string) => this.#driver.run(sqlTx, { sql: `${sql} ${name}`, params: [] });
    const undo = () =>
      run('ROLLBACK TO SAVEPOINT').then(
        () => true,
        (error) => {
          if (this.#driver.isMissingSavepoint(error)) return false;
          throw error;
        },
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
      if (row === null) throw new NothingToRecord(answer);
      await branch.keep(row);
      return answer;
    });
    return changing.catch(answerUnrecorded<T>);
  }

  /**
   * Leaves the row with a mark: after a rollback of its own, the work may have committed effects that no record shows.
   * @throws whatever keeps the mark from being written
   */
  async #mark(call: BarrierCall): Promise<void> {
    await this.#retrying((sqlTx) => this.#lock(sqlTx, call)).catch(unrecordedWorkIn);
  }

  /**
   * On the connection whose SQL transaction is over. In none, the mark is committed immediately. In one that the work
   * began, the mark shares its end: what stands after a rollback is then marked from another connection, once the caller
   * has ended it. That is not awaited: the caller may hold the last connection of the pool.
   *
   * @throws whatever keeps the mark from being written immediately
   */
  async #markBeside(sqlTx: SqlTx, call: BarrierCall): Promise<void> {
    const isOpen = await this.#checkOpen(sqlTx).then(
      () => true,
      () => false,
    );
    const marking = this.#lock(sqlTx, call).catch(unrecordedWorkIn);
    if (!isOpen) return void (await marking);
    await marking.catch(() => {});
    void this.#mark(call).catch(() => {});
  }

  #retrying<T>(act: (sqlTx: SqlTx) => Promise<T>): Promise<T> {
    return retryingConflicts(() => this.#driver.transact(act), this.#driver.isConflict);
  }

  /**
   * A connection keeps its search path, or the database of its last USE, for its next user. It would find a table of the same
   * name in another schema, and in that one no record of the call.
   *
   * @throws TypeError
   */
  #checkHome(home: string | null): void {
    this.#home ??= home;
    if (home !== this.#home)
      throw new TypeError(
        'the connection finds the table of the barrier in another schema than before: name the table with its schema, and ' +
          'make a barrier for each schema that has one',
      );
  }

  /** @throws UnrecordedWork; TypeError when the table is in another schema than before */
  async #lock(sqlTx: SqlTx, call: BarrierCall): Promise<LockedBranch> {
    const { run, statements } = this.#driver;
    const mark = markOf(call.op);
    let rows: readonly unknown[] = [];
    for (const statement of statements.lock(call, mark)) ({ rows } = await run(sqlTx, statement));
    const locked = lockedOf(rows[0], call, mark, statements.table);
    this.#checkHome(locked.home);
    return {
      row: locked.row,
      mark,
      // Where the server does not answer, its connection is gone, or the SQL transaction has failed: both roll back.
      isOurs: () =>
        run(sqlTx, statements.markOf(call)).then(
          ({ rows: [found] }) => (found as { pass?: unknown } | undefined)?.pass === mark,
          () => true,
        ),
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
  readonly mark: string;
  /** @throws SqlTxEnded */
  keep(row: Row): Promise<{ readonly isSameSqlTx: boolean }>;
  /** False when the row does not have the mark of this pass: the SQL transaction that wrote it was rolled back. */
  isOurs(): Promise<boolean>;
};

type Worked = {
  /** Runs the work; what it has come to, as it is kept. */
  kept(): Promise<WorkOutcome>;
  /** As late as can be: what the work asks until then shows that it was not done. @throws UnfinishedWork */
  checkFinished(): void;
  /**
   * @param error what the work threw; null where it returned, so that it has swallowed the conflict. Its row may stand all the
   *   same, where the work had committed it before: then it keeps its mark
   */
  isRolledBackByServer(error: unknown): Promise<boolean>;
};

type Savepoint = {
  /**
   * False when it is not there: the SQL transaction in which it was set is over.
   * @throws whatever else the server or the connection answers: then nothing is known
   */
  undo(): Promise<boolean>;
  /** False and throws likewise. */
  release(): Promise<boolean>;
};

/** @throws what the work threw, once its row is marked; MarkNotWritten */
async function throwMarked(error: unknown, call: BarrierCall, marking: Promise<void>): Promise<never> {
  const thrown = error instanceof FailedAfterSqlTx ? errorToThrow(error) : error;
  await marking.catch((reason) => {
    throw new MarkNotWritten(call, thrown, reason);
  });
  throw thrown;
}

/** Also in place of a refusal, after which a caller may commit the rest. */
const notUndone = (cause: unknown): Error =>
  new Error('what the work wrote could not be undone: roll the SQL transaction back that it joined', {
    cause,
  });

/** An error, and those that it names as its causes: the work may have wrapped a conflict. */
function causesOf(error: unknown): unknown[] {
  const found = new Set<unknown>();
  for (
    let one = error;
    typeof one === 'object' && one !== null && !found.has(one);
    one = (one as Error).cause
  )
    found.add(one);
  return [...found];
}
