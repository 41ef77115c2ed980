/** Two systems in one database, distinguished by the prefix of their tables; and an application's own tables next to them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { SqlAlertStore } from '../../../src/adapters/sql/alert-rows.ts';
import { isSqlite, migrate, openConnection, schemaFault } from '../../../src/adapters/sql/data-source.ts';
import { databaseIdOf } from '../../../src/adapters/sql/database-id.ts';
import { openStore, type SqlStore } from '../../../src/adapters/sql/open-store.ts';
import { cancelRequested, newGid, newTransaction, saveOf } from '../../support/saves.ts';
import { describeOn } from '../../support/servers.ts';

const COMMIT_TIMEOUT_MS = 60_000;
const DUE = Date.UTC(2026, 0, 1);

/** The second begins with a digit, and is the first with more after it. */
const PREFIXES = ['', '2', '2nd_'];

function suite(createDatabase: () => Promise<string>): void {
  let url: string;
  beforeEach(async () => {
    url = await createDatabase();
  });

  /** A SQLite file belongs to one data source: one system after the other. */
  async function inSystem<T>(tablePrefix: string, use: (sql: SqlStore) => Promise<T>): Promise<T> {
    const sql = await openStore(url, COMMIT_TIMEOUT_MS, { tablePrefix });
    try {
      return await use(sql);
    } finally {
      await sql.close();
    }
  }
  const migrated = (tablePrefix: string) => inSystem(tablePrefix, ({ dataSource }) => migrate(dataSource));

  test('systems of several prefixes are migrated one after the other, and each has tables and indexes of its own', async () => {
    const ran: (readonly string[])[] = [];
    for (const prefix of PREFIXES) ran.push(await migrated(prefix));
    expect(new Set(ran.map((names) => names.join())).size).toBe(1);
    const [plain, ...others] = await inSystem('', async ({ dataSource }) => {
      const names = await namesIn(dataSource);
      return PREFIXES.map((prefix) => names.flatMap((name) => ownNames(name, prefix)));
    });
    expect(plain).toEqual(expect.arrayContaining(['branch', 'guard', 'migration', 'alert_due_at']));
    for (const names of others) expect(names).toEqual(plain);
  });

  test('they work side by side: the same gid is another transaction in each, and each database has its own id', async () => {
    const gid = newGid();
    const ids = new Set<string>();
    for (const prefix of PREFIXES) {
      await migrated(prefix);
      await inSystem(prefix, async ({ dataSource, store, writer }) => {
        expect(await store.load(gid)).toBeNull();
        const tx = { ...newTransaction(gid), name: `of ${prefix}` };
        expect(await writer.writeBatch([saveOf(null, tx)])).toEqual({ outcome: 'written' });
        ids.add(await databaseIdOf(dataSource));
      });
    }
    expect(ids.size).toBe(PREFIXES.length);
    for (const prefix of PREFIXES) {
      const loaded = await inSystem(prefix, ({ store }) => store.load(gid));
      expect(loaded?.tx.name).toBe(`of ${prefix}`);
    }
  });

  test('a migration next to an application’s own tables succeeds with a prefix', async () => {
    await inSystem('', async ({ dataSource }) => {
      for (const name of ['branch', 'migration', 'alert'])
        await dataSource.query(`CREATE TABLE ${name} (id INT PRIMARY KEY, town VARCHAR(20))`);
      await dataSource.query('CREATE INDEX alert_due_at ON alert (town)');
    });
    expect((await migrated('tercet_')).length).toBeGreaterThan(0);
    await inSystem('tercet_', async ({ dataSource }) => {
      expect(await schemaFault(dataSource)).toBeNull();
      expect(await migrate(dataSource)).toEqual([]);
    });
  });

  test('a prefix that was not migrated lacks all migrations, and the fault names it', async () => {
    await migrated('');
    const fault = await inSystem('2nd_', ({ dataSource }) => schemaFault(dataSource));
    expect(fault).toMatch(/^the database lacks \d+ migrations of the tables with the prefix 2nd_: run /);
  });

  test('quarantine, alerts and the check of readiness find the tables with the prefix', async () => {
    await migrated('2nd_');
    await inSystem('2nd_', async ({ dataSource, store, writer }) => {
      const tx = cancelRequested(newTransaction(newGid()));
      await writer.writeBatch([saveOf(null, tx, { wakeAt: DUE })]);
      await store.check();
      const alerts = new SqlAlertStore({ dataSource });
      const limits = { waitingSince: Date.UTC(9000, 0), attemptCount: 1 };
      await alerts.raise({ limits, batchId: newGid(), raisedAt: DUE, dueAt: DUE, limit: 10 });
      const batch = await alerts.claim({ now: DUE, dueAt: () => DUE });
      expect(batch?.alerts).toEqual([expect.objectContaining({ gid: tx.gid, cause: 'needs_attention' })]);
      await alerts.markSent(batch?.batchId ?? '', DUE);
      await dataSource.query('UPDATE `2nd_global_transaction` SET branch_count = 9');
      await expect(store.load(tx.gid)).rejects.toMatchObject({ name: 'Quarantined' });
      await dataSource.query('UPDATE `2nd_global_transaction` SET branch_count = NULL');
      await store.release(tx.gid, () => null);
      await alerts.forgetEnded(10);
      expect(await dataSource.query('SELECT * FROM `2nd_alert`')).toEqual([]);
    });
  });
}

async function namesIn(dataSource: DataSource): Promise<string[]> {
  const rows: { name: string }[] = await dataSource.query(
    isSqlite(dataSource)
      ? "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
      : `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()
         UNION ALL SELECT DISTINCT index_name FROM information_schema.statistics
         WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'`,
  );
  return rows.map(({ name }) => name).sort();
}

/** The name without the prefix, where it has this one and no longer one. */
function ownNames(name: string, prefix: string): string[] {
  const [, found = '', rest = ''] = /^(2nd_|2|)(.*)$/.exec(name) ?? [];
  return found === prefix ? [rest] : [];
}

describe('a table prefix (sqlite)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tercet-prefix-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  suite(async () => `sqlite:${join(folder, `${newGid()}.sqlite`)}`);
});

describeOn(['mysql', 'mariadb'], 'a table prefix', (server) => {
  suite(() => server.createDatabase());

  test('a migration does not wait for that of another prefix', async () => {
    const url = await server.createDatabase();
    const others = await openConnection(url, {});
    await others.query("SELECT GET_LOCK('tercet-migrate', 0)");
    const { dataSource, close } = await openStore(url, COMMIT_TIMEOUT_MS, { tablePrefix: '2nd_' });
    expect((await migrate(dataSource)).length).toBeGreaterThan(0);
    await close();
    await others.end();
  });
});
