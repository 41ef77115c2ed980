import { describe, expect, test } from '@jest/globals';
import { systemTime } from '../../../src/adapters/system.ts';
import { InProcessWakeQueue } from '../../../src/adapters/wake/in-process.ts';
import { wakeContract } from './wake-contract.ts';

describe('waking by timers of this process', () => {
  wakeContract(async (onWake) => new InProcessWakeQueue({ time: systemTime, onWake }));

  test('what is due far ahead is left to the sweep, so that no timer outlives its transaction by hours', async () => {
    const armed: number[] = [];
    const after = (delayMs: number) => {
      armed.push(delayMs);
      return () => {};
    };
    const wakes = new InProcessWakeQueue({ time: { ...systemTime, after }, onWake: () => {} });
    wakes.wakeAt('far', 1, Date.now() + 3_600_000, 'deadline');
    expect(armed).toEqual([]);
    wakes.wakeAt('near', 1, Date.now() + 1000, 'deadline');
    expect(armed).toHaveLength(1);
  });
});
