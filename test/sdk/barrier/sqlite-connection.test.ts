// A SQLite connection is shared by all calls: the barrier joins only a SQL transaction that is open, and leaves none behind.
import { describe, expect, test } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import { Refusal } from '@tercet/sdk';
import { type SqliteDatabase, sqliteBarrier } from '@tercet/sdk/barrier/sqlite';
import SQLite from 'better-sqlite3';
import { raise } from './contract-support.ts';
import { callOf } from './barrier-world.ts';

const INSERT = 'INSERT INTO effect VALUES (1)';

/** As an older version of node:sqlite: it does not say whether a SQL transaction is open. */
const silent = (): SqliteDatabase => {
  const db = new DatabaseSync(':memory:');
  return { exec: (sql) => db.exec(sql), prepare: (sql) => db.prepare(sql) };
};

const DRIVERS: readonly (readonly [string, () => SqliteDatabase])[] = [
  ['better-sqlite3', () => new SQLite(':memory:')],
  ['node:sqlite', () => new DatabaseSync(':memory:')],
  ['a driver that states no SQL transaction', silent],
];

type Iterating = { prepare(sql: string): { iterate(): Iterator<unknown> } };
const firstOf = (sqlTx: SqliteDatabase, sql: string) =>
  (sqlTx as unknown as Iterating).prepare(sql).iterate().next();

describe.each(DRIVERS)('the connection of a barrier by %s', (_driver, database) => {
  async function open() {
    const db = database();
    const barrier = sqliteBarrier({ db });
    await barrier.createTable();
    db.exec('CREATE TABLE effect (n)');
    const count = (table: string) => db.prepare(`SELECT * FROM ${table}`).all().length;
    const counts = () => ({ effects: count('effect'), rows: count('tercet_barrier') });
    /** Fails inside of a SQL transaction. */
    const expectNoneOpen = () => db.exec('BEGIN; COMMIT');
    return { db, barrier, counts, expectNoneOpen };
  }

  test('is refused by within when no SQL transaction is open, before the work', async () => {
    const { db, barrier, counts, expectNoneOpen } = await open();
    const work = (sqlTx: SqliteDatabase) => void sqlTx.exec(INSERT);
    const call = callOf('try');
    expect(() => barrier.within(db, call, work)).toThrow(
      new TypeError('no SQL transaction is open: begin one first, or use run'),
    );
    expectNoneOpen();
    expect(counts()).toEqual({ effects: 0, rows: 0 });
    db.exec('BEGIN');
    expect(barrier.within(db, call, work)).toMatchObject({ outcome: 'done' });
    db.exec('COMMIT');
    expect(counts()).toEqual({ effects: 1, rows: 1 });
  });

  test('on which other code has a SQL transaction open is refused, and that one stays as it is', async () => {
    const { db, barrier, counts } = await open();
    const coordinator = {
      finality: async () => ({
        now: new Date().toISOString(),
        retentionMs: 1000,
        transactions: [{ gid: old.gid, isFinal: true, finishedAt: EPOCH, deadlineAt: EPOCH }],
      }),
    };
    const old = callOf('cancel', { deadlineAt: 0 });
    await barrier.run(old, () => null);
    db.exec('BEGIN');
    db.exec(INSERT);
    const calls: (() => Promise<unknown>)[] = [
      () => barrier.run(callOf('try'), (sqlTx) => void sqlTx.exec(INSERT)),
      () => barrier.outside(callOf('try'), async () => 'paid'),
      () => barrier.cleanUp({ coordinator, retentionMs: 1 }),
    ];
    for (const call of calls) {
      const refused = expect(call()).rejects;
      await refused.toThrow('a SQL transaction is open on this connection');
    }
    db.exec('COMMIT');
    expect(counts()).toEqual({ effects: 1, rows: 1 });
    for (const call of calls) await call();
    expect(counts()).toEqual({ effects: 2, rows: 2 });
  });

  test('is in no SQL transaction after a COMMIT that failed', async () => {
    const { db, barrier, counts, expectNoneOpen } = await open();
    db.exec('PRAGMA foreign_keys = ON; CREATE TABLE parent (id int PRIMARY KEY)');
    db.exec('CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)');
    const call = callOf('try');
    const failing = barrier.run(call, (sqlTx) => void sqlTx.exec('INSERT INTO child VALUES (9)'));
    await expect(failing).rejects.toThrow('FOREIGN KEY');
    expectNoneOpen();
    expect(counts()).toEqual({ effects: 0, rows: 0 });
    expect((await barrier.run(call, (sqlTx) => void sqlTx.exec(INSERT))).outcome).toBe('done');
  });

  test('is free for the next call when the work has left an iterator open, and refuses or fails', async () => {
    const { barrier, counts, expectNoneOpen } = await open();
    for (const error of [new Refusal('sold out'), new Error('broken')]) {
      const call = callOf('action');
      const failing = barrier.run(call, (sqlTx) => {
        firstOf(sqlTx, `${INSERT} RETURNING n`);
        firstOf(sqlTx, 'SELECT n FROM effect');
        raise(error);
      });
      await expect(failing).rejects.toBe(error);
      expectNoneOpen();
      expect(counts()).toEqual({ effects: 0, rows: 0 });
    }
    expect((await barrier.run(callOf('action'), () => 'next')).outcome).toBe('done');
  });

  test('keeps the work that has left an iterator open, and succeeds', async () => {
    const { barrier, counts, expectNoneOpen } = await open();
    const call = callOf('action');
    const work = (sqlTx: SqliteDatabase) => {
      firstOf(sqlTx, `${INSERT} RETURNING n`);
      return 'done';
    };
    expect(await barrier.run(call, work)).toEqual({ outcome: 'done', result: 'done' });
    expectNoneOpen();
    expect(await barrier.run(call, work)).toEqual({ outcome: 'repeated', result: 'done' });
    expect(counts()).toEqual({ effects: 1, rows: 1 });
  });
});

const EPOCH = new Date(0).toISOString();
