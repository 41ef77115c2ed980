/**
 * Lanes take turns at what needs a processor: starting a coordinator, and bringing transactions to a point. Otherwise
 * twenty things at once would each be slow, and a call that is held would time out before its siblings are there.
 */
import { availableParallelism } from 'node:os';

let freeCount = Math.max(2, availableParallelism());
const waiting: (() => void)[] = [];

/** Runs `work` when its turn comes. */
export async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (freeCount > 0) freeCount -= 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else freeCount += 1;
  }
}
