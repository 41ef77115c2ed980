/** What only the SQL stores can get wrong in a removal: the way to the rows, the locks of others, what no read shows. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { JOURNAL_VERSION } from '../../src/application/journal.ts';
import type { Connection } from 'mysql2/promise';
import type { DataSource, QueryRunner } from 'typeorm';
import { migrate, openConnection } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import type { Save } from '../../src/application/ports.ts';
import { allReplied, newTransaction, cancelRequested, newGid, saveOf } from '../support/saves.ts';
import { describeOn } from '../support/servers.ts';

const ENDED_AT = Date.UTC(2026, 0, 1);
const BEFORE = ENDED_AT + 1;
const TABLES = ['journal', 'global_transaction', 'branch', 'begin_key'] as const;

const endedSave = (): Save => {
  const gid = newGid();
  const tx = { ...newTransaction(gid), deadlineAt: ENDED_AT };
  return saveOf(null, allReplied(cancelRequested(tx), 'succeeded'), {
    beginKey: `order ${gid}`,
  });
};

function removal(opened: () => SqlStore): void {
  const rowCounts = async () => {
    const counts: Record<string, number> = {};
    for (const table of TABLES) {
      const [row] = await opened().dataSource.query(`SELECT COUNT(*) AS count FROM ${table}`);
      counts[table] = Number(row.count);
    }
    return counts;
  };

  test('leaves no row behind in any table, and takes no row of another', async () => {
    const { store, writer } = opened();
    const before = await rowCounts();
    const stays = saveOf(null, newTransaction(newGid()), { beginKey: `stays ${newGid()}` });
    await writer.writeBatch([stays, ...Array.from({ length: 20 }, endedSave)]);
    expect(await store.removeFinished(BEFORE, 100)).toBe(20);
    const own = { journal: 1, global_transaction: 1, branch: 2, begin_key: 1 };
    for (const table of TABLES)
      expect([table, (await rowCounts())[table]]).toEqual([table, (before[table] ?? 0) + own[table]]);
  });

  test('leaves what a later version has written to programs of that version', async () => {
    const { store, writer, dataSource } = opened();
    const save = endedSave();
    await writer.writeBatch([save]);
    const setVersion = (version: number) =>
      dataSource.query('UPDATE global_transaction SET version = ? WHERE gid = ?', [version, save.gid]);
    await setVersion(999);
    expect(await store.removeFinished(BEFORE, 100)).toBe(0);
    expect(await store.findEnds([save.gid])).toMatchObject([{ gid: save.gid, isFinal: false }]);
    await setVersion(JOURNAL_VERSION);
    expect(await store.findEnds([save.gid])).toMatchObject([{ gid: save.gid, isFinal: true }]);
    expect(await store.removeFinished(BEFORE, 100)).toBe(1);
  });
}

describe('a removal (sqlite)', () => {
  let folder: string;
  let opened: SqlStore;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tercet-removal-'));
    opened = await openStore(`sqlite:${join(folder, 'store.sqlite')}`, 5000);
    await migrate(opened.dataSource);
  });
  afterAll(async () => {
    await opened.close();
    await rm(folder, { recursive: true });
  });
  removal(() => opened);

  test('goes through indexes and never through all', async () => {
    const { databaseConnection: database } = opened.dataSource.driver as unknown as {
      databaseConnection: { prepare(sql: string): { all(...values: unknown[]): { detail: string }[] } };
    };
    const steps: string[] = [];
    const prepare = database.prepare;
    database.prepare = (sql) => {
      const values = Array((sql.match(/\?/g) ?? []).length).fill('1');
      const plan = prepare.call(database, `EXPLAIN QUERY PLAN ${sql}`).all(...values);
      steps.push(...plan.map(({ detail }) => detail));
      return prepare.call(database, sql);
    };
    await opened.writer.writeBatch([endedSave()]);
    steps.length = 0;
    expect(await opened.store.removeFinished(BEFORE, 100)).toBe(1);
    database.prepare = prepare;
    expect(steps).toHaveLength(6);
    expect(steps.filter((step) => !/^SEARCH \w+ USING/.test(step))).toEqual([]);
  });
});

describeOn(['mysql', 'mariadb'], 'a removal', (server) => {
  let opened: SqlStore;
  let other: SqlStore;
  let session: Connection;
  beforeAll(async () => {
    const url = await server.createDatabase();
    opened = await openStore(url, 60_000);
    await migrate(opened.dataSource);
    other = await openStore(url, 60_000);
    session = await openConnection(url, {});
  });
  afterAll(async () => {
    await session.end();
    await other.close();
    await opened.close();
  });
  removal(() => opened);

  const lockAndRemove = async (sql: string, values: unknown[]) => {
    await session.query('BEGIN');
    await session.query(sql, values);
    return opened.store.removeFinished(BEFORE, 100).finally(() => session.query('ROLLBACK'));
  };

  test('passes over a row that somebody has locked', async () => {
    const saves = [endedSave(), endedSave()] as const;
    await opened.writer.writeBatch(saves);
    const lock = 'SELECT gid FROM global_transaction WHERE gid = ? FOR UPDATE';
    expect(await lockAndRemove(lock, [saves[0].gid])).toBe(1);
    expect(await opened.store.load(saves[0].gid)).not.toBeNull();
    expect(await opened.store.removeFinished(BEFORE, 100)).toBe(1);
  });

  test('that waits for a lock in vain shows no error, and nothing is half removed', async () => {
    const saves = [endedSave(), endedSave()] as const;
    await opened.writer.writeBatch(saves);
    expect(await lockAndRemove('SELECT gid FROM branch WHERE gid = ? FOR UPDATE', [saves[1].gid])).toBe(0);
    for (const { gid } of saves) {
      expect(await opened.store.load(gid)).not.toBeNull();
      expect(await opened.store.journalOf(gid)).toHaveLength(1);
      expect(await opened.store.gidOfBeginKey(`order ${gid}`)).toBe(gid);
    }
    expect(await opened.store.removeFinished(BEFORE, 100)).toBe(2);
  });

  test('waits for no row of a transaction that stays, however few there are', async () => {
    const ended = Array.from({ length: 100 }, endedSave);
    const stay = Array.from({ length: 30 }, () => {
      const gid = newGid();
      return saveOf(null, newTransaction(gid), { beginKey: `order ${gid}` });
    });
    await opened.writer.writeBatch([...ended.slice(0, 50), ...stay, ...ended.slice(50)]);
    await opened.dataSource.query(`ANALYZE TABLE ${TABLES.join()}`);
    await session.query('BEGIN');
    for (const table of TABLES)
      for (const { gid } of stay)
        await session.query(`SELECT * FROM ${table} WHERE gid = ? FOR UPDATE`, [gid]);
    const removedCount = await opened.store
      .removeFinished(BEFORE, 100)
      .finally(() => session.query('ROLLBACK'));
    expect(removedCount).toBe(100);
    for (const { gid } of stay) expect(await opened.store.load(gid)).not.toBeNull();
  });

  test('by two replicas at once shows neither of them an error, while others write', async () => {
    for (let batch = 0; batch < 5; batch += 1)
      expect(await opened.writer.writeBatch(Array.from({ length: 200 }, endedSave))).toEqual({
        outcome: 'written',
      });
    let isOver = false;
    const writing = (async () => {
      const outcomes = new Set<string>();
      while (!isOver) {
        const saves = Array.from({ length: 50 }, () => saveOf(null, newTransaction(newGid())));
        outcomes.add((await opened.writer.writeBatch(saves)).outcome);
      }
      return outcomes;
    })();
    const removeAll = async ({ store }: SqlStore) => {
      let sum = 0;
      for (let count = 100; count === 100; sum += count) count = await store.removeFinished(BEFORE, 100);
      return sum;
    };
    const removing = (async () => {
      const counts = await Promise.all([removeAll(opened), removeAll(other)]);
      return [...counts, await opened.store.removeFinished(BEFORE, 1000)];
    })();
    const counts = await removing.finally(() => {
      isOver = true;
    });
    expect(await writing).toEqual(new Set(['written']));
    expect(counts.reduce((sum, count) => sum + count)).toBe(1000);
  });

  test('goes through indexes and never through all', async () => {
    for (let batch = 0; batch < 10; batch += 1)
      await opened.writer.writeBatch(Array.from({ length: 200 }, (_, index) => sometimesEnded(index)));
    await opened.dataSource.query('ANALYZE TABLE global_transaction, branch, journal, begin_key');
    const steps = await plans(opened.dataSource, () => opened.store.removeFinished(BEFORE, 100));
    expect(steps.map(({ table, key }) => [table, key])).toEqual([
      ['global_transaction', 'global_transaction_finished_at'],
      ['removed', 'PRIMARY'],
      ['removed', 'begin_key_gid'],
      ['removed', 'PRIMARY'],
      ['removed', 'PRIMARY'],
      ['removed', 'PRIMARY'],
    ]);
    expect(steps.map(({ type }) => type)).toEqual(['range', 'ref', 'ref', 'ref', 'ref', 'eq_ref']);
  });
});

/** One of ten has ended long enough ago. */
function sometimesEnded(index: number): Save {
  const save = endedSave();
  const isOld = index % 10 === 0;
  return { ...save, after: { ...save.after, finishedAt: isOld ? ENDED_AT : BEFORE + 1000 } };
}

type Step = { readonly table: string | null; readonly type: string; readonly key: string | null };

/** How the server goes about each of the statements that `act` sends. */
async function plans(dataSource: DataSource, act: () => Promise<unknown>): Promise<Step[]> {
  const steps: Step[] = [];
  const format = dataSource.options.type === 'mysql' ? 'FORMAT=TRADITIONAL ' : '';
  const create = dataSource.createQueryRunner;
  dataSource.createQueryRunner = (mode) => {
    const runner = create.call(dataSource, mode);
    const query = runner.query.bind(runner);
    runner.query = (async (sql: string, values: unknown[]) => {
      if (/^\s*(?:SELECT|DELETE)/.test(sql)) {
        const plan: Step[] = await query(`EXPLAIN ${format}${sql}`, values);
        // Without the list of gids, which is no table.
        steps.push(...plan.filter(({ table }) => table !== null && !table.startsWith('<')));
      }
      return query(sql, values);
    }) as QueryRunner['query'];
    return runner;
  };
  await act().finally(() => {
    dataSource.createQueryRunner = create;
  });
  return steps;
}
