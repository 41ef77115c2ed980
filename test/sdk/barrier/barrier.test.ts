// One contract for the barrier, on every database and driver that it knows.
import { describe, expect, test } from '@jest/globals';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import SQLite from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { describeOn } from '../../support/servers.ts';
import { barrierContract } from './barrier-contract.ts';
import { type BarrierWorld, callOf, freshGid } from './world.ts';
import { betterSqliteWorld, mysql2World, nodeSqliteWorld, pgWorld, typeormWorld } from './worlds.ts';

describeOn(['mysql', 'mariadb'], 'the barrier by mysql2', (server) => {
  barrierContract(async () => mysql2World(await server.createDatabase()));
});

describeOn(['mysql', 'mariadb'], 'the barrier by TypeORM', (server) => {
  barrierContract(async () => typeormWorld(await server.createDatabase()));
});

describeOn(['postgres'], 'the barrier by pg', (server) => {
  barrierContract(async () => pgWorld(await server.createDatabase()));
});

describeOn(['postgres'], 'the barrier by TypeORM', (server) => {
  barrierContract(async () => typeormWorld(await server.createDatabase()));
});

describe('the barrier by better-sqlite3', () => barrierContract(betterSqliteWorld));
describe('the barrier by node:sqlite', () => barrierContract(nodeSqliteWorld));

describeOn(['mysql', 'postgres'], 'joining without a SQL transaction', (server) => {
  test('is refused before the work, which would be committed by itself', async () => {
    const url = await server.createDatabase();
    const world = server.name === 'mysql' ? await mysql2World(url) : await pgWorld(url);
    await world.barrier.createTable();
    let isDone = false;
    const { Pool } = await import('pg');
    const { createPool } = await import('mysql2/promise');
    const loose =
      server.name === 'mysql'
        ? createPool({ uri: url, connectionLimit: 1 })
        : new Pool({ connectionString: url, max: 1 });
    const joined = world.within(loose as never, callOf('try'), () => (isDone = true));
    await expect(joined).rejects.toThrow('no SQL transaction is open');
    expect(isDone).toBe(false);
    await loose.end();
    await world.close();
  });
});

describeOn(['mysql', 'mariadb', 'postgres'], 'joining a SQL transaction that has read before', (server) => {
  test('sees what was committed since: a try that joins late is refused by its tombstone', async () => {
    const url = await server.createDatabase();
    const world: BarrierWorld = server.name === 'postgres' ? await pgWorld(url) : await mysql2World(url);
    await world.barrier.createTable();
    const gid = freshGid();
    const joined = world.inSqlTx(async (sqlTx) => {
      await world.write(sqlTx, { call: callOf('try'), cents: 1, accounts: ['ann', 'bob'] });
      await (sqlTx as { query(sql: string): Promise<unknown> }).query('SELECT * FROM tercet_barrier');
      await world.another().run(callOf('cancel', { gid }), () => null);
      return world.within(sqlTx, callOf('try', { gid }), () => 'hanging');
    });
    await expect(joined).rejects.toMatchObject({ code: 'cancelled_before' });
    await world.close();
  });
});

describeOn(['postgres'], 'an error of the database that the work swallows', (server) => {
  test('is not answered with success: the server has given up the whole SQL transaction', async () => {
    const world = await pgWorld(await server.createDatabase());
    await world.barrier.createTable();
    const swallowing = world.barrier.run(callOf('try'), async (sqlTx) => {
      await (sqlTx as { query(sql: string): Promise<unknown> }).query('SELECT 1 / 0').catch(() => {});
      return 'well';
    });
    await expect(swallowing).rejects.toThrow('current transaction is aborted');
    await world.close();
  });
});

describe('what a barrier refuses', () => {
  test('on SQLite, work that is not synchronous: it would end after its SQL transaction', async () => {
    const db = new SQLite(':memory:');
    const barrier = sqliteBarrier({ db });
    await barrier.createTable();
    db.exec('CREATE TABLE written (n int)');
    const late = barrier.run(callOf('try'), async () => db.exec('INSERT INTO written VALUES (1)'));
    await expect(late).rejects.toThrow('has to be synchronous');
    expect(db.prepare('SELECT * FROM written').all()).toEqual([]);
  });

  test('a table name that would need quoting', () => {
    expect(() => sqliteBarrier({ db: new SQLite(':memory:'), table: 'a b' })).toThrow(
      'is no name for the barrier',
    );
  });

  test('SQLite through TypeORM, whose one connection would mix SQL transactions', () => {
    const dataSource = new DataSource({ type: 'better-sqlite3', database: ':memory:' });
    expect(() => typeormBarrier({ dataSource })).toThrow('mysql, mariadb, postgres');
  });
});
