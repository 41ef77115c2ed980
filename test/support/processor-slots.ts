/**
 * Limits how much work that needs a processor runs concurrently: starting a coordinator, bringing transactions to a kill
 * point. Otherwise all of it would be slow, and a held call would time out before its siblings arrive.
 */
import { availableParallelism } from 'node:os';

let freeCount = Math.max(2, availableParallelism());
const waiting: (() => void)[] = [];

/** Runs `work` when a slot is free. */
export async function withProcessorSlot<T>(work: () => Promise<T>): Promise<T> {
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
