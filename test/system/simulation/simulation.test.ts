/**
 * The real engine under all faults together, in hundreds of worlds that a seed repeats.
 *
 * Proves I1, I3, I4, I5, I6, I7, I8, I9, I10 and I12.
 */
import { describe, expect, test } from '@jest/globals';
import { runWorld } from './simulated-run.ts';

const WORLDS = 200;

describe('two replicas under loss, repetition, delay, dying processes and a database that answers late', () => {
  test.each(
    Array.from({ length: 10 }, (_, index) => index),
  )('end every transaction right, and never contradict themselves (part %i)', async (part) => {
    const seen = new Set<string>();
    for (let seed = (part * WORLDS) / 10; seed < ((part + 1) * WORLDS) / 10; seed += 1)
      for (const status of await runWorld(seed)) seen.add(status);
    const ends = ['tcc confirmed', 'tcc cancelled', 'saga confirmed', 'saga cancelled'];
    expect([...seen]).toEqual(expect.arrayContaining([...ends, 'completion accepted']));
    // Too late: a cancel has been decided, or an older attempt was refused.
    const tooLate = ['completion op_not_open', 'completion completed_differently'];
    expect([...ends, 'completion accepted', ...tooLate]).toEqual(expect.arrayContaining([...seen]));
  });
});
