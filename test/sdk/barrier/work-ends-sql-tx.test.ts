/**
 * Work that ends the barrier's SQL transaction:
 *
 * - Statements and methods that end it are refused before they run. Savepoints of the work are not.
 * - Work that commits unseen and then fails is neither repeated nor undone. Its row keeps a mark, and every op is
 *   answered 503.
 * - Work that commits unseen and succeeds is recorded as done, and its call fails once.
 * - An operator settles such a branch by the statements of docs/participants.md.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defineContract, defineParticipant, Refusal } from '@tercet/sdk';
import { sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { describeOn } from '../../support/servers.ts';
import { callFor } from '../participant/shop.ts';
import { chain, raise } from './contract-support.ts';
import { type BarrierWorld, callOf, freshGid, type Op } from './barrier-world.ts';
import { libraries } from './libraries.ts';
import {
  betterSqliteWorld,
  mysql2World,
  nodeSqliteWorld,
  pgWorld,
  typeormWorld,
} from './worlds-by-driver.ts';

type Dialect = 'mysql' | 'postgres' | 'sqlite';
type Open = () => BarrierWorld | Promise<BarrierWorld>;

const OPS = ['try', 'confirm', 'cancel', 'action', 'compensate'] as const;
/** What each op needs to have been done before. */
const BEFORE = { try: null, confirm: 'try', cancel: 'try', action: null, compensate: 'action' } as const;
const isPivot = true;

/** Thrown by the work; every driver takes it for a conflict. */
const conflict = () => Object.assign(new Error('a conflict'), { errno: 1213, code: '40001' });
const busy = () => Object.assign(new Error('busy'), { code: 'SQLITE_BUSY' });

const SEEN: Readonly<Record<Dialect, readonly string[]>> = {
  mysql: [
    ...['BEGIN', 'START TRANSACTION', 'COMMIT', 'ROLLBACK', 'SET autocommit = 1', '/* so */ commit'],
    ...[
      'CREATE TABLE other (n int)',
      'TRUNCATE TABLE effect',
      'ALTER TABLE effect ADD n int',
      '# so\nDROP TABLE effect',
    ],
  ],
  postgres: ['BEGIN', 'COMMIT', 'END', '-- so\n COMMIT', 'ROLLBACK', 'ABORT', "PREPARE TRANSACTION 'x'"],
  sqlite: ['COMMIT', 'END', ' ; COMMIT', 'ROLLBACK'],
};

const HARMLESS: Readonly<Record<Dialect, readonly string[]>> = {
  mysql: ['CREATE TEMPORARY TABLE mine (n int)', 'DROP TEMPORARY TABLE mine', "SET @mine = 'so'"],
  postgres: ['CREATE TABLE mine (n int)', 'DROP TABLE mine'],
  sqlite: ['CREATE TABLE mine (n int)', 'DROP TABLE mine'],
};
const SAVEPOINTS = ['SAVEPOINT mine', 'ROLLBACK TO SAVEPOINT mine', 'RELEASE SAVEPOINT mine'];

/** @param holdsAutocommit whether the barrier turns autocommit off, so that what follows a rollback is rolled back, too */
function committedWork(dialect: Dialect, open: Open, holdsAutocommit = dialect === 'mysql'): void {
  let world: BarrierWorld;
  beforeAll(async () => {
    world = await open();
    await world.barrier.createTable();
  });
  afterAll(() => world.close());

  const write = (sqlTx: unknown, call: ReturnType<typeof callOf>) =>
    world.write(sqlTx, { call, cents: 1, accounts: ['ann', 'bob'] });
  const say = (sqlTx: unknown, sql: string): unknown => {
    const { exec, query } = sqlTx as Record<'exec' | 'query', ((sql: string) => unknown) | undefined>;
    return (exec ?? query)?.call(sqlTx, sql);
  };
  const effectsOf = async (gid: string) =>
    (await world.query(`SELECT op FROM effect WHERE gid = '${gid}'`)).map(({ op }) => op);
  const rowsOf = (gid: string) => world.query(`SELECT phase FROM tercet_barrier WHERE gid = '${gid}'`);
  /** A branch on which the op is due. */
  const dueFor = async (op: Op) => {
    const gid = freshGid();
    const before = BEFORE[op];
    if (before !== null) await world.barrier.run(callOf(before, { gid }), () => ({ id: 'first' }));
    return callOf(op, { gid });
  };
  /** Writes, and commits so that the barrier does not see it. */
  const committing = (call: ReturnType<typeof callOf>, then: () => unknown) => (sqlTx: unknown) =>
    chain(write(sqlTx, call), () => chain(world.unseen(sqlTx, 'COMMIT'), then));
  const strand = async (op: Op) => {
    const call = await dueFor(op);
    const lost = world.barrier.run(
      call,
      committing(call, () => raise(new Error('after the commit'))),
    );
    await expect(lost).rejects.toThrow('after the commit');
    return call;
  };
  const again = (call: ReturnType<typeof callOf>) => world.barrier.run(call, (sqlTx) => write(sqlTx, call));
  const unrecorded = (words: string) =>
    expect.objectContaining({ name: 'UnrecordedWork', message: expect.stringContaining(words) });

  test.each(SEEN[dialect])('%j in the work is refused before it does anything', async (sql) => {
    const call = callOf('try');
    const refused = world.barrier.run(call, (sqlTx) => chain(write(sqlTx, call), () => say(sqlTx, sql)));
    await expect(refused).rejects.toThrow('the work may not call');
    expect([await rowsOf(call.gid), await effectsOf(call.gid)]).toEqual([[], []]);
    expect((await again(call)).outcome).toBe('done');
  });

  test('savepoints of its own, and what commits nothing, are not refused', async () => {
    const call = callOf('try');
    const statements = [...SAVEPOINTS, ...HARMLESS[dialect]];
    const done = world.barrier.run(call, (sqlTx) => {
      const said = statements.reduce<unknown>(
        (before, sql) => chain(before, () => say(sqlTx, sql)),
        write(sqlTx, call),
      );
      return chain(said, () => 'done');
    });
    expect((await done).result).toBe('done');
  });

  test.each(OPS)('that commits unseen in a %s, and fails, is neither done again nor undone', async (op) => {
    const call = await strand(op);
    const { gid } = call;
    expect(await effectsOf(gid)).toEqual([op]);
    for (const other of OPS) {
      await expect(again(callOf(other, { gid }))).rejects.toEqual(unrecorded(`the work of its ${op}`));
      const outside = world.another().outside(callOf(other, { gid }), async () => 1);
      await expect(outside).rejects.toEqual(unrecorded(gid));
    }
    expect(await effectsOf(gid)).toEqual([op]);
  });

  test('that commits unseen, and meets a conflict, is not run a second time', async () => {
    const call = callOf('try');
    const error = dialect === 'sqlite' ? busy() : conflict();
    const lost = world.barrier.run(
      call,
      committing(call, () => raise(error)),
    );
    await expect(lost).rejects.toEqual(unrecorded('needs an operator'));
    expect(await effectsOf(call.gid)).toEqual(['try']);
  });

  test('that commits unseen, and succeeds, is recorded as done', async () => {
    for (const options of [{}, { isPivot }]) {
      const call = callOf('action');
      const passing = world.barrier.run(
        call,
        committing(call, () => 'done'),
        options,
      );
      // MySQL does not say that a savepoint was lost unless it is asked for it, which is done for a pivot alone.
      if (dialect === 'mysql' && !options.isPivot) expect((await passing).result).toBe('done');
      else await expect(passing).rejects.toThrow('has committed by itself');
      expect(await world.barrier.run(call, () => 'twice')).toEqual({ outcome: 'repeated', result: 'done' });
      expect(await effectsOf(call.gid)).toEqual(['action']);
    }
  });

  test('that commits unseen as a pivot, and refuses, is not remembered as refused', async () => {
    const call = callOf('action');
    const refusing = committing(call, () => raise(new Refusal('no')));
    await expect(world.barrier.run(call, refusing, { isPivot })).rejects.toThrow('has ended under the work');
    await expect(world.barrier.run(call, () => 1, { isPivot })).rejects.toEqual(unrecorded('its action'));
    expect(await effectsOf(call.gid)).toEqual(['action']);
  });

  test('that rolls back unseen, and goes on, is not done a second time', async () => {
    const call = callOf('try');
    const ending = world.barrier.run(call, (sqlTx) =>
      chain(world.unseen(sqlTx, 'ROLLBACK'), () => write(sqlTx, call)),
    );
    await expect(ending).rejects.toThrow('has ended under the work');
    await expect(again(call)).rejects.toEqual(unrecorded('its try'));
    expect(await effectsOf(call.gid)).toEqual(holdsAutocommit ? [] : ['try']);
  });

  test('leaves a row of an earlier version, which has no mark, that is refused as well', async () => {
    for (const op of OPS) {
      const call = callOf(op);
      await world.query(
        `INSERT INTO tercet_barrier (gid, branch_id, phase, pass, deadline_at, changed_at)
         VALUES ('${call.gid}', 'money', 'open', '0b8e7f2a-8f0f-4d35-9c1e-5d0f3f3d2a11', 0, 0)${dialect === 'sqlite' ? ' RETURNING gid' : ''}`,
      );
      await expect(again(call)).rejects.toEqual(unrecorded('the work of its try or action'));
      expect(await effectsOf(call.gid)).toEqual([]);
    }
  });

  test.each(OPS)('in a %s is settled by an operator, as done or as not done', async (op) => {
    const [wasDone, wasNot] = [await strand(op), await strand(op)];
    await settle('done', wasDone);
    expect((await again(wasDone)).outcome).toBe('repeated');
    await settle('not done', wasNot);
    expect((await again(wasNot)).outcome).toBe('done');
  });

  /** By the statements of the docs. */
  async function settle(as: 'done' | 'not done', { gid, op }: ReturnType<typeof callOf>): Promise<void> {
    for (const statement of operatorStatements(as)) {
      const sql = statement
        .replaceAll('GID', gid)
        .replaceAll('BRANCH_ID', 'money')
        .replaceAll(
          'PHASE',
          { try: 'tried', confirm: 'confirmed', cancel: 'cancelled', action: 'done', compensate: 'undone' }[
            op
          ],
        );
      await world.query(dialect === 'sqlite' ? `${sql} RETURNING gid` : sql);
    }
  }
}

function operatorStatements(as: 'done' | 'not done'): string[] {
  const page = readFileSync(new URL('../../../docs/participants.md', import.meta.url), 'utf8');
  const [, block = ''] = new RegExp(`\`\`\`sql\\n-- It was ${as}\\.\\n([^\`]+)\`\`\``).exec(page) ?? [];
  return block
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

describeOn(['mysql', 'mariadb'], 'work that ends the SQL transaction, by mysql2,', (server) => {
  committedWork('mysql', async () => mysql2World(await server.createDatabase()));

  test.each([
    'beginTransaction',
    'commit',
    'rollback',
    'reset',
  ] as const)('is refused %s()', async (method) => {
    const world = await mysql2World(await server.createDatabase());
    await world.barrier.createTable();
    const call = callOf('try');
    const refused = world.barrier.run(call, async (connection) => {
      await world.write(connection, { call, cents: 1, accounts: ['ann', 'bob'] });
      await connection[method]();
    });
    await expect(refused).rejects.toThrow(`the work may not call ${method}`);
    expect(await world.query('SELECT op FROM effect')).toEqual([]);
    await world.close();
  });
});

describeOn(['mysql', 'mariadb'], 'work that ends the SQL transaction, by TypeORM,', (server) => {
  committedWork('mysql', async () => typeormWorld(await server.createDatabase()));
  typeormMethods(async () => typeormWorld(await server.createDatabase()));
});

describeOn(['postgres'], 'work that ends the SQL transaction, by pg,', (server) => {
  committedWork('postgres', async () => pgWorld(await server.createDatabase()));
});

describeOn(['postgres'], 'work that ends the SQL transaction, by TypeORM,', (server) => {
  committedWork('postgres', async () => typeormWorld(await server.createDatabase()));
  typeormMethods(async () => typeormWorld(await server.createDatabase()));
});

describe('work that ends the SQL transaction, by better-sqlite3,', () => {
  committedWork('sqlite', betterSqliteWorld);

  test('may use a transaction of the driver, which nests', async () => {
    const db = new SQLite(':memory:');
    const barrier = sqliteBarrier({ db });
    await barrier.createTable();
    db.exec('CREATE TABLE written (n int)');
    const nested = (sqlTx: typeof db) =>
      sqlTx.transaction(() => sqlTx.exec('INSERT INTO written VALUES (1)'))();
    expect((await barrier.run(callOf('try'), (sqlTx) => void nested(sqlTx))).outcome).toBe('done');
    expect(db.prepare('SELECT n FROM written').all()).toEqual([{ n: 1 }]);
  });
});
describe('work that ends the SQL transaction, by node:sqlite,', () =>
  committedWork('sqlite', nodeSqliteWorld));

for (const { name, servers, open, showsConnection } of libraries)
  describeOn(servers, `work that ends the SQL transaction, by ${name},`, (server) => {
    const dialect = server.name === 'postgres' ? 'postgres' : 'mysql';
    const holdsAutocommit = dialect === 'mysql' && showsConnection;
    committedWork(dialect, async () => open(await server.createDatabase()), holdsAutocommit);
  });

function typeormMethods(open: () => ReturnType<typeof typeormWorld>): void {
  test.each(['commitTransaction', 'rollbackTransaction'] as const)('is refused %s()', async (method) => {
    const world = await open();
    await world.barrier.createTable();
    const call = callOf('try');
    const refused = world.barrier.run(call, async (manager) => {
      await world.write(manager, { call, cents: 1, accounts: ['ann', 'bob'] });
      await manager.queryRunner?.[method]();
    });
    await expect(refused).rejects.toThrow('the work may not call');
    expect(await world.query('SELECT op FROM effect')).toEqual([]);
    await world.close();
  });

  test('may use a transaction of the manager, which nests', async () => {
    const world = await open();
    await world.barrier.createTable();
    const call = callOf('try');
    const nested = world.barrier.run(call, (manager) =>
      manager.transaction(async (inner) => world.write(inner, { call, cents: 1, accounts: ['ann', 'bob'] })),
    );
    expect((await nested).outcome).toBe('done');
    expect(await world.query('SELECT op FROM effect')).toEqual([{ op: 'try' }]);
    await world.close();
  });
}

describe('over HTTP, a branch whose work committed by itself', () => {
  test('is answered 503 for every op, inside and outside, so that none counts as done', async () => {
    const db = new SQLite(':memory:');
    const barrier = sqliteBarrier({ db });
    await barrier.createTable();
    const activity = { payload: Type.Object({}), result: Type.Unknown() };
    const contract = defineContract('bank', {
      hold: activity,
      book: activity,
      pay: { ...activity, kind: 'step' },
      send: { ...activity, kind: 'pivot' },
    });
    let workCount = 0;
    const work = () => ({ workCount: ++workCount });
    const tcc = { try: work, confirm: () => void work(), cancel: () => void work() };
    const step = { action: work, compensate: () => void work() };
    const participant = defineParticipant(contract, {
      barrier,
      activities: {
        hold: tcc,
        book: { ...tcc, outside: true },
        pay: step,
        send: { action: work },
      },
      onError: () => {},
    });
    const calls = [
      ...(['try', 'confirm', 'cancel'] as const).flatMap((op) => [
        ['hold', op] as const,
        ['book', op] as const,
      ]),
      ...([
        ['pay', 'action'],
        ['pay', 'compensate'],
        ['send', 'action'],
      ] as const),
    ];
    for (const [name, op] of calls) {
      const gid = freshGid();
      const call = callFor({ gid, activity: name, op, payload: {} });
      db.prepare(
        "INSERT INTO tercet_barrier (gid, branch_id, phase, pass, deadline_at, changed_at) VALUES (?, ?, 'open', '!try x', 0, 0)",
      ).run(gid, String(call.headers['tcc-branch-id']));
      expect([name, op, (await participant.handle(call))?.status]).toEqual([name, op, 503]);
    }
    expect(workCount).toBe(0);
  });
});
