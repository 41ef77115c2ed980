/**
 * Chance in a world. What is drawn (the jitter of delays) is the same for the same seed. Ids are not: a barrier's table may
 * outlive the world, and would take the transaction of the next one for a repetition.
 */
import type { Chance, Time } from '../../../src/application/ports.ts';
import { newGid } from '../gid.ts';

export function worldChance(seed: number, time: Time): Chance {
  let state = seed | 0;
  return {
    // Mulberry32.
    draw() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
    newId: () => newGid(time.now().latest),
  };
}
