import { expect, test } from '@jest/globals';
import { InProcessWakeQueue } from '../../../src/adapters/wake/in-process.ts';
import { VirtualClock } from '../../simulation/virtual-time.ts';

const clock = new VirtualClock();
const woken: string[] = [];
const armed: number[] = [];
const time = clock.timeFor({ isAlive: true });
const wakes = new InProcessWakeQueue({
  time: {
    ...time,
    after: (delayMs, fn) => {
      armed.push(delayMs);
      return time.after(delayMs, fn);
    },
  },
  onWake: (gid) => woken.push(gid),
});

test('a gid is woken at its time, and a later wake does not swallow an earlier one', async () => {
  wakes.wakeAt('one', 1, clock.nowMs + 200, 'call');
  wakes.wakeAt('one', 2, clock.nowMs + 100, 'call');
  wakes.wakeAt('one', 2, clock.nowMs + 100, 'call');
  await clock.step();
  expect(woken).toEqual(['one']);
  await clock.step();
  expect(woken).toEqual(['one', 'one']);
});

test('what is due far ahead is left to the sweep, so that no timer outlives its transaction by hours', () => {
  armed.length = 0;
  wakes.wakeAt('far', 1, clock.nowMs + 3_600_000, 'timeout');
  expect(armed).toEqual([]);
});
