/** Three replicas sweep one database at once: each row that is due is driven by one of them, and once. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { migrate } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { MAX_BATCH_SAVES } from '../../src/application/group-commit.ts';
import { newTransaction, newGid, saveOf } from '../support/saves.ts';
import { describeOn } from '../support/servers.ts';

const DUE_COUNT = 6000;
const ROWS_PER_PASS = 500;

describeOn(['mysql', 'mariadb'], 'three sweepers', (server) => {
  const replicas: SqlStore[] = [];

  beforeAll(async () => {
    const databaseUrl = await server.createDatabase();
    for (let replica = 0; replica < 3; replica += 1) replicas.push(await openStore(databaseUrl, 10_000));
    const [first] = replicas as [SqlStore];
    await migrate(first.dataSource);
    for (let written = 0; written < DUE_COUNT; written += MAX_BATCH_SAVES) {
      const count = Math.min(MAX_BATCH_SAVES, DUE_COUNT - written);
      const saves = Array.from({ length: count }, () => saveOf(null, newTransaction(newGid())));
      expect(await first.writer.writeBatch(saves)).toEqual({ outcome: 'written' });
    }
  });
  afterAll(async () => {
    for (const { close } of replicas) await close();
  });

  test(`claim each of ${DUE_COUNT} due rows once`, async () => {
    const now = Date.now();
    const sweep = async ({ store }: SqlStore): Promise<readonly string[]> => {
      const claimed: string[] = [];
      for (;;) {
        const claim = { now, limit: ROWS_PER_PASS, waker: newGid(), againAfterMs: 3_600_000 };
        const gids = await store.claimDue(claim);
        claimed.push(...gids);
        // Another may have taken all that was seen: only what is not due any more ends the sweep.
        if (gids.length === 0 && (await dueCount()) === 0) return claimed;
      }
    };
    const dueCount = async () => {
      const [{ count }] = await (replicas as [SqlStore])[0].dataSource.query(
        'SELECT COUNT(*) AS count FROM global_transaction WHERE wake_at <= ?',
        [new Date(now)],
      );
      return Number(count);
    };
    const claims = await Promise.all(replicas.map(sweep));
    expect(claims.flat()).toHaveLength(DUE_COUNT);
    expect(new Set(claims.flat()).size).toBe(DUE_COUNT);
  });
});
