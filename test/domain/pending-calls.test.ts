import { describe, expect, test } from '@jest/globals';
import type { GlobalTransaction, Now } from '../../src/domain/global-transaction.ts';
import { pendingCalls } from '../../src/domain/pending-calls.ts';
import {
  begin,
  CALLS_TO_PARK,
  PARKED_PAUSE_MS,
  between,
  cancelled,
  cancelling,
  confirmed,
  confirming,
  DEADLINE,
  exactly,
  POLICY,
  replied,
  spec,
  T0,
  told,
} from '../support/transactions.ts';
import { action, diamond, needs, paidTrip, pivot, retry, saga, step } from '../support/sagas.ts';

const now = exactly(T0);
const opsOf = (tx: GlobalTransaction, at: Now = now) =>
  pendingCalls(tx, at).calls.map(({ branchId, op }) => `${op} ${branchId}`);

describe('phase one', () => {
  test('of a declared transaction is called by the coordinator, all branches at once', () => {
    expect(opsOf(begin())).toEqual(['try stock', 'try money']);
    expect(pendingCalls(begin(), now).checkAgainAt).toBe(DEADLINE);
  });

  test('of an interactive one is not: only the deadline is waited for', () => {
    const tx = told(begin({ mode: 'interactive' }), {
      type: 'branchRegistered',
      branch: spec('stock'),
      now,
    });
    expect(pendingCalls(tx, now)).toEqual({ calls: [], checkAgainAt: DEADLINE, checkAgainFor: 'deadline' });
  });

  test('asks only branches that have not answered', () => {
    expect(opsOf(told(begin(), replied('stock', 'try', 'succeeded')))).toEqual(['try money']);
  });

  test('a try ends at the deadline at the latest', () => {
    const timeouts = (at: Now) => pendingCalls(begin(), at).calls.map(({ timeoutMs }) => timeoutMs);
    expect(timeouts(now)).toEqual([POLICY.callTimeoutMs, POLICY.callTimeoutMs]);
    expect(timeouts(between(DEADLINE - 80, DEADLINE - 50))).toEqual([50, 50]);
  });

  test('no try is sent when the deadline may have passed (I13)', () => {
    expect(opsOf(begin(), between(DEADLINE - 1, DEADLINE))).toEqual([]);
  });

  test('an unknown try waits for its delay, and is the next attempt', () => {
    const tx = told(begin(), replied('stock', 'try', 'unknown', { chance: 0.99 }));
    expect(opsOf(tx)).toEqual(['try money']);
    expect(pendingCalls(tx, now).checkAgainAt).toBe(T0 + 99);
    expect(pendingCalls(tx, exactly(T0 + 99)).calls[0]).toMatchObject({ branchId: 'stock', attempt: 2 });
  });
});

describe('phase two', () => {
  test('is not called before the decision, whatever the tries came to (I9)', () => {
    const tx = told(begin(), replied('stock', 'try', 'unknown'), replied('money', 'try', 'unknown'));
    expect(opsOf(tx)).toEqual(['try stock', 'try money']);
  });

  test('goes to every branch, the refused one too (I6)', () => {
    expect(opsOf(cancelling())).toEqual(['cancel stock', 'cancel money']);
    expect(opsOf(confirming())).toEqual(['confirm stock', 'confirm money']);
  });

  test('is due at once, however doubtful the clock was when it was decided', () => {
    const doubtful = between(T0 + 10, T0 + 30);
    const tx = told(begin(), replied('stock', 'try', 'refused', { now: doubtful }));
    expect(opsOf(tx, doubtful)).toEqual(['cancel stock', 'cancel money']);
  });

  test('is called long after the deadline, for the decision never changes', () => {
    expect(opsOf(confirming(), exactly(DEADLINE * 2))).toEqual(['confirm stock', 'confirm money']);
  });

  test('sends the payload as it was given, and the same in every attempt', () => {
    const payload = '{ "b": 1.0, "a": 2 }';
    const tx = begin({ branches: [spec('stock', { payload })] });
    const again = told(tx, replied('stock', 'try', 'unknown'));
    for (const { calls } of [pendingCalls(tx, now), pendingCalls(again, now)])
      expect(calls[0]?.payload).toBe(payload);
  });

  test('of a tcc sends whatever looks like a reference as it is, and asks for no result', () => {
    const payload = '{"id":{"$from":"stock.id"}}';
    const tx = begin({ branches: [spec('stock', { payload })] });
    expect(pendingCalls(tx, now).calls[0]).toMatchObject({ payload, results: null, wanted: [] });
  });

  test('a branch that is parked is called again after its long pause', () => {
    const unanswered = Array.from({ length: CALLS_TO_PARK }, () => replied('stock', 'confirm', 'unknown'));
    const tx = told(confirming(), replied('money', 'confirm', 'succeeded'), ...unanswered);
    expect(pendingCalls(tx, now)).toEqual({
      calls: [],
      checkAgainAt: T0 + PARKED_PAUSE_MS,
      checkAgainFor: 'call',
    });
    const later = exactly(T0 + PARKED_PAUSE_MS);
    expect(pendingCalls(tx, later).calls).toMatchObject([{ op: 'confirm', attempt: CALLS_TO_PARK + 1 }]);
  });

  test('a call is due whatever its date once its participant has recovered', () => {
    const tx = told(
      confirming(),
      replied('stock', 'confirm', 'unknown', { chance: 0.5 }),
      replied('money', 'confirm', 'ongoing', { chance: 0.5 }),
    );
    const opsIf = (...resumed: readonly (string | null)[]) =>
      pendingCalls(tx, now, new Set(resumed)).calls.map(({ branchId }) => branchId);
    expect([opsIf(), opsIf(null), opsIf('stock'), opsIf('stock', 'money')]).toEqual([
      ...[[], [], ['stock'], ['stock', 'money']],
    ]);
    expect(pendingCalls(tx, now, new Set(['stock'])).checkAgainAt).toBe(T0 + 250);
  });

  test('a parked branch does not keep another from being called (I15)', () => {
    const unanswered = Array.from({ length: CALLS_TO_PARK }, () => replied('stock', 'confirm', 'unknown'));
    expect(opsOf(told(confirming(), ...unanswered))).toEqual(['confirm money']);
  });

  test('a finished transaction owes nothing', () => {
    for (const tx of [confirmed(), cancelled()])
      expect(pendingCalls(tx, now)).toMatchObject({ calls: [], checkAgainAt: null });
  });
});

describe('a step of a saga', () => {
  const callsOf = (tx: GlobalTransaction, at: Now = now) => pendingCalls(tx, at).calls;

  test('is called as its branch says, with what its payload may refer to', () => {
    const payload = '{"id":{"$from":"hotel.id"}}';
    const flight = {
      ...step('flight', { ...needs(['hotel']), references: ['hotel.id'] }),
      participant: 'airline',
      activity: 'book',
      payload,
    };
    const tx = told(saga([step('hotel'), flight]), action('hotel', 'succeeded', { result: '{"id":7}' }));
    expect(callsOf(tx)).toEqual([
      {
        branchId: 'flight',
        op: 'action',
        kind: 'step',
        participant: 'airline',
        activity: 'book',
        payload,
        results: { hotel: '{"id":7}' },
        wanted: [],
        attempt: 1,
        deadlineAt: DEADLINE,
        timeoutMs: POLICY.callTimeoutMs,
      },
    ]);
  });

  test('named as an object names its own parts is referred to like any other', () => {
    const names = ['__proto__', 'constructor', 'toString'];
    const last = step('last', { ...needs(names), references: names });
    const tx = told(
      saga([...names.map((name) => step(name)), last]),
      ...names.map((name) => action(name, 'succeeded', { result: `"${name}"` })),
    );
    const results = callsOf(tx)[0]?.results ?? {};
    expect(Object.entries(results)).toEqual(names.map((name) => [name, `"${name}"`]));
  });

  test('waits for its delay, and is the next attempt', () => {
    const tx = told(diamond(), action('hotel'), action('car', 'unknown', { chance: 0.99 }));
    expect(opsOf(tx)).toEqual(['action flight']);
    expect(pendingCalls(tx, now).checkAgainAt).toBe(T0 + 99);
    expect(callsOf(tx, exactly(T0 + 99))[1]).toMatchObject({ branchId: 'car', attempt: 2 });
  });

  test('that is retried by hand is due now, and is the first attempt again', () => {
    const tx = told(diamond(), action('hotel', 'unknown', { chance: 0.99 }), retry(now));
    expect(callsOf(tx)).toMatchObject([{ op: 'action', branchId: 'hotel', attempt: 1 }]);
  });

  test('whose deadline is over is not called, and nothing else is looked for', () => {
    const over = exactly(DEADLINE);
    for (const tx of [diamond(), paidTrip(), told(paidTrip(), action('hotel'))])
      expect(pendingCalls(tx, over)).toMatchObject({
        calls: [],
        checkAgainAt: DEADLINE,
        checkAgainFor: 'deadline',
      });
  });

  test('that is the pivot is looked at for its call, whatever the deadline is', () => {
    const started = saga([pivot('payment')]);
    const waiting = told(started, action('payment', 'unknown', { now: exactly(DEADLINE), chance: 0.5 }));
    expect(pendingCalls(started, exactly(DEADLINE))).toMatchObject({ checkAgainAt: null });
    expect(pendingCalls(waiting, exactly(DEADLINE))).toMatchObject({
      calls: [],
      checkAgainAt: DEADLINE + 50,
      checkAgainFor: 'call',
    });
  });

  test('that is parked is called again after its long pause', () => {
    const unanswered = Array.from({ length: CALLS_TO_PARK }, () => action('payment', 'unknown'));
    const parked = told(saga([pivot('payment')]), ...unanswered);
    expect(pendingCalls(parked, now)).toEqual({
      calls: [],
      checkAgainAt: T0 + PARKED_PAUSE_MS,
      checkAgainFor: 'call',
    });
  });
});
