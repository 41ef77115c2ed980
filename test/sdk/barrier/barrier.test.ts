// One contract for the barrier, on every database and driver that it knows.
import type { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { Refusal } from '@tercet/sdk';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import SQLite from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { describeOn } from '../../support/servers.ts';
import { barrierContract } from './barrier-contract.ts';
import { type BarrierWorld, callOf, freshGid, totalsOf } from './barrier-world.ts';
import { drizzleSqliteWorld } from './drizzle-worlds.ts';
import { knexSqliteWorld } from './knex-worlds.ts';
import { prismaSqliteWorld } from './prisma-worlds.ts';
import {
  betterSqliteWorld,
  memoryWorld,
  mysql2World,
  nodeSqliteWorld,
  pgWorld,
  typeormWorld,
} from './worlds-by-driver.ts';

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
describe('the barrier by Knex on better-sqlite3', () => barrierContract(knexSqliteWorld));
describe('the barrier by Drizzle on better-sqlite3', () => barrierContract(drizzleSqliteWorld));
describe('the barrier by Prisma on better-sqlite3', () => barrierContract(prismaSqliteWorld));
describe('the barrier in memory', () => barrierContract(memoryWorld, { canJoin: false }));

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

/** Every driver on a server, and how its pool runs one statement. */
const serverWorlds = [
  ['mysql', 'mysql2', mysql2World],
  ['mysql', 'TypeORM', typeormWorld],
  ['postgres', 'pg', pgWorld],
  ['postgres', 'TypeORM', typeormWorld],
] as const;

type Querying = { query(sql: string, ...more: unknown[]): Promise<unknown> };

describeOn(['mysql', 'postgres'], 'a SQL transaction that ends under the work', (server) => {
  for (const [name, driver, open] of serverWorlds.filter(([kind]) => kind === server.name)) {
    test(`by a rollback of the work's own is not answered with success, also at a confirm (${name}, ${driver})`, async () => {
      const world = (await open(await server.createDatabase())) as BarrierWorld;
      await world.barrier.createTable();
      const gid = freshGid();
      await world.barrier.run(callOf('try', { gid }), () => null);
      const call = callOf('confirm', { gid });
      const ending = world.barrier.run(call, async (sqlTx) => {
        await world.unseen(sqlTx, 'ROLLBACK');
        if (name === 'mysql') await world.write(sqlTx, { call, cents: 1, accounts: ['ann', 'bob'] });
      });
      await expect(ending).rejects.toThrow('has ended under the work');
      expect(await world.query('SELECT op FROM effect')).toEqual([]);
      await world.close();
    });

    test(`calls beside each other on one are refused, those inside of each other are not (${name}, ${driver})`, async () => {
      const world = (await open(await server.createDatabase())) as BarrierWorld;
      await world.barrier.createTable();
      const [outer, inner, beside] = [callOf('try'), callOf('try'), callOf('try')];
      const no = new Refusal('no');
      await world.inSqlTx(async (sqlTx) => {
        const refused = world.within(sqlTx, outer, async () => {
          await world.write(sqlTx, { call: outer, cents: 1, accounts: ['ann', 'bob'] });
          await world.within(sqlTx, inner, () => 'inner');
          const both = [inner, beside].map((call) => world.within(sqlTx, call, () => 'beside'));
          const [, second] = await Promise.allSettled(both);
          expect(second).toMatchObject({ reason: { message: expect.stringContaining('await it first') } });
          throw no;
        });
        await expect(refused).rejects.toBe(no);
      });
      // What the outer one wrote is undone with what was inside of it.
      expect(await world.query('SELECT gid FROM tercet_barrier')).toEqual([]);
      expect(await world.query('SELECT gid FROM effect')).toEqual([]);
      await world.close();
    });
  }
});

describeOn(['mysql', 'mariadb'], 'a deadlock that the work swallows', (server) => {
  test('rolls back what it does after it, too, and is not answered with success', async () => {
    for (const open of [mysql2World, typeormWorld]) {
      const world = (await open(await server.createDatabase())) as BarrierWorld;
      await world.barrier.createTable();
      const gid = freshGid();
      await world.barrier.run(callOf('try', { gid }), () => null);
      const call = callOf('confirm', { gid });
      const swallowing = world.barrier.run(call, async (sqlTx) => {
        // As after error 1213: the SQL transaction is over, and the connection goes on.
        await world.unseen(sqlTx, 'ROLLBACK');
        await (sqlTx as Querying).query("UPDATE account SET paid = paid + 5 WHERE name = 'ann'");
      });
      await expect(swallowing).rejects.toThrow('has ended under the work');
      expect(await totalsOf(world)).toMatchObject({ paid: 0 });
      await world.close();
    }
  });
});

describeOn(
  ['postgres'],
  'a statement that fails after the row was kept, and that nobody awaits',
  (server) => {
    /** Fails one statement right after the one that matches, and tells nobody. */
    const failAfter = (querying: Querying, pattern: RegExp) => {
      const query = querying.query.bind(querying);
      querying.query = async (sql, ...more: unknown[]) => {
        const answer = await query(sql, ...more);
        if (pattern.test(sql)) await query('SELECT 1 / 0').catch(() => {});
        return answer;
      };
    };

    /** The client itself: the work's handle is closed by then. Listeners are called on it. */
    const clientBeneath = (sqlTx: unknown): Querying => {
      let found: unknown;
      const handle = sqlTx as EventEmitter;
      handle.once('found', function (this: unknown) {
        found = this;
      });
      handle.emit('found');
      return found as Querying;
    };

    test.each([
      ['pg', pgWorld, (sqlTx: unknown) => failAfter(clientBeneath(sqlTx), /^UPDATE tercet_barrier/)],
      [
        'TypeORM',
        typeormWorld,
        (sqlTx: unknown) => failAfter((sqlTx as { queryRunner: Querying }).queryRunner, /if_assigned/),
      ],
    ] as const)('is not answered with success (%s)', async (_driver, open, arm) => {
      const world = (await open(await server.createDatabase())) as BarrierWorld;
      await world.barrier.createTable();
      const call = callOf('try');
      const late = world.barrier.run(call, async (sqlTx) => {
        arm(sqlTx);
        await world.write(sqlTx, { call, cents: 1, accounts: ['ann', 'bob'] });
      });
      await expect(late).rejects.toThrow('has rolled the SQL transaction back');
      expect(await world.query('SELECT phase FROM tercet_barrier')).toEqual([]);
      await world.close();
    });
  },
);

describeOn(['postgres'], 'the table', (server) => {
  test('is created by several replicas at once', async () => {
    for (let round = 1; round <= 5; round += 1) {
      const world = await pgWorld(await server.createDatabase());
      await Promise.all(Array.from({ length: 8 }, () => world.another().createTable()));
      expect(await world.query('SELECT gid FROM tercet_barrier')).toEqual([]);
      await world.close();
    }
  });
});

describeOn(['mysql'], 'a pool that shapes rows otherwise', (server) => {
  test.each([
    { rowsAsArray: true },
    { nestTables: true },
    { typeCast: false },
  ])('is asked for plain ones (%j)', async (shape) => {
    const { createPool } = await import('mysql2/promise');
    const pool = createPool({ uri: await server.createDatabase(), ...shape });
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    const call = callOf('try');
    await barrier.run(call, () => 'first');
    expect(await barrier.run(call, () => 'second')).toEqual({ outcome: 'repeated', result: 'first' });
    await pool.end();
  });
});

describe('rows that say nothing to the barrier', () => {
  test('let nothing pass', async () => {
    const db = new SQLite(':memory:');
    const arrays = {
      exec: (sql: string) => db.exec(sql),
      prepare: (sql: string) => ({
        run: (...params: unknown[]) => db.prepare(sql).run(...params),
        all: (...params: unknown[]) =>
          db
            .prepare(sql)
            .raw()
            .all(...params),
      }),
    };
    const barrier = sqliteBarrier({ db: arrays });
    await barrier.createTable();
    await expect(barrier.run(callOf('try'), () => 1)).rejects.toThrow('by the names of their columns');
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
