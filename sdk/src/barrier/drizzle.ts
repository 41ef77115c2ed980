/**
 * The barrier over Drizzle, on MySQL and MariaDB by `mysql2`, on PostgreSQL by `pg`, and on SQLite by `better-sqlite3`. The SQL
 * transaction is that of the barrier for the driver beneath, on a connection of Drizzle's own pool. The work is given the `tx` of
 * Drizzle on the handle that the driver's own work is given, so all that is guarded there is guarded here.
 *
 * What it cannot protect from: `iterator()` on MySQL asks the connection beneath the handle, and a query that is never awaited is
 * never sent, as everywhere in Drizzle.
 */
import type { Pool as MysqlPool } from 'mysql2/promise';
import type { Pool as PgPool } from 'pg';
import { AsyncBarrier, type Driver } from './asynchronous.ts';
import type { Barrier, BarrierCall, Known, Passed, PassOptions } from './barrier.ts';
import type { CleanUpOptions, CleanUpReport } from './clean-up.ts';
import { mysql2Driver } from './mysql2.ts';
import { pgDriver } from './pg.ts';
import { checkSynchronous, type SqliteBarrier, type SqliteDatabase, sqliteBarrier } from './sqlite.ts';

/** What `drizzle()` of `drizzle-orm/mysql2` or `drizzle-orm/node-postgres` makes. */
export type AsyncDrizzle<Tx> = {
  readonly $client: object;
  transaction(act: (tx: Tx) => Promise<unknown>, config?: never): Promise<unknown>;
};

/** What `drizzle()` of `drizzle-orm/better-sqlite3` makes. */
export type SyncDrizzle<Tx> = {
  readonly $client: SqliteDatabase;
  transaction(act: (tx: Tx) => unknown, config?: never): unknown;
};

/** As that of SQLite: its work is synchronous, as that of Drizzle's own `transaction` is there. */
export type DrizzleSqliteBarrier<Tx> = Barrier<Tx> & {
  readonly isSynchronous: true;
  /** As `within` of the barrier on SQLite, with a `tx` of Drizzle. */
  within<Result>(
    tx: Tx,
    call: BarrierCall,
    work: (tx: Tx, known: Known) => Result,
    options?: Pick<PassOptions, 'completes'>,
  ): Passed<Result>;
  cleanUp(options: CleanUpOptions): Promise<CleanUpReport>;
};

/**
 * @param given.db on a pool, of which each `run` takes a connection; on SQLite on its database
 * @param given.table `tercet_barrier` when absent; with a schema before it or not
 * @throws TypeError for a Drizzle on another driver, or on a connection that is not of a pool
 */
export function drizzleBarrier<Tx>(given: { db: SyncDrizzle<Tx>; table?: string }): DrizzleSqliteBarrier<Tx>;
export function drizzleBarrier<Tx>(given: { db: AsyncDrizzle<Tx>; table?: string }): AsyncBarrier<Tx>;
export function drizzleBarrier<Tx>({
  db,
  table,
}: {
  db: object;
  table?: string;
}): DrizzleSqliteBarrier<Tx> | AsyncBarrier<Tx> {
  const { session } = db as DrizzleTx;
  const { client } = session;
  if ('getConnection' in client)
    return new AsyncBarrier<Tx>(over(mysql2Driver(client as MysqlPool, table), session, MYSQL_BEGUN));
  if ('idleCount' in client)
    return new AsyncBarrier<Tx>(over(pgDriver(client as PgPool, table), session, PG_BEGUN));
  if ('prepare' in client) return new OverSqlite<Tx>(client as SqliteDatabase, session, table);
  throw new TypeError(
    'the barrier over Drizzle knows a pool of mysql2 or pg, or a better-sqlite3: give drizzle one',
  );
}

/** A database of Drizzle, or a transaction: its queries ask the client of its session. */
type DrizzleTx = { readonly session: Session; nestedIndex?: number };
type Session = { client: object; transaction(act: (tx: DrizzleTx) => unknown): unknown };

/** What the drivers answer to BEGIN, as far as Drizzle reads it. */
const MYSQL_BEGUN = [{}, []];
const PG_BEGUN = { rows: [] };

const isTx = (given: object): given is DrizzleTx => 'session' in given;

/** The driver's SQL transaction is a `tx`, or the connection of a pass that has none yet. */
function over<Connection extends object, Tx>(
  driver: Driver<Connection>,
  session: Session,
  begun: unknown,
): Driver<Tx> {
  const beneath = (sqlTx: Tx): Connection =>
    (isTx(sqlTx as object) ? (sqlTx as DrizzleTx).session.client : sqlTx) as Connection;
  const { mayEndSqlTx } = driver;
  return {
    statements: driver.statements,
    transact: (act) => driver.transact((connection) => act(connection as unknown as Tx)),
    run: (sqlTx, statement) => driver.run(beneath(sqlTx), statement),
    guarded: (sqlTx, gate, work) =>
      driver.guarded(beneath(sqlTx), gate, async (handle) => {
        const around = isTx(sqlTx as object) ? (sqlTx as DrizzleTx) : { session };
        return work((await txOn(around, handle, begun)) as Tx);
      }),
    isInProcess: false,
    gateAround: (sqlTx) => driver.gateAround(beneath(sqlTx)),
    innermost: (sqlTx) => driver.innermost(beneath(sqlTx)),
    fence: (sqlTx, isInside) => driver.fence(beneath(sqlTx), isInside),
    isConflict: (error) => driver.isConflict(driverErrorOf(error)),
    mayEndSqlTx: mayEndSqlTx && ((error) => mayEndSqlTx(driverErrorOf(error))),
    endsSqlTx: (error, query) => driver.endsSqlTx(driverErrorOf(error), query),
    isMissingSavepoint: driver.isMissingSavepoint,
  };
}

/** Drizzle wraps the error of the driver beneath it, with the query. */
function driverErrorOf(error: unknown): unknown {
  const isWrapper = error instanceof Error && 'query' in error && 'params' in error && 'cause' in error;
  return isWrapper ? error.cause : error;
}

/**
 * A `tx` whose queries ask the handle. Its BEGIN is answered without being sent, and it is never completed: the barrier ends its
 * SQL transaction.
 */
async function txOn(
  { session, nestedIndex = 0 }: DrizzleTx,
  handle: object,
  begun: unknown,
): Promise<DrizzleTx> {
  const own = sessionOn(session, { query: async () => begun });
  const tx = await new Promise<DrizzleTx>((resolve, reject) => {
    const never = (made: DrizzleTx) => {
      resolve(made);
      return new Promise(() => {});
    };
    (own.transaction(never) as Promise<unknown>).catch(reject);
  });
  own.client = handle;
  // By it Drizzle names savepoints: on MySQL a second one of a name takes the place of the first.
  tx.nestedIndex = nestedIndex;
  return tx;
}

const sessionOn = (session: Session, client: object): Session =>
  Object.create(session, { client: { value: client, writable: true } });

/** Likewise on SQLite, at once. */
function syncTxOn({ session, nestedIndex = 0 }: DrizzleTx, handle: object): DrizzleTx {
  const made: DrizzleTx[] = [];
  const own = sessionOn(session, {
    transaction: (act: (tx: DrizzleTx) => unknown) => ({ deferred: act }),
  });
  own.transaction((tx) => made.push(tx));
  own.client = handle;
  const [tx] = made as [DrizzleTx];
  tx.nestedIndex = nestedIndex;
  return tx;
}

class OverSqlite<Tx> implements DrizzleSqliteBarrier<Tx> {
  readonly isSynchronous = true;
  readonly #barrier: SqliteBarrier<SqliteDatabase>;
  readonly #session: Session;
  readonly outside: Barrier<Tx>['outside'];

  constructor(db: SqliteDatabase, session: Session, table?: string) {
    this.#barrier = sqliteBarrier({ db, ...(table !== undefined && { table }) });
    this.#session = session;
    this.outside = (...given) => this.#barrier.outside(...given);
  }

  async run<Result>(
    call: BarrierCall,
    work: (tx: Tx, known: Known) => Result | Promise<Result>,
    options?: PassOptions,
  ): Promise<Passed<Result>> {
    checkSynchronous(work);
    const around = { session: this.#session };
    return this.#barrier.run(call, (db, known) => work(syncTxOn(around, db) as Tx, known), options);
  }

  within<Result>(
    tx: Tx,
    call: BarrierCall,
    work: (tx: Tx, known: Known) => Result,
    options?: Pick<PassOptions, 'completes'>,
  ): Passed<Result> {
    checkSynchronous(work);
    const around = tx as DrizzleTx;
    const db = around.session.client as SqliteDatabase;
    return this.#barrier.within(
      db,
      call,
      (handle, known) => work(syncTxOn(around, handle) as Tx, known),
      options,
    );
  }

  createTable(): Promise<void> {
    return this.#barrier.createTable();
  }

  cleanUp(options: CleanUpOptions): Promise<CleanUpReport> {
    return this.#barrier.cleanUp(options);
  }
}
