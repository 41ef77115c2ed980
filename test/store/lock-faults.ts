/**
 * The part of the store's contract that other sessions of the same database can break: lock waits and deadlocks. They
 * are repeated inside, and no half of a failed batch is ever committed.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import { MAX_QUESTIONS } from '../../src/adapters/sql/ask.ts';
import { openConnection } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { systemChance, systemTime } from '../../src/adapters/system.ts';
import { GroupCommit } from '../../src/application/group-commit.ts';
import {
  type BatchOutcome,
  type BatchWriter,
  type Save,
  type Saved,
  StoreUnavailable,
} from '../../src/application/ports.ts';
import { noLog, noObserver } from '../support/engine.ts';
import { untilLockAwaited } from '../support/database-sessions.ts';
import { newTransaction, cancelRequested, newGid, saveOf } from '../support/saves.ts';
import { until } from '../support/until.ts';

/** @param databaseUrl a migrated database */
export function lockFaults(databaseUrl: () => string): void {
  let one: SqlStore;
  let other: SqlStore;
  let session: Connection;

  beforeAll(async () => {
    one = await openStore(databaseUrl(), 60_000);
    other = await openStore(databaseUrl(), 60_000);
    session = await openConnection(databaseUrl(), {});
  });
  afterAll(async () => {
    await session.end();
    await one.close();
    await other.close();
  });

  const begin = async (): Promise<Saved> => {
    const tx = newTransaction(newGid());
    await one.writer.writeBatch([saveOf(null, tx)]);
    return { tx, seq: 1 };
  };
  const lock = (gid: string) =>
    session.query('SELECT gid FROM global_transaction WHERE gid = ? FOR UPDATE', [gid]);
  const cancelOf = (saved: Saved) => saveOf(saved, cancelRequested(saved.tx));

  test.each([
    ['a column does not take', { name: 'x'.repeat(200) }],
    ['no date can hold', { deadlineAt: 9e15 }],
  ])('a row that %s is refused, and its neighbours are saved', async (_what, fault) => {
    const [ahead, bad, free] = [
      newTransaction(newGid()),
      { ...newTransaction(newGid()), ...fault },
      newTransaction(newGid()),
    ];
    const group = new GroupCommit({
      writer: one.writer,
      time: systemTime,
      chance: systemChance,
      log: noLog,
      observer: noObserver,
    });
    const saving = [ahead, bad, free].map((tx) => group.save(saveOf(null, tx)));
    await expect(saving[1]).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await Promise.all([saving[0], saving[2]])).toEqual(['saved', 'saved']);
    expect(await one.store.load(bad.gid)).toBeNull();
  });

  describe('the locks of others', () => {
    test('after a lock wait that ran out, the next batch does not commit half of the failed one', async () => {
      const [stuck, free] = [await begin(), await begin()];
      await session.query('BEGIN');
      await lock(stuck.tx.gid);
      const result = await one.writer.writeBatch([cancelOf(stuck)]);
      expect(result).toMatchObject({
        outcome: 'rejected',
        because: 'lock',
        locked: new Set([stuck.tx.gid]),
        error: { errno: 1205 },
      });
      expect(await one.writer.writeBatch([cancelOf(free)])).toEqual({ outcome: 'written' });
      await session.query('ROLLBACK');
      expect(await one.store.journalOf(stuck.tx.gid)).toHaveLength(1);
      expect(await one.store.load(stuck.tx.gid)).toMatchObject(stuck);
    });

    test('a lock wait that ran out is repeated inside, until the lock is free', async () => {
      const stuck = await begin();
      await session.query('BEGIN');
      await lock(stuck.tx.gid);
      const counted = new CountingWriter(one.writer);
      const saving = new GroupCommit({
        writer: counted,
        time: systemTime,
        chance: systemChance,
        log: noLog,
        observer: noObserver,
      }).save(cancelOf(stuck));
      await counted.rejected;
      await session.query('ROLLBACK');
      expect(await saving).toBe('saved');
      expect(await one.store.journalOf(stuck.tx.gid)).toHaveLength(2);
    });

    test('a row that somebody has locked is set aside, and its neighbours are saved meanwhile', async () => {
      const [ahead, stuck, free] = [await begin(), await begin(), await begin()];
      await session.query('BEGIN');
      await lock(stuck.tx.gid);
      const group = new GroupCommit({
        writer: one.writer,
        time: systemTime,
        chance: systemChance,
        log: noLog,
        observer: noObserver,
      });
      const saving = [ahead, stuck, free].map((saved) => group.save(cancelOf(saved)));
      expect(await Promise.all([saving[0], saving[2]])).toEqual(['saved', 'saved']);
      expect(await one.store.load(stuck.tx.gid)).toMatchObject(stuck);
      await session.query('ROLLBACK');
      expect(await saving[1]).toBe('saved');
    });

    test('a deadlock is repeated inside, and nobody sees it', async () => {
      // On a slow machine the wait for the lock may run out before the locks cross.
      const errnos: number[] = [];
      for (let attempt = 1; attempt <= 10 && !errnos.includes(1213); attempt += 1)
        errnos.push(...(await crossLocks()));
      expect(errnos).toContain(1213);
    });

    /** @returns the errors of the batches whose locks this session's have crossed; all of them are saved */
    async function crossLocks(): Promise<readonly number[]> {
      const pair = [await begin(), await begin()].sort((a, b) => (a.tx.gid < b.tx.gid ? -1 : 1));
      const [low, high] = [pair[0]!, pair[1]!];
      await session.query('BEGIN');
      await makeHeavier(session);
      await lock(high.tx.gid);
      const counted = new CountingWriter(one.writer);
      const group = new GroupCommit({
        writer: counted,
        time: systemTime,
        chance: systemChance,
        log: noLog,
        observer: noObserver,
      });
      // While the first is under way, the other two are gathered into one batch.
      const saving = Promise.all(
        [saveOf(null, newTransaction(newGid())), cancelOf(low), cancelOf(high)].map((s) => group.save(s)),
      );
      await untilLockAwaited(other.dataSource);
      await lock(low.tx.gid);
      await session.query('ROLLBACK');
      expect(await saving).toEqual(['saved', 'saved', 'saved']);
      return counted.errnos;
    }

    test('a table that is locked keeps no statement waiting in the server, and costs no connection', async () => {
      const known = await begin();
      const ask = () => other.store.load(known.tx.gid).catch((error: unknown) => error);
      const pooled = () =>
        Promise.all(
          Array.from({ length: MAX_QUESTIONS }, async () => {
            const [{ id }] = await other.dataSource.query('SELECT CONNECTION_ID() AS id, SLEEP(0.3)');
            return Number(id);
          }),
        );
      const before = new Set(await pooled());
      await session.query(
        'LOCK TABLES journal WRITE, global_transaction WRITE, branch WRITE, begin_key WRITE',
      );
      // More than have a connection: each of them has its turn.
      const asked = Promise.all(Array.from({ length: 15 }, ask));
      const fresh = [newTransaction(newGid()), newTransaction(newGid())];
      const counted = new CountingWriter(one.writer);
      const group = new GroupCommit({
        writer: counted,
        time: systemTime,
        chance: systemChance,
        log: noLog,
        observer: noObserver,
      });
      const saved = await Promise.allSettled(fresh.map((tx) => group.save(saveOf(null, tx))));
      for (const outcome of saved)
        expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
      // The batch was not halved: no row is at fault.
      expect(counted.errnos).toEqual([1205]);
      for (const error of (await asked).slice(0, MAX_QUESTIONS))
        expect(error).toMatchObject({ cause: { errno: expect.any(Number) } });
      await session.query('UNLOCK TABLES');
      await until('saves are taken again', () => group.stuck === null);
      expect(await group.save(saveOf(null, fresh[0]!))).toBe('saved');
      expect(await ask()).toMatchObject(known);
      expect(new Set(await pooled())).toEqual(before);
    });

    test('two writers of the same transactions in opposite orders never deadlock', async () => {
      const counted = [new CountingWriter(one.writer), new CountingWriter(other.writer)];
      for (let round = 0; round < 40; round += 1) {
        const saves = Array.from({ length: 30 }, () => saveOf(null, newTransaction(newGid())));
        const reversed = [...saves].reverse().map((save): Save => ({ ...save, writer: 'other' }));
        await Promise.all([counted[0]!.writeBatch(saves), counted[1]!.writeBatch(reversed)]);
      }
      expect(counted.flatMap(({ errnos }) => errnos)).not.toContain(1213);
    });
  });
}

/** The engine ends the lighter of two deadlocked sessions: this one must not be it. */
async function makeHeavier(session: Connection): Promise<void> {
  const rows = Array.from({ length: 500 }, () => [systemChance.newId(), 'x']);
  await session.query('INSERT INTO begin_key (begin_key, gid) VALUES ?', [rows]);
}

class CountingWriter implements BatchWriter {
  readonly errnos: number[] = [];
  readonly rejected: Promise<void>;
  readonly #writer: BatchWriter;
  #tellRejected = () => {};

  constructor(writer: BatchWriter) {
    this.#writer = writer;
    this.rejected = new Promise((resolve) => {
      this.#tellRejected = resolve;
    });
  }

  async writeBatch(saves: readonly Save[]): Promise<BatchOutcome> {
    const result = await this.#writer.writeBatch(saves);
    if (result.outcome === 'rejected') {
      this.errnos.push((result.error as Error & { errno: number }).errno);
      this.#tellRejected();
    }
    return result;
  }
}
