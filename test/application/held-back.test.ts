// A call that is held back, by a circuit, for want of a slot or because it could not leave this process, is no attempt.
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import type { Engine } from '../../src/application/engine.ts';
import { Overloaded, type HttpAnswer, type ParticipantCall } from '../../src/application/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { httpAnswer as status, participantsThat, registryOf, testEngine } from '../support/engine.ts';
import { policy } from '../support/saves.ts';

const GATE = { concurrency: 2, failureCount: 3, firstOpenMs: 4000, maxOpenMs: 8000 };
const MAX_ACTIVE = 10;
const TAKE_OVER_MS = policy.callTimeoutMs + 1000 + 1000;
const RETRY = { firstDelayMs: 100, maxDelayMs: 200, budgetMs: 500 };
/** Longer than a drive is kept that has nothing to do. */
const POLL = { firstDelayMs: 8000, maxDelayMs: 20_000, budgetMs: 60_000 };

let clock: VirtualClock;
let store: MemoryTransactionStore;
let registry: ReturnType<typeof registryOf>;
let engine: Engine;
/** The calls so far, and how the next is answered; null leaves it open. */
let calls: ParticipantCall[];
let answers: (call: ParticipantCall) => HttpAnswer | null;
let wakes: { gid: string; when: number }[];

beforeEach(() => {
  [clock, store, calls, wakes] = [new VirtualClock(), new MemoryTransactionStore(), [], []];
  answers = () => status(200);
  registry = registryOf('stock', 'money');
  engine = newEngine();
});

function newEngine(): Engine {
  return testEngine({
    clock,
    store,
    registry,
    participants: participantsThat((call) => answers(call), calls),
    // Transactions are woken only by the drives themselves, by the sweep and by the test.
    wakes: () => ({
      wakeAt: (gid, _seq, when) => wakes.push({ gid, when }),
      isUp: true,
      close: async () => {},
    }),
    settings: {
      policy: { ...policy, retry: RETRY, poll: POLL },
      gate: GATE,
      maxActiveTransactions: MAX_ACTIVE,
    },
  });
}

async function begin(participant = 'stock'): Promise<string> {
  const branches = [{ branchId: 'b', participant, activity: 'reserve' }];
  const outcome = await engine.coordinator.begin({ branches, timeoutMs: 600_000 }, null);
  if (!outcome.accepted) throw new Error(outcome.code);
  await setImmediate();
  return outcome.saved.tx.gid;
}

const find = async (gid: string) => {
  const loaded = await store.load(gid);
  if (loaded === null) throw new Error('it is gone');
  return loaded;
};

const pass = (ms: number): Promise<void> => clock.run(ms);

/** The confirm of one transaction fails until the circuit of its participant is open. */
async function openCircuit(): Promise<string> {
  answers = ({ op }) => status(op === 'try' ? 200 : 503);
  const gid = await begin();
  while (calls.length < 1 + GATE.failureCount) await clock.step();
  return gid;
}

describe('while a circuit is open', () => {
  test('no call is sent and no budget is spent, and the row is dated for when it may be over', async () => {
    const gid = await openCircuit();
    const spent = (await find(gid)).tx.branches[0]?.phaseTwo.attemptCount;
    expect(spent).toBe(GATE.failureCount);
    await pass(GATE.firstOpenMs - 500);
    expect(calls).toHaveLength(1 + GATE.failureCount);
    const { tx, wakeAt } = await find(gid);
    expect(tx.branches[0]?.phaseTwo.attemptCount).toBe(spent);
    const [armed] = wakes;
    expect(armed?.gid).toBe(gid);
    expect(armed?.when).toBeGreaterThanOrEqual(clock.nowMs);
    expect(wakeAt).toBe((armed?.when ?? 0) + TAKE_OVER_MS);
  });

  test('the transaction is not kept in memory', async () => {
    const gid = await openCircuit();
    await pass(1500);
    expect(engine.coordinator.explain((await find(gid)).tx)).toContain('its circuit is open');
    for (let other = 0; other < MAX_ACTIVE * 0.8; other += 1) await begin('money');
  });

  test('the calls of another participant go on (I15)', async () => {
    await openCircuit();
    answers = () => status(200);
    const gid = await begin('money');
    expect((await find(gid)).tx.status).toBe('confirmed');
  });

  test('a person who retries the participant closes it, and all that waits for it goes on', async () => {
    const first = await openCircuit();
    answers = ({ op }) => status(op === 'try' ? 200 : 503);
    engine.coordinator.explain((await find(first)).tx);
    answers = () => status(200);
    expect(await engine.coordinator.retryParticipant('stock')).toBe(1);
    await setImmediate();
    await setImmediate();
    expect((await find(first)).tx.status).toBe('confirmed');
    expect(await engine.coordinator.retryParticipant('stock')).toBe(0);
  });
});

test('for want of a free slot a call waits, and none is queued', async () => {
  answers = ({ op }) => (op === 'try' ? null : status(200));
  const gids = [await begin(), await begin(), await begin()];
  expect(calls.map(({ gid }) => gid)).toEqual(gids.slice(0, 2));
  expect((await find(gids[2] ?? '')).tx.branches[0]?.phaseOne.attemptCount).toBe(0);
});

test('a call that could not leave this process spends no budget, and is sent later', async () => {
  answers = () => ({ ...status(null), isUnsent: true });
  const gid = await begin();
  for (let attempt = 0; attempt < 10; attempt += 1) await pass(1000);
  expect((await find(gid)).tx).toMatchObject({
    status: 'trying',
    branches: [{ phaseOne: { attemptCount: 0 } }],
  });
  answers = () => status(200);
  await pass(1000);
  await setImmediate();
  expect((await find(gid)).tx.status).toBe('confirmed');
});

describe('a participant that is sound is not held back by', () => {
  const good = () => [{ branchId: 'b', participant: 'stock', activity: 'reserve', payload: 'good' }];
  const isGood = ({ payload }: ParticipantCall) => payload === '"good"';

  async function confirmsGood(): Promise<void> {
    const outcome = await engine.coordinator.begin({ branches: good(), timeoutMs: 30_000 }, null);
    const gid = outcome.accepted ? outcome.saved.tx.gid : outcome.code;
    await pass(5000);
    expect((await find(gid)).tx.status).toBe('confirmed');
  }

  const explanations = async () =>
    Promise.all(store.gids.map(async (gid) => engine.coordinator.explain((await find(gid)).tx)));

  test('branches that it fails with an error of its own (I15)', async () => {
    answers = (call) => status(call.op === 'try' || isGood(call) ? 200 : 500);
    for (let poisoned = 0; poisoned < 5; poisoned += 1) await begin();
    await pass(300);
    expect((await explanations()).join()).not.toContain('circuit');
    await confirmsGood();
  });

  test('branches whose calls it never answers, as long as others are answered (I15)', async () => {
    answers = (call) => status(call.op === 'try' || isGood(call) ? 200 : null);
    for (let poisoned = 0; poisoned < 5; poisoned += 1) await begin();
    await pass(3000);
    expect(engine.coordinator.explain((await find(store.gids[0] ?? '')).tx)).toContain('circuit');
    await confirmsGood();
  });

  test('an initiator that gives it no time', async () => {
    const hasty = {
      branches: good(),
      callTimeoutMs: 5,
      retry: { firstDelayMs: 1, maxDelayMs: 1 },
      timeoutMs: 600_000,
    };
    answers = () => {
      clock.nowMs += 5;
      return status(null);
    };
    for (let calls = 0; calls < 5; calls += 1) await engine.coordinator.begin(hasty, null);
    await pass(100);
    expect(calls.length).toBeGreaterThan(GATE.failureCount);
    expect((await explanations()).join()).not.toContain('circuit');
  });
});

describe('what is polled', () => {
  test('takes no room from what is under way (I15)', async () => {
    answers = ({ op, participant }) => status(op === 'confirm' && participant === 'stock' ? 202 : 200);
    for (let polled = 0; polled < 2 * MAX_ACTIVE; polled += 1) {
      await begin();
      await pass(1500);
    }
    expect((await find(await begin('money'))).tx.status).toBe('confirmed');
  });

  test('is dated anew with each answer, so that nobody else asks it too', async () => {
    answers = ({ op }) => status(op === 'try' ? 200 : 202);
    const gid = await begin();
    await pass(100);
    const [first] = wakes;
    await pass(2000);
    const { wakeAt } = await find(gid);
    expect(wakes).toHaveLength(1);
    expect(first).toBeUndefined();
    expect(wakeAt).toBe((wakes[0]?.when ?? 0) + TAKE_OVER_MS);
  });

  test('is parked when it has been accepted for longer than its poll budget, though it is let go in between (I4)', async () => {
    answers = ({ op }) => status(op === 'try' ? 200 : 202);
    const gid = await begin();
    const isParked = async () => (await find(gid)).tx.branches[0]?.phaseTwo.parkedAt !== null;
    for (let sweeps = 0; !(await isParked()); sweeps += 1) {
      expect(sweeps).toBeLessThan(100);
      await pass(10_000);
      await engine.sweep.runOnce();
      await pass(2000);
    }
    const { parkedAt, acceptedAt } = (await find(gid)).tx.branches[0]?.phaseTwo ?? {};
    const acceptedMs = (parkedAt ?? 0) - (acceptedAt ?? 0);
    expect(acceptedMs).toBeGreaterThanOrEqual(POLL.budgetMs);
    expect(acceptedMs).toBeLessThan(POLL.budgetMs + POLL.maxDelayMs + TAKE_OVER_MS);
  });
});

test('what the sweep claimed is dated anew when its call may take longer than the claim holds', async () => {
  answers = ({ op }) => (op === 'try' ? status(200) : null);
  const callTimeoutMs = 50_000;
  const branches = [{ branchId: 'b', participant: 'stock', activity: 'reserve', callTimeoutMs }];
  await engine.coordinator.begin({ branches }, null);
  await setImmediate();
  const gid = store.gids[0] ?? '';
  const other = newEngine();
  clock.nowMs += callTimeoutMs + 3000;
  expect(await other.sweep.runOnce()).toBe(1);
  await setImmediate();
  await clock.step();
  expect((await find(gid)).wakeAt).toBeGreaterThan(clock.nowMs + callTimeoutMs);
});

describe('what waits for an operator', () => {
  test('is called again 30 to 60 minutes later and no sooner, by whoever sweeps', async () => {
    answers = ({ op }) => status(op === 'try' ? 200 : 404);
    const gid = await begin();
    await pass(5000);
    const parked = await find(gid);
    expect(parked.tx.branches[0]?.phaseTwo.parkedAt).not.toBeNull();
    const count = calls.length;
    expect(parked.wakeAt).toBeGreaterThan(clock.nowMs + 1_750_000);
    await pass(1_750_000);
    expect(await engine.sweep.runOnce()).toBe(0);
    await pass(3_650_000 - 1_750_000);
    expect(await engine.sweep.runOnce()).toBe(1);
    await pass(2000);
    expect(calls).toHaveLength(count + 1);
    expect((await find(gid)).wakeAt).toBeGreaterThan(clock.nowMs + 1_750_000);
    expect(await engine.sweep.runOnce()).toBe(0);
  });
});

describe('with as much under way as may be', () => {
  test('a person who retries a participant reaches all that wait for it, though not all at once', async () => {
    answers = ({ op }) => status(op === 'try' ? 200 : 404);
    for (let parked = 0; parked < 3 * MAX_ACTIVE; parked += 1) {
      await begin();
      await pass(3000);
    }
    answers = () => status(200);
    let retriedCount = 0;
    void engine.coordinator.retryParticipant('stock').then((count) => {
      retriedCount = count;
    });
    for (let seconds = 0; retriedCount === 0; seconds += 1) {
      expect(seconds).toBeLessThan(100);
      await pass(1000);
    }
    expect(retriedCount).toBe(3 * MAX_ACTIVE);
    for (let sweeps = 0; !store.isAtRest; sweeps += 1) {
      expect(sweeps).toBeLessThan(100);
      await engine.sweep.runOnce();
      await pass(2000);
    }
  });

  test('nothing is begun, and what is under way can still be decided', async () => {
    answers = () => null;
    const gids: string[] = [];
    for (let count = 0; count < MAX_ACTIVE * 0.8; count += 1)
      gids.push(await begin(count % 2 ? 'stock' : 'money'));
    await expect(begin()).rejects.toBeInstanceOf(Overloaded);
    expect(store.gids).toHaveLength(gids.length);
    expect(await engine.coordinator.cancel(gids[0] ?? '')).toMatchObject({ accepted: true });
  });
});
