/** This machine's clocks, timers and randomness. Only adapters and `serve.ts` call them. */
import { v7 as uuidv7 } from 'uuid';
import type { Chance, Time } from '../application/ports.ts';
import type { LocalClock } from './sql/database-clock.ts';

/** setTimeout takes no more than this, and fires at once when it is given more. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: LocalClock = {
  wallMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  after(delayMs, fn) {
    let timer: NodeJS.Timeout;
    // A longer delay is a chain of timers: a deadline may be a year ahead.
    const wait = (leftMs: number) => {
      timer =
        leftMs > MAX_TIMER_MS
          ? setTimeout(() => wait(leftMs - MAX_TIMER_MS), MAX_TIMER_MS)
          : setTimeout(fn, leftMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/** For a process that shares its database with no other: its own clock is the one that counts. */
export const systemTime: Time = {
  ...systemClock,
  now() {
    const at = Date.now();
    return { earliest: at, latest: at };
  },
  settle: () => null,
};

export const systemChance: Chance = {
  draw: () => Math.random(),
  newId: () => uuidv7(),
};
