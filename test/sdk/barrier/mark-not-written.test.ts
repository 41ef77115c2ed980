// Work that rolled back by itself, and whose branch cannot be marked: no later call can see that its effects may stand.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Refusal } from '@tercet/sdk';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { pgBarrier } from '@tercet/sdk/barrier/pg';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { errorLine } from '@tercet/sdk/error-fields';
import SQLite from 'better-sqlite3';
import { type Connection, createPool } from 'mysql2/promise';
import { Client, type ClientBase, Pool } from 'pg';
import { describeOn } from '../../support/servers.ts';
import { callOf } from './barrier-world.ts';

const failed = () => new Error('a moment of trouble');
const NO_CONNECTION = 'no connection is free';

/** The pool gives one connection, and refuses every other. */
function givingOne<Pool extends object>(pool: Pool, method: keyof Pool): Pool {
  let givenCount = 0;
  return new Proxy(pool, {
    get(target, name) {
      if (name === method && ++givenCount > 1) return () => Promise.reject(new Error(NO_CONNECTION));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** In place of the work's own error, which is the cause. */
function expectUnmarked(error: unknown, { gid, branchId, op }: ReturnType<typeof callOf>, cause: unknown) {
  expect(error).toMatchObject({ name: 'MarkNotWritten', cause });
  const line = errorLine(error);
  for (const words of [gid, branchId, `its ${op}`, 'An operator must check', 'Work that committed by itself'])
    expect(line).toContain(words);
  expect(line).toContain(NO_CONNECTION);
}

const rejected = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

describeOn(['mysql'], 'a branch whose mark cannot be written, by mysql2,', (server) => {
  test('is reported in place of the error of the work', async () => {
    const pool = createPool({ uri: await server.createDatabase() });
    await mysql2Barrier({ pool }).createTable();
    const unseen = (connection: Connection) =>
      (connection as unknown as { connection: { promise(): Connection } }).connection
        .promise()
        .query('ROLLBACK');
    for (const thrown of [failed(), new Refusal('no')]) {
      const call = callOf('try');
      const barrier = mysql2Barrier({ pool: givingOne(pool, 'getConnection') });
      const work = async (connection: Connection) => {
        await unseen(connection);
        throw thrown;
      };
      const cause = thrown instanceof Refusal ? { name: 'SqlTxEnded', cause: thrown } : thrown;
      expectUnmarked(await rejected(barrier.run(call, work)), call, cause);
    }
    await pool.end();
  });
});

describeOn(['postgres'], 'a branch whose mark cannot be written, by pg,', (server) => {
  test('is reported in place of the error of the work', async () => {
    const pool = new Pool({ connectionString: await server.createDatabase() });
    await pgBarrier({ pool }).createTable();
    const call = callOf('action');
    const barrier = pgBarrier({ pool: givingOne(pool, 'connect') });
    const thrown = failed();
    const work = async (client: ClientBase) => {
      await Reflect.apply(Client.prototype.query, client, ['ROLLBACK']);
      throw thrown;
    };
    expectUnmarked(await rejected(barrier.run(call, work)), call, thrown);
    await pool.end();
  });

  test('is reported where the call was joined, and the connection takes no mark', async () => {
    const pool = new Pool({ connectionString: await server.createDatabase() });
    const barrier = pgBarrier({ pool });
    await barrier.createTable();
    const call = callOf('try');
    const thrown = failed();
    const client = await pool.connect();
    await client.query('BEGIN');
    const joined = barrier.within(client, call, async () => {
      await client.query(
        `SELECT 1; ROLLBACK; ALTER TABLE tercet_barrier ADD CHECK (branch_id <> '${call.branchId}')`,
      );
      throw thrown;
    });
    const error = await rejected(joined);
    expect(error).toMatchObject({ name: 'MarkNotWritten', cause: thrown, errors: [{ code: '23514' }] });
    client.release();
    await pool.end();
  });
});

describe('a branch whose mark cannot be written, on SQLite,', () => {
  const unseen = (db: SQLite.Database, sql: string) => Reflect.apply(SQLite.prototype.exec, db, [sql]);

  test('is reported in place of the error of the work', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tercet-'));
    const [db, other] = [1, 2].map(() => new SQLite(join(folder, 'shop.db'), { timeout: 0 })) as [
      SQLite.Database,
      SQLite.Database,
    ];
    const barrier = sqliteBarrier({ db });
    await barrier.createTable();
    const call = callOf('try');
    const thrown = failed();
    const passing = barrier.run(call, () => {
      unseen(db, 'ROLLBACK');
      other.exec('BEGIN IMMEDIATE');
      throw thrown;
    });
    expect(await rejected(passing)).toMatchObject({
      name: 'MarkNotWritten',
      cause: thrown,
      errors: [{ code: 'SQLITE_BUSY' }],
    });
    other.close();
    db.close();
    rmSync(folder, { recursive: true });
  });
});
