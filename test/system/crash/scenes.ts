/** What is played with coordinators, as tests: all scenes of a file side by side, each in lanes with databases of its own. */
import { afterAll, beforeAll, test } from '@jest/globals';
import { describeOn, type SharedServer } from '../../support/servers.ts';
import { checkLane } from './checks.ts';
import { type Lane, openLane } from './lane.ts';

/** Bounds a hang. */
const LIMIT_MS = 1_800_000;

export type Scene = readonly [title: string, laneCount: number, play: (lane: Lane) => Promise<void>];

/**
 * Each scene is reported by its own test.
 * @param callTimeoutMs long enough that no call times out while it is held and a busy machine brings the others to their gates
 */
export function testScenes(title: string, callTimeoutMs: number, scenes: readonly Scene[]): void {
  describeOn(['mysql'], title, (server) => {
    let runs: ReadonlyMap<string, Promise<unknown>> = new Map();

    beforeAll(() => {
      runs = new Map(scenes.map((scene) => [scene[0], run(server, callTimeoutMs, scene)]));
      for (const running of runs.values()) running.catch(() => {});
    });
    afterAll(async () => {
      await Promise.allSettled(runs.values());
    }, LIMIT_MS);

    test.each(scenes.map(([name]) => name))(
      '%s',
      async (name) => {
        await runs.get(name);
      },
      LIMIT_MS,
    );
  });
}

async function run(server: SharedServer, callTimeoutMs: number, [, laneCount, play]: Scene): Promise<void> {
  const lanes = Array.from({ length: laneCount }, async () => {
    const lane = await openLane(server, callTimeoutMs);
    try {
      await play(lane);
      await checkLane(lane);
    } finally {
      await lane.close();
    }
  });
  await Promise.all(lanes);
}
