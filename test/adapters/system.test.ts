import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { validate, version } from 'uuid';
import { systemChance, systemClock } from '../../src/adapters/system.ts';
import { systemTiming } from '../../sdk/src/initiator/timing.ts';

// The coordinator's timers and those of an initiator.
describe.each([
  ['coordinator', systemClock],
  ['initiator', systemTiming],
])('a timer of the %s', (_whose, clock) => {
  const YEAR_MS = 366 * 86_400_000;
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test.each([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, YEAR_MS])('of %d ms fires then, and once', (delayMs) => {
    let count = 0;
    clock.after(delayMs, () => {
      count += 1;
    });
    if (delayMs > 0) jest.advanceTimersByTime(delayMs - 1);
    expect(count).toBe(0);
    jest.advanceTimersByTime(1);
    expect(count).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('of a year can be cancelled at any time', () => {
    let count = 0;
    for (const passedMs of [0, 2 ** 31, YEAR_MS - 1]) {
      const cancel = clock.after(YEAR_MS, () => {
        count += 1;
      });
      jest.advanceTimersByTime(passedMs);
      cancel();
      expect(jest.getTimerCount()).toBe(0);
    }
    expect(count).toBe(0);
  });
});

describe('ids of a process', () => {
  test('are UUIDv7 that sort in the order in which they were made, also within a millisecond', () => {
    const ids = Array.from({ length: 10_000 }, systemChance.newId);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
  });
});
