/** The database's clock jumps while a request is under way: what is judged waits for a second sample. */
import { expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { DatabaseClock } from '../../src/adapters/sql/database-clock.ts';
import type { Loaded } from '../../src/application/ports.ts';
import { testEngine } from '../support/engine.ts';
import { newGid } from '../support/saves.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);

/** One sample of another commit is wrong, which arrives while this begin looks whether its gid exists. */
async function beginDuringJump(byMs: number) {
  const still = { elapsedMs: () => 0, wallMs: () => NOW, after: () => () => {} };
  const time = await DatabaseClock.start({ local: still, read: async () => NOW });
  const store = new (class extends MemoryTransactionStore {
    override async load(gid: string): Promise<Loaded | null> {
      const found = await super.load(gid);
      time.sample({ at: NOW + byMs, askedAtMs: 0, answeredAtMs: 0 });
      return found;
    }
  })();
  const { coordinator } = testEngine({ store, writer: store, time });
  const outcome = await coordinator.begin({ gid: newGid(), timeoutMs: 30_000 }, null);
  if (!outcome.accepted) throw new Error(outcome.code);
  return outcome.saved.tx;
}

test.each([
  ['ahead', DAY_MS],
  ['back', -DAY_MS],
])('a begin during a jump of a day %s has the deadline of a second sample', async (_where, byMs) => {
  const { status, beganAt, deadlineAt } = await beginDuringJump(byMs);
  expect({ status, beganAt, deadlineAt }).toEqual({
    status: 'trying',
    beganAt: NOW,
    deadlineAt: NOW + 30_000,
  });
});
