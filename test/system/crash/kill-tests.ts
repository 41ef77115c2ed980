/** Declares the kill tests. Those of one list run concurrently, each in systems with databases of their own. */
import { afterAll, beforeAll, test } from '@jest/globals';
import { describeOn, type SharedServer } from '../../support/servers.ts';
import { checkAllEnded } from './invariant-checks.ts';
import { type SystemUnderTest, openSystem } from './system-under-test.ts';

/** Bounds a hang. */
const LIMIT_MS = 1_800_000;

export type KillTest = readonly [
  title: string,
  systemCount: number,
  play: (system: SystemUnderTest) => Promise<void>,
];

/**
 * Each is reported by its own test.
 * @param callTimeoutMs long enough that no call times out while it is held and a busy machine brings the others to their gates
 */
export function declareKillTests(title: string, callTimeoutMs: number, killTests: readonly KillTest[]): void {
  describeOn(['mysql'], title, (server) => {
    let runs: ReadonlyMap<string, Promise<unknown>> = new Map();

    beforeAll(() => {
      runs = new Map(killTests.map((killTest) => [killTest[0], run(server, callTimeoutMs, killTest)]));
      for (const running of runs.values()) running.catch(() => {});
    });
    afterAll(async () => {
      await Promise.allSettled(runs.values());
    }, LIMIT_MS);

    test.each(killTests.map(([name]) => name))(
      '%s',
      async (name) => {
        await runs.get(name);
      },
      LIMIT_MS,
    );
  });
}

async function run(
  server: SharedServer,
  callTimeoutMs: number,
  [, systemCount, play]: KillTest,
): Promise<void> {
  const systems = Array.from({ length: systemCount }, async () => {
    const system = await openSystem(server, callTimeoutMs);
    try {
      await play(system);
      await checkAllEnded(system);
    } finally {
      await system.close();
    }
  });
  await Promise.all(systems);
}
