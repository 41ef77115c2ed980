/** The drivers that the barrier knows, each with a database of its own. */
import type { EventEmitter } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { type MemoryRow, memoryBarrier } from '@tercet/sdk/barrier/memory';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { pgBarrier } from '@tercet/sdk/barrier/pg';
import { type SqliteDatabase, sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import SQLite from 'better-sqlite3';
import { type Connection, createPool } from 'mysql2/promise';
import { Client, type ClientBase, Pool } from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { BUSINESS_TABLES, type BarrierWorld, statementsOf } from './barrier-world.ts';

/** As many callers as may meet at one branch. */
export const CONNECTIONS = 50;

/** The connection that mysql2 wraps in promises. */
type Beneath = { readonly connection: { promise(): Connection } };

export type Row = { readonly [column: string]: unknown };

export async function mysql2World(url: string): Promise<BarrierWorld<Connection>> {
  const pool = createPool({ uri: url, connectionLimit: CONNECTIONS });
  const query = async (sql: string) => (await pool.query(sql))[0] as Row[];
  const barrier = mysql2Barrier({ pool });
  for (const sql of BUSINESS_TABLES) await query(sql);
  return {
    barrier,
    another: () => mysql2Barrier({ pool }),
    query,
    write: async (sqlTx, work) => {
      for (const sql of statementsOf(work)) await sqlTx.query(sql);
    },
    unseen: (sqlTx, sql) => (sqlTx as unknown as Beneath).connection.promise().query(sql),
    within: (...given) => barrier.within(...given),
    async inSqlTx(act) {
      const connection = await pool.getConnection();
      try {
        await connection.beginTransaction();
        const done = await act(connection);
        await connection.commit();
        return done;
      } catch (error) {
        await connection.rollback();
        throw error;
      } finally {
        connection.release();
      }
    },
    deadlockCount: () => mysqlDeadlocks(query),
    close: () => pool.end(),
  };
}

/** MariaDB has a status variable for it, MySQL a metric. */
export async function mysqlDeadlocks(query: (sql: string) => Promise<readonly Row[]>): Promise<number> {
  const [status] = await query("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'");
  if (status) return Number(status.Value);
  const [metric] = await query(
    "SELECT COUNT AS n FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks'",
  );
  return Number(metric?.n);
}

export async function pgWorld(url: string): Promise<BarrierWorld<ClientBase>> {
  // A deadlock is looked for after so long; the default of a second would be most of the test.
  const pool = new Pool({ connectionString: url, max: CONNECTIONS, options: '-c deadlock_timeout=10ms' });
  const query = async (sql: string) => (await pool.query(sql)).rows as Row[];
  const barrier = pgBarrier({ pool });
  for (const sql of BUSINESS_TABLES) await query(sql);
  return {
    barrier,
    another: () => pgBarrier({ pool }),
    query,
    write: async (sqlTx, work) => {
      for (const sql of statementsOf(work)) await sqlTx.query(sql);
    },
    unseen: (sqlTx, sql) => Reflect.apply(Client.prototype.query, sqlTx, [sql]),
    within: (...given) => barrier.within(...given),
    async inSqlTx(act) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const done = await act(client);
        await client.query('COMMIT');
        return done;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    deadlockCount: () => pgDeadlocks(query),
    close: () => pool.end(),
  };
}

export async function pgDeadlocks(query: (sql: string) => Promise<readonly Row[]>): Promise<number> {
  const [row] = await query('SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()');
  return Number(row?.n);
}

export async function typeormWorld(url: string): Promise<BarrierWorld<EntityManager>> {
  const type = new URL(url).protocol === 'postgres:' ? 'postgres' : 'mysql';
  const extra =
    type === 'postgres'
      ? { max: CONNECTIONS, options: '-c deadlock_timeout=10ms' }
      : { connectionLimit: CONNECTIONS };
  const dataSource = new DataSource({ type, url, extra });
  await dataSource.initialize();
  const query = (sql: string): Promise<Row[]> => dataSource.query(sql);
  const barrier = typeormBarrier({ dataSource });
  for (const sql of BUSINESS_TABLES) await query(sql);
  return {
    barrier,
    another: () => typeormBarrier({ dataSource }),
    query,
    write: async (sqlTx, work) => {
      for (const sql of statementsOf(work)) await sqlTx.query(sql);
    },
    async unseen({ queryRunner }, sql) {
      const beneath = await queryRunner?.connect();
      await (type === 'postgres' ? beneath : beneath.promise()).query(sql);
    },
    within: (...given) => barrier.within(...given),
    inSqlTx: (act) => dataSource.transaction(async (sqlTx) => act(sqlTx)),
    deadlockCount: () => (type === 'postgres' ? pgDeadlocks(query) : mysqlDeadlocks(query)),
    close: () => dataSource.destroy(),
  };
}

export const betterSqliteWorld = (): BarrierWorld<SqliteDatabase> => sqliteWorld(new SQLite(':memory:'));
export const nodeSqliteWorld = (): BarrierWorld<SqliteDatabase> => sqliteWorld(new DatabaseSync(':memory:'));

function sqliteWorld(db: SqliteDatabase & { close(): unknown }): BarrierWorld<SqliteDatabase> {
  const barrier = sqliteBarrier<SqliteDatabase>({ db });
  for (const sql of BUSINESS_TABLES) db.exec(sql);
  return {
    barrier,
    another: () => sqliteBarrier<SqliteDatabase>({ db }),
    query: async (sql) => db.prepare(sql).all() as Row[],
    write: (sqlTx, work) => {
      for (const sql of statementsOf(work)) sqlTx.exec(sql);
    },
    unseen: (_sqlTx, sql) => Object.getPrototypeOf(db).exec.call(db, sql),
    within: (...given) => barrier.within(...given),
    inSqlTx: (act) => inSqliteTx(db, act),
    deadlockCount: async () => null,
    close: async () => void db.close(),
  };
}

export async function inSqliteTx<Db extends Pick<SqliteDatabase, 'exec'>, T>(
  db: Db,
  act: (sqlTx: Db) => T | Promise<T>,
): Promise<T> {
  db.exec('BEGIN');
  try {
    const done = await act(db);
    db.exec('COMMIT');
    return done;
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

/** Business tables of SQLite with their own SQL transactions; the rows of the barrier are in memory. */
export function memoryWorld(): BarrierWorld<DatabaseSync> {
  const db = new DatabaseSync(':memory:');
  for (const sql of BUSINESS_TABLES) db.exec(sql);
  let last: Promise<unknown> = Promise.resolve();
  const transact = <T>(act: (sqlTx: DatabaseSync) => Promise<T>): Promise<T> => {
    const turn = last.then(() => inSqliteTx(db, act));
    last = turn.catch(() => {});
    return turn;
  };
  const barrier = memoryBarrier({ transact });
  const full = Object.assign(barrier, { cleanUp: notInMemory });
  return {
    barrier: full,
    // Other replicas have no part in this memory.
    another: () => full,
    query: async (sql) => rowsInMemory(barrier.rows, sql) ?? (db.prepare(sql).all() as Row[]),
    write: (sqlTx, work) => {
      for (const sql of statementsOf(work)) sqlTx.exec(sql);
    },
    unseen: notInMemory,
    within: notInMemory,
    inSqlTx: notInMemory,
    deadlockCount: async () => null,
    close: async () => db.close(),
  };
}

const notInMemory = (): never => {
  throw new Error('there is no such thing in memory');
};

/** What the contract asks of the barrier's table; null for another one. */
function rowsInMemory(rows: readonly MemoryRow[], sql: string): Row[] | null {
  const asked = /^SELECT (\w+) FROM tercet_barrier(?: WHERE gid = '(.+)')?$/.exec(sql);
  if (asked === null) return null;
  const [, column = '', of] = asked;
  const found = of === undefined ? rows : rows.filter(({ gid }) => gid === of);
  return found.map((row) => ({ [column]: row[IN_MEMORY[column] ?? 'gid'] }));
}

const IN_MEMORY: { readonly [column: string]: keyof MemoryRow } = {
  phase: 'phase',
  try_result: 'firstResult',
  result: 'result',
};

/** The client of pg beneath a handle: listeners are called on it. */
export function clientBeneath(handle: EventEmitter): { query(sql: string): Promise<unknown> } {
  let found: unknown;
  handle.once('found', function (this: unknown) {
    found = this;
  });
  handle.emit('found');
  return found as { query(sql: string): Promise<unknown> };
}
