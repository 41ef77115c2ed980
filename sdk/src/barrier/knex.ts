/**
 * The barrier over Knex, on MySQL 8.0 or later and MariaDB 10.6 or later by `mysql2`, on PostgreSQL by `pg`, and on SQLite by
 * `better-sqlite3`. Its work is given a `trx`, on a connection of Knex's own pool.
 *
 * What it cannot protect from: a nested `trx` that other code opened before `within` is not kept from asking while the call is
 * passed, and a builder that is never awaited is never sent, as everywhere in Knex.
 */
import type { Knex } from 'knex';
import type { Connection } from 'mysql2';
import type { PoolClient } from 'pg';
import { AsyncBarrier, type Driver, type StatementResult } from './asynchronous.ts';
import { knexConnection } from './knex-connection.ts';
import { LeftOpenWarning } from './left-open-warning.ts';
import {
  endsMysqlTx,
  isMissingMysqlSavepoint,
  isMysqlConflict,
  mayEndMysqlTx,
  mysqlResultOf,
  PLAIN_ROWS,
  transactOnMysql,
} from './mysql2.ts';
import { isMissingPgSavepoint, isPgConflict, transactOnPg } from './pg.ts';
import { isBusy } from './sqlite.ts';
import {
  isMissingSqliteSavepoint,
  type SqliteConnection,
  sqliteResultOf,
  transactOnSqlite,
} from './sqlite-transact.ts';
import type { StatementGate } from './statement-gate.ts';
import { fence, guard, refusalOf } from './statement-guard.ts';
import { type Dialect, type Statement, statementsFor } from './statements.ts';

/**
 * @param given.table `tercet_barrier` when absent; with a schema before it or not
 * @throws TypeError for a Knex of another client
 */
export function knexBarrier({ knex, table }: { knex: Knex; table?: string }): AsyncBarrier<Knex.Transaction> {
  const { driverName } = knex.client as KnexClient;
  const dialect = DIALECTS[driverName];
  if (dialect === undefined)
    throw new TypeError(
      `the barrier over Knex knows the clients ${Object.keys(DIALECTS).join(', ')}, and not ${driverName}`,
    );
  return new AsyncBarrier(driverOn(knex, dialect, table));
}

const DIALECTS: { readonly [client: string]: Dialect } = {
  mysql2: 'mysql',
  pg: 'postgres',
  'better-sqlite3': 'sqlite',
};

/** What is used of Knex's own client: that of its pool, or that of a `trx`. */
type KnexClient = {
  readonly driverName: string;
  acquireConnection(): Promise<object>;
  releaseConnection(connection: object): Promise<void>;
  transaction(
    container: (trx: Knex.Transaction) => void,
    config: object,
  ): { catch(failed: (error: unknown) => void): unknown };
};

type OpenTrx = Knex.Transaction & { readonly parentTransaction?: OpenTrx };

/** Of the `trx` of a pass: the SQL transaction that it is in, and its gate. */
type Pass = { readonly innermost: object; readonly gate: StatementGate };
const passes = new WeakMap<object, Pass>();

/** The driver's SQL transaction is a `trx`, or the connection of a pass that has none yet. */
function driverOn(knex: Knex, dialect: Dialect, table?: string): Driver<Knex.Transaction> {
  const leftOpenWarning = new LeftOpenWarning();
  const client = knex.client as KnexClient;
  const { ask, transact, ...errors } = NATIVE[dialect];
  return {
    statements: statementsFor(dialect, table),
    transact: async (act) => {
      const connection = await client.acquireConnection();
      const release = (isBroken: boolean) => released(client, connection, isBroken);
      return transact(connection as never, leftOpenWarning, {
        act: () => act(connection as unknown as Knex.Transaction),
        release,
      });
    },
    run: async (sqlTx, statement) => ask((await connectionOf(sqlTx)) as never, statement),
    guarded: async (sqlTx, gate, work) => {
      const connection = knexConnection(await connectionOf(sqlTx), dialect, gate);
      const trx = await trxOn(isTrx(sqlTx) ? (sqlTx.client as KnexClient) : client, connection);
      passes.set(trx.client, { innermost: innermost(sqlTx), gate });
      trx.commit = () => Promise.reject(refusalOf('commit')) as never;
      trx.rollback = () => Promise.reject(refusalOf('rollback')) as never;
      trx.isCompleted = () => gate.isClosed;
      // The work may ask by the `trx` that it joined, too.
      const end = isTrx(sqlTx) ? guard(sqlTx.client, dialect, GUARDED, gate) : () => {};
      try {
        return await work(trx);
      } finally {
        await gate.close();
        end();
      }
    },
    isInProcess: dialect === 'sqlite',
    gateAround: (sqlTx) => passOf(sqlTx)?.gate ?? null,
    innermost,
    fence: (sqlTx, isInside) => {
      const ends = clientsOf(sqlTx).map((one) => fence(one, GUARDED, isInside));
      return () => {
        for (const end of ends) end();
      };
    },
    ...errors,
  };
}

const GUARDED = { statements: ['query', 'stream'], at: 1, isAsync: true } as const;

const isTrx = (sqlTx: Knex.Transaction): boolean => typeof sqlTx === 'function';

/** That of the `trx` and of those around it. */
function clientsOf(sqlTx: Knex.Transaction): readonly object[] {
  const clients: object[] = [];
  for (let trx: OpenTrx | undefined = sqlTx; trx !== undefined && isTrx(trx); trx = trx.parentTransaction)
    clients.push(trx.client);
  return clients;
}

const passOf = (sqlTx: Knex.Transaction): Pass | undefined => passes.get(clientsOf(sqlTx).at(-1) ?? sqlTx);

const innermost = (sqlTx: Knex.Transaction): object =>
  passOf(sqlTx)?.innermost ?? clientsOf(sqlTx).at(-1) ?? sqlTx;

/** @throws TypeError for what is no open `trx`: its connection would be one of the pool, or serve others */
async function connectionOf(sqlTx: Knex.Transaction): Promise<object> {
  if (!isTrx(sqlTx)) return sqlTx;
  if (!sqlTx.isTransaction || sqlTx.isCompleted()) throw new TypeError('this is no trx that is open');
  return (sqlTx.client as KnexClient).acquireConnection();
}

/** It is never completed: the barrier ends its SQL transaction, and the connection is closed to it. */
const trxOn = (client: KnexClient, connection: object): Promise<Knex.Transaction> =>
  new Promise((resolve, reject) => {
    const config = { connection, enforceForeignCheck: null };
    client.transaction((trx) => resolve(trx), config).catch(reject);
  });

/** Its pool lets a connection go that is marked so. */
function released(client: KnexClient, connection: object, isBroken: boolean): void {
  if (isBroken) {
    Object.assign(connection, { __knex__disposed: new Error('its SQL transaction could not be ended') });
    const { destroy, end } = connection as { destroy?(): void; end?(ended: () => void): void };
    if (destroy !== undefined) destroy.call(connection);
    else end?.call(connection, () => {});
  }
  void client.releaseConnection(connection);
}

type Transacting<T> = { act(): Promise<T>; release(isBroken: boolean): void };

/** What is asked of the connection beneath Knex: its formatting of values on the client is not met. */
const NATIVE = {
  mysql: {
    ask: async (connection: Connection, { sql }: Statement) =>
      mysqlResultOf(await askedOfMysql(connection, sql)),
    transact: <T>(connection: Connection, leftOpen: LeftOpenWarning, { act, release }: Transacting<T>) =>
      transactOnMysql(
        {
          query: (sql) => askedOfMysql(connection, sql),
          release: () => release(false),
          destroy: () => release(true),
        },
        leftOpen,
        act,
      ),
    isConflict: isMysqlConflict,
    mayEndSqlTx: mayEndMysqlTx,
    endsSqlTx: endsMysqlTx,
    isMissingSavepoint: isMissingMysqlSavepoint,
  },
  postgres: {
    ask: (client: PoolClient, { sql, params }: Statement) =>
      new Promise<StatementResult>((resolve, reject) => {
        client.query(sql, [...params], (error, { rows = [], rowCount = 0 } = {} as never) =>
          error ? reject(error) : resolve({ rows, changedCount: rowCount ?? 0 }),
        );
      }),
    transact: transactOnPg,
    isConflict: isPgConflict,
    mayEndSqlTx: null,
    endsSqlTx: async () => false,
    isMissingSavepoint: isMissingPgSavepoint,
  },
  sqlite: {
    ask: async (db: SqliteConnection, statement: Statement) => sqliteResultOf(db, statement),
    transact: transactOnSqlite,
    isConflict: isBusy,
    mayEndSqlTx: null,
    endsSqlTx: async () => false,
    isMissingSavepoint: isMissingSqliteSavepoint,
  },
} as const;

const askedOfMysql = (connection: Connection, sql: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    connection.query({ ...PLAIN_ROWS, sql }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
