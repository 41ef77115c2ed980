// 50 mixed concurrent calls, round after round, on each database. BARRIER_ROUNDS sets how many rounds.
import { describe, expect, test } from '@jest/globals';
import { describeOn } from '../../support/servers.ts';
import { type ConcurrentCallsReport, runConcurrentCalls } from './concurrent-calls.ts';
import type { BarrierWorld } from './barrier-world.ts';
import { libraries } from './libraries.ts';
import { betterSqliteWorld, mysql2World, nodeSqliteWorld, pgWorld } from './worlds-by-driver.ts';

const ROUNDS = Number(process.env.BARRIER_ROUNDS ?? 60);
const LIMIT_MS = 600_000 + ROUNDS * 5000;

async function runConcurrentCallsIn(world: BarrierWorld): Promise<ConcurrentCallsReport> {
  await world.barrier.createTable();
  try {
    const report = await runConcurrentCalls(world, { rounds: ROUNDS, seed: 20261121 });
    if (process.env.BARRIER_ROUNDS) process.stderr.write(`${JSON.stringify(report)}\n`);
    return report;
  } finally {
    await world.close();
  }
}

/** Each ending has to have been met often, else the rounds prove nothing of it. */
function expectAllMet({ confirmedCount, cancelledCount, tombstoneCount }: ConcurrentCallsReport): void {
  for (const count of [confirmedCount, cancelledCount, tombstoneCount])
    expect(count).toBeGreaterThan(ROUNDS / 10);
}

describeOn(['mysql', 'mariadb', 'postgres'], 'I5, I6, I7, I11 under 50 mixed calls at once', (server) => {
  test(
    'hold, and no work sees the deadlocks that the server counted',
    async () => {
      const url = await server.createDatabase();
      const report = await runConcurrentCallsIn(
        server.name === 'postgres' ? await pgWorld(url) : await mysql2World(url),
      );
      expectAllMet(report);
      expect(report.deadlockCount).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});

for (const { name, servers, open } of libraries)
  describeOn(servers, `I5, I6, I7, I11 under 50 mixed calls at once, over ${name},`, (server) => {
    test(
      'hold, and no work sees the deadlocks that the server counted',
      async () => {
        const report = await runConcurrentCallsIn(await open(await server.createDatabase()));
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
      expectAllMet(await runConcurrentCallsIn(open()));
    },
    LIMIT_MS,
  );
});
