/**
 * A transaction whose deadline is a year ahead, from its begin until no trace of it is left, in virtual time:
 *
 * - It may be decided long after its gid has become too old to begin with.
 * - The coordinator keeps it, and the barrier its rows, until its deadline is past by their retention.
 * - Undecided, it is cancelled at its deadline.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { MemoryTransactionStore } from '../../../src/adapters/memory/transaction-store.ts';
import type { Engine } from '../../../src/application/engine.ts';
import type { Outcome } from '../../../src/application/outcome.ts';
import { httpAnswer, testEngine } from '../../support/engine.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import type { BarrierWorld } from './barrier-world.ts';
import { nodeSqliteWorld } from './worlds-by-driver.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 366 * DAY_MS;
const RETENTION_MS = 30 * DAY_MS;
const BARRIER_RETENTION_MS = 7 * DAY_MS;

let clock: VirtualClock;
let store: MemoryTransactionStore;
let world: BarrierWorld;
let engine: Engine;
let began: number;

beforeEach(async () => {
  clock = new VirtualClock();
  // The barrier judges by the clock of its database, which is not virtual.
  began = clock.nowMs = Date.now();
  store = new MemoryTransactionStore();
  world = await nodeSqliteWorld();
  await world.barrier.createTable();
  engine = testEngine({
    clock,
    store: clock.watching(store),
    writer: store,
    participants: clock.watching({
      async call({ gid, branchId, op, deadlineAt }) {
        if (op === 'notify' || branchId === null) return httpAnswer(404);
        await world.barrier.run({ gid, branchId, op, deadlineAt }, () => null);
        return httpAnswer(200);
      },
    }),
    settings: { maxTimeoutMs: YEAR_MS, retentionMs: RETENTION_MS, sweepIntervalMs: HOUR_MS },
  });
  engine.sweep.start();
  engine.retention.start();
});
afterEach(async () => {
  await engine.stop();
  await world.close();
});

const savedOf = (outcome: Outcome) => {
  if (!outcome.accepted) throw new Error(outcome.code);
  return outcome.saved.tx;
};
const newGid = () => uuidv7({ msecs: clock.nowMs });
const begin = (gid: string) => engine.coordinator.begin({ gid, timeoutMs: YEAR_MS }, null);
const passTo = (at: number) => clock.run(at - clock.nowMs);
const statusOf = async (gid: string) => (await engine.coordinator.find(gid))?.tx.status ?? null;

/** Begun, and tried by its initiator. */
async function beginAndTry(gid: string): Promise<void> {
  const { deadlineAt } = savedOf(await begin(gid));
  expect(deadlineAt).toBe(began + YEAR_MS);
  const branch = { branchId: 'money', participant: 'payment', activity: 'hold', payload: '{}' };
  savedOf(await engine.coordinator.registerBranch(gid, branch));
  await world.barrier.run({ gid, branchId: 'money', op: 'try', deadlineAt }, () => null);
}

const cleanUp = () =>
  world.barrier.cleanUp({
    retentionMs: BARRIER_RETENTION_MS,
    coordinator: {
      async finality(gids) {
        const { now, retentionMs, ends } = await engine.coordinator.endsOf(gids);
        const iso = (at: number) => new Date(at).toISOString();
        const transactions = ends.map(({ gid, isFinal, deadlineAt, finishedAt }) => ({
          gid,
          isFinal,
          deadlineAt: iso(deadlineAt),
          finishedAt: finishedAt === null ? null : iso(finishedAt),
        }));
        return { now: iso(now), retentionMs, transactions };
      },
    },
  });

test('decided after half a year, it is kept until its deadline is long past, and its barrier row with it', async () => {
  const gid = newGid();
  const other = newGid();
  await beginAndTry(gid);
  await passTo(began + YEAR_MS / 2);
  // Its gid is too old to begin with, and for what was begun with it that does not matter.
  expect(await begin(other)).toMatchObject({ accepted: false, code: 'gid_too_old' });
  expect(await begin(gid)).toMatchObject({ accepted: true, isChanged: false });
  expect(await statusOf(gid)).toBe('trying');
  const confirming = engine.coordinator.confirm(gid);
  await clock.run(HOUR_MS);
  savedOf(await confirming);
  expect(await statusOf(gid)).toBe('confirmed');

  // Its end is longer ago than either retention, its deadline is not.
  await passTo(began + YEAR_MS);
  expect(await cleanUp()).toEqual({ removedCount: 0, keptCount: 0, absentCount: 0 });
  await passTo(began + YEAR_MS + BARRIER_RETENTION_MS);
  expect(await cleanUp()).toEqual({ removedCount: 0, keptCount: 0, absentCount: 0 });
  expect(await statusOf(gid)).toBe('confirmed');
  await clock.run(1);
  expect(await cleanUp()).toEqual({ removedCount: 1, keptCount: 0, absentCount: 0 });

  await passTo(began + YEAR_MS + RETENTION_MS);
  expect(await statusOf(gid)).toBe('confirmed');
  await clock.run(2 * HOUR_MS);
  expect(await statusOf(gid)).toBeNull();
  expect(await begin(gid)).toMatchObject({ accepted: false, code: 'gid_too_old' });
});

test('undecided, it is cancelled at its deadline and not before', async () => {
  const gid = newGid();
  await beginAndTry(gid);
  await passTo(began + YEAR_MS - 1);
  expect(await statusOf(gid)).toBe('trying');
  await clock.run(2 * HOUR_MS);
  expect(await statusOf(gid)).toBe('cancelled');
  const [row] = await world.query('SELECT phase FROM tercet_barrier');
  expect(row?.phase).toBe('cancelled');
});
