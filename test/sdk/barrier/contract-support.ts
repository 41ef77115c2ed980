/** What the tests of the barrier's contract have in common: work that a test holds back, refusals and waits. */
import { expect } from '@jest/globals';
import { InProgress } from '@tercet/sdk';
import { until as untilNamed } from '../../support/until.ts';

export const refusal = (code: string) => expect.objectContaining({ name: 'Refusal', code });

export function raise(error: Error): never {
  throw error;
}

/** `after` once `before` is done, at once or by a promise, as the driver has it. */
export const chain = <T>(before: unknown, after: () => T): T | Promise<T> =>
  before instanceof Promise ? before.then(after) : after();

export const until = (isSo: () => Promise<boolean>): Promise<void> => untilNamed(`${isSo}`, isSo);

/** Work outside the database that goes on until the test ends it. */
export class HeldWork {
  /** WorkOutcome when the work has begun: only then can it be ended. Its row is durable before. */
  readonly begun: Promise<void>;
  readonly run: (known?: { readonly signal: AbortSignal }) => Promise<string>;
  /** Aborted at the limit. */
  signal: AbortSignal | null = null;
  end = (_result: string): void => {};
  fail = (_error: Error): void => {};

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    this.run = (known) => {
      this.signal = known?.signal ?? null;
      resolve();
      return new Promise((end, fail) => Object.assign(this, { end, fail }));
    };
  }
}

/**
 * Starts work that is held, and has begun within its limit. A database that took longer than the limit has not begun it: then
 * other work is started, with a longer limit.
 *
 * @param start starts `work`, other than before each time
 */
export async function begunInTime(
  start: (work: HeldWork, limitMs: number) => Promise<unknown>,
): Promise<{ readonly work: HeldWork; readonly ended: Promise<unknown> }> {
  for (let limitMs = 300; ; limitMs *= 3) {
    const work = new HeldWork();
    // What it ends with, or rejects with, as a value: it may end before anyone asks.
    const ended = start(work, limitMs).catch((error: unknown) => error);
    const isBegun = await Promise.race([work.begun.then(() => true), ended.then(() => false)]);
    if (isBegun) return { work, ended };
  }
}

/** Asks again for as long as the branch is in other hands. */
export async function whenFree<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof InProgress)) throw error;
    }
  }
}
