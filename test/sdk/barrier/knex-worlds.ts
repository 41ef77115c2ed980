/** The barrier over Knex, on each database that it knows. */
import type { EventEmitter } from 'node:events';
import { knexBarrier } from '@tercet/sdk/barrier/knex';
import knex, { type Knex } from 'knex';
import { BUSINESS_TABLES, type BarrierWorld, statementsOf } from './barrier-world.ts';
import { CONNECTIONS, clientBeneath, mysqlDeadlocks, pgDeadlocks, type Row } from './worlds-by-driver.ts';

export type KnexWorld = BarrierWorld<Knex.Transaction> & { readonly knex: Knex };

const pool = { min: 0, max: CONNECTIONS };
/** Of connections that a test has broken. */
const log = { warn: () => {} };

export const knexWorld = (url: string): Promise<KnexWorld> =>
  new URL(url).protocol === 'postgres:'
    ? worldOn(
        knex({
          client: 'pg',
          connection: { connectionString: url, options: '-c deadlock_timeout=10ms' },
          pool,
          log,
        }),
      )
    : worldOn(knex({ client: 'mysql2', connection: url, pool, log }));

export const knexSqliteWorld = (): Promise<KnexWorld> =>
  worldOn(knex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true }));

async function worldOn(opened: Knex): Promise<KnexWorld> {
  const { driverName } = opened.client as { driverName: string };
  const query = async (sql: string): Promise<Row[]> => rowsOf(await opened.raw(escaped(sql)));
  const barrier = knexBarrier({ knex: opened });
  for (const sql of BUSINESS_TABLES) await query(sql);
  return {
    knex: opened,
    barrier,
    another: () => knexBarrier({ knex: opened }),
    query,
    write: async (sqlTx, work) => {
      for (const sql of statementsOf(work)) await sqlTx.raw(escaped(sql));
    },
    unseen: async (sqlTx, sql) =>
      UNSEEN[driverName]?.((await sqlTx.client.acquireConnection()) as never, sql),
    within: (...given) => barrier.within(...given),
    inSqlTx: (act) => opened.transaction(async (sqlTx) => act(sqlTx)),
    deadlockCount: async () => (await DEADLOCKS[driverName]?.(query)) ?? null,
    close: () => opened.destroy(),
  };
}

/** Knex takes a question mark for a value. */
const escaped = (sql: string): string => sql.replaceAll('?', '\\?');

/** As each client answers `raw`. */
function rowsOf(answer: unknown): Row[] {
  if (!Array.isArray(answer)) return (answer as { rows?: Row[] }).rows ?? [];
  return Array.isArray(answer[0]) ? answer[0] : answer;
}

/** On the connection beneath the one that Knex was given. */
const UNSEEN: { readonly [driver: string]: (connection: never, sql: string) => unknown } = {
  mysql2: (connection: { promise(): { query(sql: string): Promise<unknown> } }, sql) =>
    connection.promise().query(sql),
  pg: (connection: EventEmitter, sql) => clientBeneath(connection).query(sql),
  'better-sqlite3': (connection: { exec(sql: string): unknown }, sql) => connection.exec(sql),
};

const DEADLOCKS: {
  readonly [driver: string]: (query: (sql: string) => Promise<readonly Row[]>) => Promise<number>;
} = { mysql2: mysqlDeadlocks, pg: pgDeadlocks };

export const sayByKnex = async (sqlTx: Knex.Transaction, sql: string): Promise<unknown> =>
  sqlTx.raw(escaped(sql));
