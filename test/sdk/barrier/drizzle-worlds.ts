/** The barrier over Drizzle, on each database that it knows. */
import type { EventEmitter } from 'node:events';
import { drizzleBarrier } from '@tercet/sdk/barrier/drizzle';
import SQLite from 'better-sqlite3';
import { type SQL, sql as drizzleSql } from 'drizzle-orm';
import { drizzle as onSqlite } from 'drizzle-orm/better-sqlite3';
import { drizzle as onMysql } from 'drizzle-orm/mysql2';
import { drizzle as onPg } from 'drizzle-orm/node-postgres';
import { createPool } from 'mysql2/promise';
import { Client, Pool } from 'pg';
import { BUSINESS_TABLES, type BarrierWorld, statementsOf } from './barrier-world.ts';
import {
  CONNECTIONS,
  clientBeneath,
  inSqliteTx,
  mysqlDeadlocks,
  pgDeadlocks,
  type Row,
} from './worlds-by-driver.ts';

/** A transaction of Drizzle on a server. */
type Tx = { execute(query: SQL): Promise<unknown> };

const raw = (sql: string): SQL => drizzleSql.raw(sql);

/** Drizzle wraps every error, and tests compare the words and codes of the one beneath. */
export const sayByDrizzle = (tx: Tx, sql: string): Promise<unknown> =>
  tx.execute(raw(sql)).catch((error) => {
    throw error.cause;
  });

/** The client that the queries of a transaction ask. */
const clientOf = (tx: unknown) => (tx as { session: { client: unknown } }).session.client;

type Transacting = { transaction<T>(act: (tx: Tx) => Promise<T>): Promise<T> };
type Asking = { query(sql: string): Promise<unknown> };

export async function drizzleWorld(url: string): Promise<BarrierWorld<Tx>> {
  if (new URL(url).protocol === 'postgres:') {
    const pool = new Pool({ connectionString: url, max: CONNECTIONS, options: '-c deadlock_timeout=10ms' });
    // Without a listener, a client that Drizzle holds and whose connection breaks would end the process.
    pool.on('connect', (client) => client.on('error', () => {}));
    const query = async (sql: string) => (await pool.query(sql)).rows as Row[];
    const db = onPg({ client: pool });
    const open = () => drizzleBarrier({ db });
    const unseen = (tx: Tx, sql: string) =>
      Reflect.apply(Client.prototype.query, clientBeneath(clientOf(tx) as EventEmitter), [sql]);
    return worldOn(open, db, {
      query,
      unseen,
      deadlockCount: () => pgDeadlocks(query),
      close: () => pool.end(),
    });
  }
  const pool = createPool({ uri: url, connectionLimit: CONNECTIONS });
  const query = async (sql: string) => (await pool.query(sql))[0] as Row[];
  const db = onMysql({ client: pool });
  const open = () => drizzleBarrier({ db });
  const unseen = (tx: Tx, sql: string) =>
    (clientOf(tx) as { connection: { promise(): Asking } }).connection.promise().query(sql);
  return worldOn(open, db, {
    query,
    unseen,
    deadlockCount: () => mysqlDeadlocks(query),
    close: () => pool.end(),
  });
}

async function worldOn(
  open: () => unknown,
  db: object,
  own: Pick<BarrierWorld<Tx>, 'query' | 'unseen' | 'deadlockCount' | 'close'>,
): Promise<BarrierWorld<Tx>> {
  const another = open as BarrierWorld<Tx>['another'];
  const barrier = another();
  for (const sql of BUSINESS_TABLES) await own.query(sql);
  return {
    ...own,
    barrier,
    another,
    write: async (tx, work) => {
      for (const sql of statementsOf(work)) await tx.execute(raw(sql));
    },
    within: (...given) => (barrier as unknown as Pick<BarrierWorld<Tx>, 'within'>).within(...given),
    inSqlTx: (act) => (db as Transacting).transaction(async (tx) => act(tx)),
  };
}

type SyncTx = { run(query: SQL): unknown };

export function drizzleSqliteWorld(): BarrierWorld<SyncTx> {
  const client = new SQLite(':memory:');
  const db = onSqlite({ client });
  const another = () => drizzleBarrier<SyncTx>({ db });
  const barrier = another();
  for (const sql of BUSINESS_TABLES) client.exec(sql);
  return {
    barrier,
    another,
    query: async (sql) => client.prepare(sql).all() as Row[],
    write: (tx, work) => {
      for (const sql of statementsOf(work)) tx.run(raw(sql));
    },
    unseen: (_tx, sql) => Object.getPrototypeOf(client).exec.call(client, sql),
    within: (...given) => barrier.within(...given),
    // Drizzle's own is synchronous, and the tests are not.
    inSqlTx: (act) => inSqliteTx(client, () => act(db)),
    deadlockCount: async () => null,
    close: async () => void client.close(),
  };
}
