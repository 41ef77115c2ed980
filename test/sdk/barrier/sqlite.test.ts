// What only the barrier on SQLite has: its work is synchronous, and nothing of it is written after it has returned.
import { describe, expect, test } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import { defineContract, defineParticipant } from '@tercet/sdk';
import { type SqliteDatabase, sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { Type } from 'typebox';
import { callOf } from './barrier-world.ts';

const INSERT = 'INSERT INTO effect VALUES (1)';

async function open<Database extends SqliteDatabase>(db: Database) {
  const barrier = sqliteBarrier<Database>({ db });
  await barrier.createTable();
  db.exec('CREATE TABLE effect (n)');
  const effects = () => db.prepare('SELECT * FROM effect').all().length;
  return { db, barrier, effects };
}

const OPENED: readonly (readonly [string, () => SqliteDatabase])[] = [
  ['better-sqlite3', () => new SQLite(':memory:')],
  ['node:sqlite', () => new DatabaseSync(':memory:')],
];

/** All that is queued by now has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe.each(OPENED)('the barrier by %s', (_driver, database) => {
  test('does not call an async function', async () => {
    const { barrier, db, effects } = await open(database());
    const call = callOf('action');
    let callCount = 0;
    const work = async () => {
      callCount += 1;
      await null;
      db.exec(INSERT);
    };
    await expect(barrier.run(call, work)).rejects.toThrow('has to be synchronous');
    db.exec('BEGIN');
    expect(() => barrier.within(db, call, work)).toThrow('has to be synchronous');
    db.exec('COMMIT');
    await settled();
    expect({ callCount, effects: effects() }).toEqual({ callCount: 0, effects: 0 });
  });

  const late: readonly (readonly [string, (sqlTx: SqliteDatabase) => () => unknown])[] = [
    ['exec', (sqlTx) => () => sqlTx.exec(INSERT)],
    ['prepare', (sqlTx) => () => sqlTx.prepare(INSERT).run()],
    [
      'a method taken before',
      ({ exec }) =>
        () =>
          exec(INSERT),
    ],
    [
      'a statement prepared before',
      (sqlTx) => {
        const statement = sqlTx.prepare(INSERT);
        return () => statement.run();
      },
    ],
    [
      'rows read one by one',
      (sqlTx) => {
        const statement = sqlTx.prepare(`${INSERT} RETURNING n`) as unknown as {
          iterate(): Iterator<unknown>;
        };
        return () => statement.iterate().next();
      },
    ],
  ];
  test.each(late)('writes nothing after the work has returned a promise, by %s', async (_what, taken) => {
    const { barrier, effects } = await open(database());
    const call = callOf('action');
    const ends: Promise<unknown>[] = [];
    const work = (sqlTx: SqliteDatabase) => {
      const write = taken(sqlTx);
      const end = Promise.resolve().then(write);
      ends.push(end);
      return end;
    };
    for (const _attempt of [1, 2])
      await expect(barrier.run(call, work as never)).rejects.toThrow('has to be synchronous');
    for (const end of ends) await expect(end).rejects.toThrow('has returned');
    expect(ends).toHaveLength(2);
    expect(effects()).toBe(0);
  });

  test('writes nothing by the handle of work that is done, or that threw', async () => {
    const { barrier, effects } = await open(database());
    const handles: SqliteDatabase[] = [];
    await barrier.run(callOf('action'), (sqlTx) => void handles.push(sqlTx));
    await barrier
      .run(callOf('action'), (sqlTx) => {
        handles.push(sqlTx);
        throw new Error('no');
      })
      .catch(() => {});
    expect(handles).toHaveLength(2);
    for (const handle of handles) expect(() => handle.exec(INSERT)).toThrow('has returned');
    expect(effects()).toBe(0);
  });

  test('gives the work all that the driver has', async () => {
    const { barrier, db, effects } = await open(database());
    const passed = await barrier.run(callOf('action'), (sqlTx) => {
      const { prepare } = sqlTx;
      expect(sqlTx).toBeInstanceOf(db.constructor);
      expect(sqlTx.prepare(INSERT).run()).toMatchObject({ changes: 1 });
      const statement = prepare('SELECT n FROM effect') as unknown as {
        get(): unknown;
        iterate(): Iterable<unknown>;
      };
      expect({ ...(statement.get() as object) }).toEqual({ n: 1 });
      sqlTx.prepare('DELETE FROM effect').run();
      const again = sqlTx.prepare(INSERT);
      Reflect.apply(again.run, again, []);
      sqlTx.exec.call(sqlTx, INSERT);
      expect(sqlTx.exec).toBe(sqlTx.exec);
      sqlTx.prepare('DELETE FROM effect WHERE rowid > 1').run();
      return [...statement.iterate()].length;
    });
    expect(passed).toEqual({ outcome: 'done', result: 1 });
    expect(effects()).toBe(1);
  });

  test('passes another call on the handle of its work', async () => {
    const { barrier, effects } = await open(database());
    const passed = await barrier.run(callOf('action'), (sqlTx) =>
      barrier.within(sqlTx, callOf('try'), (inner) => void inner.exec(INSERT)),
    );
    expect(passed.result).toMatchObject({ outcome: 'done' });
    expect(effects()).toBe(1);
  });

  test('lets no participant be defined with an async op inside the SQL transaction', async () => {
    const { barrier } = await open(database());
    const contract = defineContract('stock', {
      take: { kind: 'step_uncompensated', payload: Type.Object({}) },
    });
    const take = { action: async () => {} };
    expect(() => defineParticipant(contract, { barrier, activities: { take } })).toThrow(
      new TypeError(
        'stock/take: its action is an async function, which this barrier cannot await: make it synchronous, or mark the ' +
          'activity outside: true',
      ),
    );
    const activities = { take: { ...take, outside: true as const } };
    expect(defineParticipant(contract, { barrier, activities }).contract).toBe(contract);
  });
});

test('the nested transactions of better-sqlite3 work on the handle, and are over with the work', async () => {
  const { barrier, effects } = await open(new SQLite(':memory:'));
  let late = (): unknown => null;
  await barrier.run(callOf('action'), (sqlTx) => {
    const insert = sqlTx.transaction((count: number) => {
      for (let i = 0; i < count; i += 1) sqlTx.prepare(INSERT).run();
    });
    insert(2);
    insert.immediate(1);
    expect(sqlTx.prepare('SELECT n FROM effect').pluck().all()).toEqual([1, 1, 1]);
    expect(sqlTx.prepare(INSERT).database).toBe(sqlTx);
    late = () => insert.immediate(1);
  });
  expect(late).toThrow('has returned');
  expect(effects()).toBe(3);
});
