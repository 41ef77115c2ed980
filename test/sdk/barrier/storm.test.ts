// 50 mixed calls at once, round after round, on each database. BARRIER_ROUNDS sets how many rounds.
import { describe, expect, test } from '@jest/globals';
import { describeOn } from '../../support/servers.ts';
import { type StormReport, storm } from './storm.ts';
import type { BarrierWorld } from './world.ts';
import { betterSqliteWorld, mysql2World, nodeSqliteWorld, pgWorld } from './worlds.ts';

const ROUNDS = Number(process.env.BARRIER_ROUNDS ?? 60);
const LIMIT_MS = 600_000 + ROUNDS * 5000;

async function stormIn(world: BarrierWorld): Promise<StormReport> {
  await world.barrier.createTable();
  try {
    const report = await storm(world, { rounds: ROUNDS, seed: 20261121 });
    if (process.env.BARRIER_ROUNDS) process.stderr.write(`${JSON.stringify(report)}\n`);
    return report;
  } finally {
    await world.close();
  }
}

/** Each ending has to have been met often, else the storm proves nothing of it. */
function expectAllMet({ confirmedCount, cancelledCount, tombstoneCount }: StormReport): void {
  for (const count of [confirmedCount, cancelledCount, tombstoneCount])
    expect(count).toBeGreaterThan(ROUNDS / 10);
}

describeOn(['mysql', 'mariadb', 'postgres'], 'I5, I6, I7, I11 under 50 mixed calls at once', (server) => {
  test(
    'hold, and the deadlocks that the server counted are seen by nobody',
    async () => {
      const url = await server.createDatabase();
      const report = await stormIn(server.name === 'postgres' ? await pgWorld(url) : await mysql2World(url));
      expectAllMet(report);
      expect(report.deadlockCount).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});

describe('I5, I6, I7, I11 under 50 mixed calls at once, on SQLite', () => {
  test.each([
    ['better-sqlite3', betterSqliteWorld],
    ['node:sqlite', nodeSqliteWorld],
  ] as const)(
    'hold (%s)',
    async (_driver, open) => {
      expectAllMet(await stormIn(open()));
    },
    LIMIT_MS,
  );
});
