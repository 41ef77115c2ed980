/** This machine's clock, timers and randomness: with `main.ts` the only code that calls them. */
import { v7 as uuidv7 } from 'uuid';
import type { Chance, Time } from '../application/ports.ts';

/** setTimeout takes no more than this, and fires at once when it is given more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemTime: Time = {
  now() {
    const at = Date.now();
    return { earliest: at, latest: at };
  },
  after(delayMs, fn) {
    const timer = setTimeout(fn, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

export const systemChance: Chance = {
  draw: () => Math.random(),
  newId: () => uuidv7(),
};
