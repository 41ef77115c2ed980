/**
 * The simulation of test/system/simulation in as many worlds as time allows: TERCET_TEST_SOAK_WORLDS, 5,000 unless set, from
 * TERCET_TEST_SOAK_SEED on, which is by the clock unless set and is printed. Proves what the simulation proves.
 */
import { expect, test } from '@jest/globals';
import { runWorld } from '../system/simulation/simulated-run.ts';

const worldCount = Number(process.env.TERCET_TEST_SOAK_WORLDS ?? 5000);
/** Seeds below are those of every run. */
const firstSeed = Number(process.env.TERCET_TEST_SOAK_SEED ?? 1000 + (Date.now() % 1_000_000_000));
/** Bounds a hang. */
const LIMIT_MS = 24 * 3_600_000;

test(
  `${worldCount} worlds from seed ${firstSeed} on end right`,
  async () => {
    const counts = new Map<string, number>();
    for (let seed = firstSeed; seed < firstSeed + worldCount; seed += 1)
      for (const end of await runWorld(seed)) counts.set(end, (counts.get(end) ?? 0) + 1);
    process.stdout.write(`${JSON.stringify(Object.fromEntries(counts))}\n`);
    const seen = [...counts.keys()].sort();
    const ends = ['saga cancelled', 'saga confirmed', 'tcc cancelled', 'tcc confirmed'];
    expect(seen.filter((each) => !each.startsWith('completion'))).toEqual(ends);
    expect(seen).toContain('completion accepted');
  },
  LIMIT_MS,
);
