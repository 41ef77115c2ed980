/** What only the SQL stores can get wrong in a list: the way to the rows, and rows that another release has written. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DataSource, EntityManager } from 'typeorm';
import { batchStatements, withPlaceholders } from '../../src/adapters/sql/batch-statements.ts';
import { migrate, openDataSource } from '../../src/adapters/sql/data-source.ts';
import { MAX_SEARCHED } from '../../src/adapters/sql/search-end.ts';
import { SqlResumptions } from '../../src/adapters/sql/resumption-rows.ts';
import { tablesOf } from '../../src/adapters/sql/table-names.ts';
import { SqlTransactionStore } from '../../src/adapters/sql/transaction-store.ts';
import type { Save, TransactionFilter } from '../../src/application/ports.ts';
import { allReplied, newTransaction, cancelRequested, newGid, saveOf } from '../support/saves.ts';
import { describeOn } from '../support/servers.ts';

const EVERYTHING: TransactionFilter = {
  status: null,
  isParked: null,
  isQuarantined: null,
  participant: null,
  name: null,
  businessKey: null,
  attention: null,
  beganAfter: null,
  before: null,
  limit: 50,
};
const LATE = Date.UTC(2026, 5, 1);
const WAITING = { participant: 'inventory', datedAfter: 0, after: '', limit: 200 };

describeOn(['mysql', 'mariadb'], 'a list', (server) => {
  let dataSource: DataSource;
  let store: SqlTransactionStore;
  let resumptions: SqlResumptions;
  beforeAll(async () => {
    dataSource = await openDataSource(await server.createDatabase());
    await migrate(dataSource);
    store = new SqlTransactionStore({ dataSource });
    resumptions = new SqlResumptions({ dataSource });
  });
  afterAll(() => dataSource.destroy());

  const write = async (saves: Save[]) => {
    for (const { sql, values } of batchStatements(saves, tablesOf(dataSource)).map(withPlaceholders))
      await dataSource.query(sql, [...values]);
  };

  test('leaves out a row in a version that this coordinator does not know, and shows the others', async () => {
    const [known, unknown] = [newTransaction(newGid()), newTransaction(newGid())];
    await write([known, unknown].map((tx) => saveOf(null, tx)));
    await dataSource.query('UPDATE global_transaction SET version = 999 WHERE gid = ?', [unknown.gid]);
    expect((await store.list(EVERYTHING)).map(({ gid }) => gid)).toEqual([known.gid]);
    await expect(store.load(unknown.gid)).rejects.toThrow(/version 999/);
  });

  test('has a callback that the version before made rarely, and stored without what it has spent', async () => {
    const callback = { participant: 'mail', activity: 'told', callTimeoutMs: null };
    const tx = allReplied(cancelRequested({ ...newTransaction(newGid()), callback }), 'succeeded');
    await write([saveOf(null, tx, { wakeAt: LATE })]);
    const called = async (attemptCount: number) => {
      const { spentMs: _spent, acceptedAt: _accepted, ...old } = { ...tx.notification, attemptCount };
      await dataSource.query('UPDATE global_transaction SET notification = ? WHERE gid = ?', [
        JSON.stringify({ ...old, reply: 'unknown' }),
        tx.gid,
      ]);
      return resumptions.givenUp('mail', '', 100);
    };
    expect(await called(9)).toEqual([]);
    expect(await called(15)).toEqual([tx.gid]);
    await dataSource.query('UPDATE global_transaction SET wake_at = NULL WHERE gid = ?', [tx.gid]);
  });

  describe('of few among many that are over', () => {
    beforeAll(async () => {
      for (let batch = 0; batch < 10; batch += 1)
        await write(Array.from({ length: 200 }, (_, index) => oneOf(index)));
      await dataSource.query('ANALYZE TABLE global_transaction, branch');
    });

    const list = (filter: Partial<TransactionFilter>) => () => store.list({ ...EVERYTHING, ...filter });
    test.each<[string, () => Promise<unknown>, string]>([
      ['under way', list({ status: 'confirming' }), 'wake_at'],
      ['under way, when only a few are asked for', list({ status: 'confirming', limit: 2 }), 'wake_at'],
      ['that wait for an operator', list({ isParked: true }), 'wake_at'],
      ['that need attention', list({ attention: { isNeeded: true, since: LATE } }), 'wake_at'],
      ['that wait for a participant', () => store.gidsWaitingFor('inventory', '', 200), 'wake_at'],
      ['that wait for one that has recovered', () => resumptions.waitingFor(WAITING), 'wake_at'],
      ['that were given up', () => resumptions.givenUpParticipants(), 'wake_at'],
      ['that were given up for a participant', () => resumptions.givenUp('inventory', '', 100), 'wake_at'],
      ['that are counted', () => store.countUnfinished(LATE), 'wake_at'],
      ['with a business key', list({ businessKey: 'order 7' }), 'business_key'],
      [
        'with a business key and a status',
        list({ businessKey: 'order 7', status: 'trying' }),
        'business_key',
      ],
      ['that ended lately', list({ status: 'cancelled', beganAfter: LATE }), 'finished_at'],
    ])('%s goes through an index and never through all', async (_what, ask, index) => {
      const steps = await plan(dataSource, ask);
      expect(steps.find(({ key }) => key?.startsWith('global_transaction'))?.key).toBe(
        `global_transaction_${index}`,
      );
      const throughAll = steps.filter(
        ({ table, type }) => !table?.startsWith('<') && /^(ALL|index)$/.test(type),
      );
      expect(throughAll).toEqual([]);
    });

    test('that no index leads to is searched by pages of bounded length, and found', async () => {
      const rare = { ...newTransaction(newGid()) };
      const branches = rare.branches.map((branch) => ({ ...branch, participant: 'rare' }));
      await write([saveOf(null, allReplied(cancelRequested({ ...rare, branches }), 'succeeded'))]);
      await addOver(dataSource, 2.5 * MAX_SEARCHED);
      for (const by of [{ participant: 'rare' }, { participant: 'rare', beganAfter: 0 }]) {
        const found: string[] = [];
        let pageCount = 0;
        let before: string | null = null;
        do {
          const filter: TransactionFilter = { ...EVERYTHING, ...by, before };
          before = await store.searchEnd(filter);
          const page = { ...filter, ...(before !== null && { from: before }) };
          found.push(...(await store.list(page)).map(({ gid }) => gid));
          pageCount += 1;
          if (before !== null) {
            const steps = await plan(dataSource, () => store.list(page));
            expect(steps).toContainEqual(expect.objectContaining({ type: 'range', key: 'PRIMARY' }));
          }
        } while (before !== null);
        expect([found, pageCount]).toEqual([[rare.gid], 3]);
      }
      for (const by of [{}, { status: 'trying' as const }, { businessKey: 'order 7' }, { beganAfter: LATE }])
        expect(await store.searchEnd({ ...EVERYTHING, ...by })).toBeNull();
    });

    test('no index begins with the status, through which every transaction would move three times', async () => {
      const first = await dataSource.query(
        `SELECT DISTINCT column_name AS name FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND seq_in_index = 1`,
      );
      const names = first.map(({ name }: { name: string }) => name);
      expect(names).toContain('wake_at');
      expect(names).not.toContain('status');
    });

    test('for a participant does not read the branches of all', async () => {
      const steps = await plan(dataSource, list({ participant: 'inventory' }));
      expect(steps.filter(({ table }) => table === 'branch').map(({ type }) => type)).toEqual(['ref', 'ref']);
    });
  });
});

/** Copies of one that is over, which sort after all others. */
async function addOver(dataSource: DataSource, count: number): Promise<void> {
  const digits =
    '(SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 ' +
    'UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)';
  const number = ['a', 'b', 'c', 'd', 'e'].map((one, index) => `${10 ** index} * ${one}.n`).join(' + ');
  const tables = ['a', 'b', 'c', 'd', 'e'].map((one) => `${digits} ${one}`).join(' CROSS JOIN ');
  const [{ gid }] = await dataSource.query(
    "SELECT gid FROM global_transaction WHERE status = 'cancelled' AND began_at < '2026-05-01' LIMIT 1",
  );
  for (const table of ['branch', 'global_transaction']) {
    const columns: { name: string }[] = await dataSource.query(
      `SELECT column_name AS name FROM information_schema.columns
       WHERE table_schema = DATABASE() AND table_name = ? AND column_name <> 'gid'`,
      [table],
    );
    const names = columns.map(({ name }) => `\`${name}\``).join(', ');
    await dataSource.query(
      `INSERT INTO ${table} (gid, ${names})
       SELECT CONCAT('ffffffff-ffff-7fff-8fff-', LPAD(${number}, 12, '0')), ${names}
       FROM ${table} one CROSS JOIN ${tables} WHERE one.gid = ? AND ${number} < ?`,
      [gid, count],
    );
  }
}

let beganCount = 0;
/** Of 40, one is under way and one ended late; each has a business key of its own. */
function oneOf(index: number): Save {
  beganCount += 1;
  const late = index % 40 === 1;
  const tx = {
    ...newTransaction(newGid()),
    businessKey: `order ${beganCount}`,
    ...(late && { beganAt: LATE }),
  };
  if (index % 40 === 0) return saveOf(null, tx);
  const ended = allReplied(cancelRequested(tx), 'succeeded');
  return saveOf(null, { ...ended, ...(late && { finishedAt: LATE + 1 }) });
}

type Step = { readonly table: string | null; readonly type: string; readonly key: string | null };

/** How the server goes about the queries that `ask` makes. */
async function plan(dataSource: DataSource, ask: () => Promise<unknown>): Promise<Step[]> {
  const asked: [string, unknown[]][] = [];
  const create = dataSource.createQueryRunner;
  dataSource.createQueryRunner = (mode) => {
    const runner = create.call(dataSource, mode);
    const query = runner.query.bind(runner) as EntityManager['query'];
    runner.query = ((sql: string, values: unknown[], ...rest: []) => {
      asked.push([sql, values]);
      return query(sql, values, ...rest);
    }) as typeof runner.query;
    return runner;
  };
  await ask().finally(() => {
    dataSource.createQueryRunner = create;
  });
  expect(asked).not.toEqual([]);
  // MariaDB has one format; MySQL's own default may be a tree.
  const format = dataSource.options.type === 'mysql' ? 'FORMAT=TRADITIONAL ' : '';
  const steps = asked.map(([sql, values]) => dataSource.query(`EXPLAIN ${format}${sql}`, values));
  return (await Promise.all(steps)).flat();
}
