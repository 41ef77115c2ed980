// A connection that other code gave back to its pool with a SQL transaction open: what that wrote is neither seen nor committed.
import { expect, jest, test } from '@jest/globals';
import { knexBarrier } from '@tercet/sdk/barrier/knex';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { pgBarrier } from '@tercet/sdk/barrier/pg';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import knex from 'knex';
import { createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { describeOn } from '../../support/servers.ts';
import { callOf, type FullBarrier } from './barrier-world.ts';

type Ask = (sql: string) => Promise<unknown>;

/** A barrier on a pool of one connection, and what other code does with it. */
type Scene = {
  readonly barrier: FullBarrier<unknown>;
  leave(act: (ask: Ask) => Promise<void>): Promise<void>;
  close(): Promise<unknown>;
};

/** The second leaves a SQL transaction of PostgreSQL that has failed. */
const READINGS = ['SELECT n FROM item', 'SELECT nothing FROM nowhere'];

const say = (sqlTx: unknown, sql: string): Promise<unknown> => {
  const { query, raw = query } = sqlTx as { query: Ask; raw?: Ask };
  return Promise.resolve(raw.call(sqlTx, sql));
};

async function onMysql2(url: string): Promise<Scene> {
  const pool = createPool({ uri: url, connectionLimit: 1 });
  return {
    barrier: mysql2Barrier({ pool }) as FullBarrier<unknown>,
    async leave(act) {
      const connection = await pool.getConnection();
      await act((sql) => connection.query(sql));
      connection.release();
    },
    close: () => pool.end(),
  };
}

/** @param isOlder whether the client does not know that it is in a SQL transaction */
async function onPg(url: string, isOlder = false): Promise<Scene> {
  const pool = new Pool({ connectionString: url, max: 1 });
  if (isOlder)
    pool.on('connect', (client) => void Object.assign(client, { getTransactionStatus: undefined }));
  return {
    barrier: pgBarrier({ pool }) as FullBarrier<unknown>,
    async leave(act) {
      const client = await pool.connect();
      await act((sql) => client.query(sql));
      client.release();
    },
    close: () => pool.end(),
  };
}

async function onTypeorm(url: string): Promise<Scene> {
  const isPg = new URL(url).protocol === 'postgres:';
  const dataSource = new DataSource({
    type: isPg ? 'postgres' : 'mysql',
    url,
    extra: isPg ? { max: 1 } : { connectionLimit: 1 },
  });
  await dataSource.initialize();
  return {
    barrier: typeormBarrier({ dataSource }) as FullBarrier<unknown>,
    async leave(act) {
      const runner = dataSource.createQueryRunner();
      await act((sql) => runner.query(sql));
      await runner.release();
    },
    close: () => dataSource.destroy(),
  };
}

async function onKnex(url: string): Promise<Scene> {
  const client = new URL(url).protocol === 'postgres:' ? 'pg' : 'mysql2';
  const opened = knex({ client, connection: url, pool: { min: 0, max: 1 } });
  return {
    barrier: knexBarrier({ knex: opened }) as FullBarrier<unknown>,
    async leave(act) {
      const connection = await opened.client.acquireConnection();
      await act((sql) => opened.raw(sql).connection(connection));
      await opened.client.releaseConnection(connection);
    },
    close: () => opened.destroy(),
  };
}

async function isRolledBack(scene: Scene, readings: readonly string[] = READINGS): Promise<void> {
  const { barrier, leave } = scene;
  await barrier.createTable();
  await leave(async (ask) => {
    await ask('CREATE TABLE item (name varchar(9), n int)');
    await ask("INSERT INTO item VALUES ('mug', 1), ('cup', 1)");
  });
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  for (const reading of readings) {
    await leave(async (ask) => {
      await ask('BEGIN');
      await ask("UPDATE item SET n = 4711 WHERE name = 'cup'");
      await ask(reading).catch(() => {});
    });
    const work = (sqlTx: unknown) =>
      say(sqlTx, "UPDATE item SET n = n + 1 WHERE name = 'mug'").then(() => {});
    expect((await barrier.run(callOf('try'), work)).outcome).toBe('done');
  }
  const warnings = warned.mock.calls.map(([, options]) => options);
  warned.mockRestore();
  expect(warnings).toEqual([expect.objectContaining({ code: 'TERCET_SQL_TX_LEFT_OPEN' })]);
  let found: unknown;
  await leave(async (ask) => {
    found = await ask('SELECT name, n FROM item ORDER BY name');
  });
  const [first] = Array.isArray(found) ? found : [];
  const rows = (found as { rows?: unknown }).rows ?? (Array.isArray(first) ? first : found);
  expect(JSON.parse(JSON.stringify(rows))).toEqual([
    { name: 'cup', n: 1 },
    { name: 'mug', n: 1 + readings.length },
  ]);
  await scene.close();
}

const TITLE = 'a SQL transaction that other code left open is rolled back before the call';

describeOn(['mysql', 'mariadb'], 'by mysql2', (server) => {
  test(TITLE, async () => isRolledBack(await onMysql2(await server.createDatabase())));
});
describeOn(['postgres'], 'by pg', (server) => {
  test(TITLE, async () => isRolledBack(await onPg(await server.createDatabase())));
  test(`${TITLE}, also by an older client`, async () =>
    isRolledBack(await onPg(await server.createDatabase(), true), READINGS.slice(0, 1)));
});
describeOn(['mysql', 'mariadb', 'postgres'], 'by TypeORM', (server) => {
  test(TITLE, async () => isRolledBack(await onTypeorm(await server.createDatabase())));
});
describeOn(['mysql', 'mariadb', 'postgres'], 'by Knex', (server) => {
  test(TITLE, async () => isRolledBack(await onKnex(await server.createDatabase())));
});
