// The clock of a test world: it stands while somebody is at work, jumps while the world is waited for, and is no real clock.
import { describe, expect, jest, test } from '@jest/globals';
import { branch, type Participant } from '@tercet/sdk';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import type { Op } from '@tercet/sdk/wire';
import { Value } from 'typebox/value';
import { engineSettingsOf } from '../../../sdk/src/testing/settings.ts';
import { Settings } from '../../../src/settings.ts';
import { everyRoute, payment, price } from './shop.ts';

type Ops = Readonly<Partial<Record<Op, () => Promise<void>>>>;

/** A service of another kind: it does what it is given, and answers 200. */
const service = (ops: Ops): Participant<typeof payment> => ({
  contract: payment,
  routes: everyRoute(payment),
  async handle({ path }) {
    const op = path.split('/').at(-1);
    await ops[op === 'try' || op === 'confirm' ? op : 'cancel']?.();
    return { status: 200, headers: {}, body: '{"holdId":"1"}' };
  },
});

const other = { ...payment, name: 'bank' } as const;

/** Something of somebody else's, such as a database, that answers when the test lets it. */
function foreign() {
  let answer = () => {};
  const promise = new Promise<void>((resolve) => {
    answer = resolve;
  });
  return { promise, answer: () => answer() };
}

/** More turns of the event loop than anything in a world needs to go on. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const onlyPayment = () => createTestWorld({ participants: [scripted(payment)] });
const hold = branch(payment, 'hold', price);

describe('the clock', () => {
  test('starts at the real time', async () => {
    const before = Date.now();
    const { clock } = await onlyPayment();
    expect(clock.nowMs).toBeGreaterThanOrEqual(before);
    expect(clock.nowMs).toBeLessThanOrEqual(Date.now());
  });

  test('stands while nobody waits for the world', async () => {
    const world = await onlyPayment();
    world.on(payment, 'try').fail();
    await world.tercet.submit({ name: 'order', branches: [hold], waitMs: 0 });
    await turns();
    const { nowMs } = world.clock;
    expect(world.calls).toHaveLength(1);
    await turns();
    expect(world.clock.nowMs).toBe(nowMs);
    expect(world.calls).toHaveLength(1);
  });

  test('passes by hand, and whatever is due happens at its own time', async () => {
    const world = await onlyPayment();
    world.on(payment, 'try').fail();
    await world.tercet.submit({ name: 'order', branches: [hold], waitMs: 0, timeoutMs: 10_000 });
    const { nowMs } = world.clock;
    await world.clock.pass(9999);
    expect(world.clock.nowMs).toBe(nowMs + 9999);
    expect(world.calls.every(({ op }) => op === 'try')).toBe(true);
    await world.clock.pass(1);
    expect(world.calls.at(-1)).toMatchObject({ op: 'cancel', sentAt: nowMs + 10_000 });
    const instants = world.calls.map(({ sentAt }) => sentAt);
    expect(instants).toEqual([...instants].sort());
    expect(new Set(instants).size).toBeGreaterThan(3);
  });

  test('passes forward only', async () => {
    const { clock } = await onlyPayment();
    for (const ms of [-1, Number.NaN, Infinity]) await expect(clock.pass(ms)).rejects.toThrow(RangeError);
  });

  test('ends what a timer sets off before the next one', async () => {
    const bank = foreign();
    const world = await createTestWorld({ participants: [service({ confirm: () => bank.promise })] });
    world.on(payment, 'confirm').fail(1);
    const { gid } = await world.tercet.submit({ name: 'order', branches: [hold], waitMs: 0 });
    const passing = world.clock.pass(60_000);
    await turns();
    bank.answer();
    await passing;
    expect(world.calls.map(({ op, status }) => `${op} ${status}`)).toEqual([
      'try 200',
      'confirm 503',
      'confirm 200',
    ]);
    await world.expectFinal(gid, { status: 'confirmed' });
  });

  test('stands while a handler asks its database, however long another transaction waits for its retry', async () => {
    const database = foreign();
    const participants = [service({ try: () => database.promise }), scripted(other)] as const;
    const world = await createTestWorld({ participants });
    world.on(other, 'try').fail(1);
    const { nowMs } = world.clock;
    const asking = world.tercet.submit({ name: 'asks', branches: [hold] });
    const waiting = world.tercet.submit({ name: 'waits', branches: [branch(other, 'hold', price)] });
    await turns();
    expect(world.clock.nowMs).toBe(nowMs);
    expect(world.calls).toHaveLength(2);
    database.answer();
    expect(await Promise.all([asking, waiting])).toMatchObject([
      { status: 'confirmed' },
      { status: 'confirmed' },
    ]);
    expect(world.calls.filter(({ isHeard }) => !isHeard)).toEqual([]);
  });

  test('stands while the function of a transaction awaits something of its own', async () => {
    const own = foreign();
    const world = await createTestWorld({ participants: [scripted(payment), scripted(other)] });
    world.on(other, 'try').fail(1);
    const { nowMs } = world.clock;
    const thinking = world.tercet.run({ name: 'thinks', timeoutMs: 1000 }, async (tx) => {
      await tx.payment.hold(price);
      await own.promise;
    });
    const waiting = world.tercet.submit({ name: 'waits', branches: [branch(other, 'hold', price)] });
    await turns();
    expect(world.clock.nowMs).toBe(nowMs);
    own.answer();
    expect(await Promise.all([thinking, waiting])).toMatchObject([
      { status: 'confirmed' },
      { status: 'confirmed' },
    ]);
  });

  test('passes inside the function of a transaction, also beyond its deadline', async () => {
    const world = await onlyPayment();
    const running = world.tercet.run({ name: 'slow', timeoutMs: 5000 }, async (tx) => {
      await tx.payment.hold(price);
      await world.clock.pass(5000);
    });
    const error = await running.catch((thrown: { name: string; gid: string }) => thrown);
    expect(error).toMatchObject({ name: 'TransactionTimedOut' });
    await world.expectFinal(error.gid, { status: 'cancelled', branches: { 'payment-hold-1': 'cancelled' } });
  });

  test('passes inside a handler: a call takes longer than its caller has patience', async () => {
    let slowCount = 1;
    const slow = async () => {
      slowCount -= 1;
      if (slowCount >= 0) await world.clock.pass(6000);
    };
    const world = await createTestWorld({ participants: [service({ confirm: slow })] });
    const { gid } = await world.tercet.submit({ name: 'order', branches: [hold] });
    await world.expectFinal(gid, { status: 'confirmed' });
    const confirms = world.calls.filter(({ op }) => op === 'confirm');
    expect(confirms.map(({ isHeard }) => isHeard)).toEqual([false, true]);
    expect(confirms.map(({ status }) => status)).toEqual([200, 200]);
  });

  test('goes on for a handler that runs a transaction of its own', async () => {
    const inner = () => world.tercet.run({ name: 'inner' }, (tx) => tx.bank.hold(price));
    const participants = [service({ try: async () => void (await inner()) }), scripted(other)] as const;
    const world = await createTestWorld({ participants });
    world.on(other, 'try').fail(2);
    const { gid } = await world.tercet.run({ name: 'outer' }, (tx) => tx.payment.hold(price));
    await world.expectFinal(gid, { status: 'confirmed' });
  });

  test('needs no real timer, so that a test may have put others in their place', async () => {
    jest.useFakeTimers();
    try {
      const world = await onlyPayment();
      world.on(payment, 'confirm').fail(3);
      const { gid } = await world.tercet.run({ name: 'order' }, (tx) => tx.payment.hold(price));
      await world.expectFinal(gid, { status: 'confirmed' });
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('chance and settings', () => {
  const delaysWith = async (seed: number) => {
    const world = await createTestWorld({ participants: [scripted(payment)], seed });
    world.on(payment, 'confirm').fail(6);
    const { gid } = await world.tercet.submit({ name: 'order', branches: [hold] });
    await world.expectFinal(gid, { status: 'confirmed' });
    return world.calls.map(({ sentAt }, at) => sentAt - (world.calls[at - 1]?.sentAt ?? sentAt));
  };

  test('the same seed makes the same delays, and another one others', async () => {
    const delays = await delaysWith(7);
    expect(await delaysWith(7)).toEqual(delays);
    expect(await delaysWith(8)).not.toEqual(delays);
  });

  test('ids are never the same, whatever the seed', async () => {
    const gids = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const world = await onlyPayment();
        return (await world.tercet.run({ name: 'order' }, (tx) => tx.payment.hold(price))).gid;
      }),
    );
    expect(new Set(gids).size).toBe(20);
  });

  test('settings that are not given are those of a coordinator that was given none, but for budgets and circuits', () => {
    const own = Value.Create(Settings);
    const { policy, maxPolicy, gate, ...rest } = engineSettingsOf({});
    expect(policy).toEqual({
      callTimeoutMs: own.callTimeoutMs,
      retry: {
        firstDelayMs: own.retryFirstDelayMs,
        maxDelayMs: own.retryMaxDelayMs,
        // A world comes to its end.
        budgetMs: 60_000,
      },
      poll: {
        firstDelayMs: own.pollFirstDelayMs,
        maxDelayMs: own.pollMaxDelayMs,
        budgetMs: 600_000,
      },
      maxRetryAfterMs: own.maxRetryAfterMs,
    });
    expect(maxPolicy).toEqual({
      callTimeoutMs: own.maxCallTimeoutMs,
      retryDelayMs: own.maxRetryDelayMs,
      retryBudgetMs: own.maxRetryBudgetMs,
    });
    expect(gate).toEqual({
      concurrency: own.participantConcurrency,
      failureCount: Number.MAX_SAFE_INTEGER,
      firstOpenMs: own.circuitFirstOpenMs,
      maxOpenMs: own.circuitMaxOpenMs,
    });
    const { defaultTimeoutMs, maxTimeoutMs, commitTimeoutMs, sweepIntervalMs, maxActiveTransactions } = own;
    expect(rest).toEqual({
      defaultTimeoutMs,
      maxTimeoutMs,
      commitTimeoutMs,
      sweepIntervalMs,
      maxActiveTransactions,
      retentionMs: own.retentionDays * 86_400_000,
      attentionAfterMs: own.attentionAfterMs,
    });
  });
});
