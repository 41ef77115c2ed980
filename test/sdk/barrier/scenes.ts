/** What the scenes of the barrier's contract have in common. */
import { expect } from '@jest/globals';
import { InProgress } from '@tercet/sdk';

export const refusal = (code: string) => expect.objectContaining({ name: 'Refusal', code });

export function raise(error: Error): never {
  throw error;
}

/** `after` once `before` is done, at once or by a promise, as the driver has it. */
export const chain = <T>(before: unknown, after: () => T): T | Promise<T> =>
  before instanceof Promise ? before.then(after) : after();

export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo()));
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
