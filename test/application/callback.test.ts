// Who asked to hear of the end hears of it: repeated until there is an answer, across crashes, and by what text.
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { EndingNotice } from '@tercet/sdk/wire';
import { Value } from 'typebox/value';
import { MemoryTransactionStore } from '../../src/adapters/memory/transaction-store.ts';
import { endingNotice } from '../../src/application/ending-notice.ts';
import type { Engine } from '../../src/application/engine.ts';
import type { HttpAnswer, ParticipantCall } from '../../src/application/ports.ts';
import type { BeginRequest } from '../../src/application/requests.ts';
import { isParked, isSettled } from '../../src/domain/index.ts';
import { seededChance, VirtualClock } from '../support/virtual-clock.ts';
import { httpAnswer, participantsThat, registryOf, testEngine } from '../support/engine.ts';
import { policy } from '../support/saves.ts';
import { begin as begunStory, CALLS_TO_PARK, replied, told } from '../support/transactions.ts';

const HOUR_MS = 3_600_000;
const RETENTION_MS = 24 * HOUR_MS;
const RETRY = { firstDelayMs: 1000, maxDelayMs: HOUR_MS, budgetMs: 60_000 };
/** What is due later than the queue remembers is found by the sweep, so much later at most. */
const SWEEP_MS = 10_000;
const TAKE_OVER_MS = policy.callTimeoutMs + 2000 + SWEEP_MS;
const callback = { participant: 'billing', activity: 'orders' };

let clock: VirtualClock;
let store: MemoryTransactionStore;
let registry: ReturnType<typeof registryOf>;
let engine: Engine;
let process: { isAlive: boolean };
let calls: ParticipantCall[];
/** What the notice is answered; null leaves it open. */
let heard: () => number | null | 'time-out';
let seed: number;

beforeEach(() => {
  [clock, store, calls, seed] = [new VirtualClock(), new MemoryTransactionStore(), [], 0];
  heard = () => 200;
  registry = registryOf('stock', 'billing');
  ({ engine, process } = newEngine());
});

function newEngine() {
  const process = { isAlive: true };
  seed += 1;
  const engine = testEngine({
    clock,
    process,
    store,
    registry,
    chance: seededChance(seed),
    participants: participantsThat(({ op }) => {
      const status = op === 'notify' ? heard() : 200;
      return status === 'time-out' ? timedOut : status;
    }, calls),
    settings: {
      policy: { ...policy, retry: RETRY },
      retentionMs: RETENTION_MS,
      sweepIntervalMs: SWEEP_MS,
    },
  });
  return { engine, process };
}

const timedOut: HttpAnswer = { ...httpAnswer(null), answer: 'time-out after 1000 ms' };

const declared = { branches: [{ branchId: 'b', participant: 'stock', activity: 'reserve' }], callback };

async function begin(request: BeginRequest = declared): Promise<string> {
  const outcome = await engine.coordinator.begin(request, null);
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

const notices = () => calls.filter(({ op }) => op === 'notify');
const isFinal = async (gid: string) => (await engine.coordinator.endsOf([gid])).ends[0]?.isFinal;

describe('the end is told', () => {
  test('once, after it, to nobody else, as a call about no branch', async () => {
    const gid = await begin();
    await pass(HOUR_MS);
    expect(calls.map(({ op, participant }) => `${op} ${participant}`)).toEqual([
      'try stock',
      'confirm stock',
      'notify billing',
    ]);
    expect(notices()[0]).toMatchObject({
      gid,
      branchId: null,
      op: 'notify',
      participant: 'billing',
      activity: 'orders',
      attempt: 1,
      isResultWanted: false,
    });
  });

  test.each<[string, BeginRequest, object]>([
    [
      'of a declared transaction',
      { ...declared, name: 'order', businessKey: 'A-17' },
      {
        pattern: 'tcc',
        name: 'order',
        businessKey: 'A-17',
        status: 'confirmed',
        reason: 'all_tries_succeeded',
      },
    ],
    [
      'of a saga',
      { ...declared, pattern: 'saga' },
      { pattern: 'saga', name: null, status: 'confirmed', reason: 'all_actions_succeeded' },
    ],
    [
      'of an interactive transaction, which its deadline cancels',
      { callback, timeoutMs: 5000 },
      { decision: 'cancel', status: 'cancelled', reason: 'deadline_passed' },
    ],
  ])('%s, in the words of the wire', async (_what, request, said) => {
    const gid = await begin(request);
    await pass(10_000);
    const { tx } = await find(gid);
    const notice = JSON.parse(notices()[0]?.payload ?? '');
    expect(notice).toMatchObject({ gid, ...said });
    expect([Date.parse(notice.beganAt), Date.parse(notice.finishedAt)]).toEqual([tx.beganAt, tx.finishedAt]);
    expect([...Value.Errors(EndingNotice, notice)]).toEqual([]);
  });

  test('to nobody where nobody asked', async () => {
    const gid = await begin({ branches: declared.branches });
    await pass(HOUR_MS);
    expect(notices()).toEqual([]);
    expect(await isFinal(gid)).toBe(true);
  });
});

describe('a notice is repeated', () => {
  test.each([
    500,
    503,
    404,
    409,
    410,
    422,
    425,
    301,
    'time-out',
  ] as const)('after %s, with the same text, until it is heard', async (status) => {
    const answers = [status, status];
    heard = () => answers.shift() ?? 204;
    const gid = await begin();
    await pass(HOUR_MS);
    expect(notices().map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(notices().map(({ payload }) => payload)).size).toBe(1);
    expect((await find(gid)).tx.notification).toMatchObject({ reply: 'succeeded', answer: '204' });
  });

  test.each([200, 201, 202, 204])('and no more after %d', async (status) => {
    heard = () => status;
    const gid = await begin();
    await pass(HOUR_MS);
    expect(notices()).toHaveLength(1);
    expect(await isFinal(gid)).toBe(true);
  });

  test('with growing pauses, then about every hour, and never parked, however often it fails', async () => {
    heard = () => 500;
    engine.sweep.start();
    const gid = await begin();
    const times: number[] = [];
    for (let steps = 0; notices().length < 5 * CALLS_TO_PARK; steps += 1) {
      expect(steps).toBeLessThan(20_000);
      const count = notices().length;
      await clock.step();
      if (notices().length > count) times.push(clock.nowMs);
    }
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    const longestMs = RETRY.firstDelayMs * 2 ** (CALLS_TO_PARK - 2) + TAKE_OVER_MS;
    const growing = pauses.filter((pauseMs) => pauseMs <= longestMs);
    expect(growing.length).toBeLessThan(CALLS_TO_PARK);
    for (const pauseMs of pauses.slice(growing.length)) {
      expect(pauseMs).toBeGreaterThanOrEqual(HOUR_MS / 2);
      expect(pauseMs).toBeLessThanOrEqual(HOUR_MS + TAKE_OVER_MS);
    }
    const { tx } = await find(gid);
    expect(isParked(tx)).toBe(false);
    expect(tx.notification).toMatchObject({ reply: 'unknown', parkedAt: null });
    heard = () => 200;
    await pass(HOUR_MS + TAKE_OVER_MS);
    expect(await isFinal(gid)).toBe(true);
  });

  test('by whoever sweeps, when the process that was to tell it has died', async () => {
    heard = () => null;
    const gid = await begin();
    await setImmediate();
    expect(notices()).toHaveLength(1);
    process.isAlive = false;
    ({ engine, process } = newEngine());
    expect(await engine.sweep.runOnce()).toBe(0);
    await pass(policy.callTimeoutMs + 2001);
    heard = () => 200;
    expect(await engine.sweep.runOnce()).toBe(1);
    await pass(1000);
    expect(notices().map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(notices()[1]?.payload).toBe(notices()[0]?.payload);
    expect(await isFinal(gid)).toBe(true);
    expect(await engine.sweep.runOnce()).toBe(0);
  });
});

describe('while the end is not told', () => {
  beforeEach(() => {
    heard = () => 500;
  });

  test('the transaction is finished and not final', async () => {
    const gid = await begin();
    expect((await find(gid)).tx).toMatchObject({ status: 'confirmed', finishedAt: expect.any(Number) });
    expect(await isFinal(gid)).toBe(false);
  });

  test('it is kept beyond its retention, and removed when it has been told', async () => {
    engine.sweep.start();
    const gid = await begin();
    await pass(RETENTION_MS + HOUR_MS);
    expect(await engine.retention.runOnce()).toBe(0);
    expect((await find(gid)).tx.gid).toBe(gid);
    heard = () => 200;
    await pass(HOUR_MS + TAKE_OVER_MS);
    expect(await engine.retention.runOnce()).toBe(1);
    expect(await store.load(gid)).toBeNull();
  });

  test.each([
    ['the transaction', (gid: string) => engine.coordinator.retry(gid)],
    ['its participant', () => engine.coordinator.retryParticipant('billing')],
  ])('a person who retries %s has it told at once', async (_what, retry) => {
    const gid = await begin();
    engine.sweep.start();
    while (notices().length < 8) await clock.step();
    heard = () => 200;
    const beforeMs = clock.nowMs;
    await retry(gid);
    await setImmediate();
    expect(clock.nowMs).toBe(beforeMs);
    expect(notices()).toHaveLength(9);
    expect(await isFinal(gid)).toBe(true);
    expect(await engine.coordinator.retry(gid)).toMatchObject({ accepted: false, code: 'nothing_to_retry' });
  });

  test('its explanation says who is to hear of it', async () => {
    const gid = await begin();
    const { tx } = await find(gid);
    expect(engine.coordinator.explain(tx)).toMatch(
      /^Confirmed at .*; the callback to billing is not delivered yet: attempt 1 answered 500 after 0\.0 s; next at /,
    );
  });
});

test('a transaction that waits for an operator is told of when it has ended, and not before', async () => {
  const answers = { confirm: 503 };
  engine = testEngine({
    clock,
    store,
    registry,
    chance: seededChance(7),
    participants: participantsThat(({ op }) => (op === 'confirm' ? answers.confirm : 200), calls),
    settings: { policy: { ...policy, retry: RETRY } },
  });
  const gid = await begin();
  engine.sweep.start();
  await pass(HOUR_MS);
  expect(isParked((await find(gid)).tx)).toBe(true);
  expect(notices()).toEqual([]);
  answers.confirm = 200;
  await engine.coordinator.retry(gid);
  await pass(1000);
  expect(notices()).toHaveLength(1);
});

test('the text of a notice is the same as long as the end is', () => {
  const confirming = told(begunStory({ callback: { ...callback, callTimeoutMs: null } }), ...tries());
  const ended = told(confirming, ...['stock', 'money'].map((id) => replied(id, 'confirm', 'succeeded')));
  const retried = told(ended, { ...replied('', 'notify', 'unknown'), branchId: null });
  expect(retried.notification && isSettled(retried.notification)).toBe(false);
  expect(endingNotice(retried)).toBe(endingNotice(ended));
  expect(JSON.parse(endingNotice(ended))).toEqual({
    gid: 'g-1',
    pattern: 'tcc',
    name: null,
    businessKey: null,
    status: 'confirmed',
    decision: 'confirm',
    reason: 'all_tries_succeeded',
    beganAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:00:00.000Z',
  });
});

function tries() {
  return ['stock', 'money'].map((branchId) => replied(branchId, 'try', 'succeeded'));
}
