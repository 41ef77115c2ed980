// Who asked to be told hears of the end, in both patterns.
import { describe, expect, test } from '@jest/globals';
import { branchReply } from '../../src/domain/branch-reply.ts';
import {
  type GlobalTransaction,
  isParked,
  longestCallMs,
  type Reply,
} from '../../src/domain/global-transaction.ts';
import { pendingCalls } from '../../src/domain/pending-calls.ts';
import { type Replied, transition } from '../../src/domain/transition.ts';
import {
  begin,
  CALLS_TO_PARK,
  DEADLINE,
  exactly,
  PARKED_PAUSE_MS,
  POLICY,
  replied,
  spec,
  T0,
  told,
} from '../support/transactions.ts';
import { action, cancel, compensate, due, refusal, retry, saga, step } from '../support/sagas.ts';

const callback = { participant: 'shop', activity: 'ended', callTimeoutMs: null };
const now = exactly(T0);
const heard = (reply: Reply, given: Partial<Replied> = {}): Replied => ({
  ...replied('', 'notify', reply),
  branchId: null,
  ...given,
});

const reserving = (): GlobalTransaction => begin({ callback, branches: [spec('stock')] });
const confirmed = (): GlobalTransaction =>
  told(reserving(), replied('stock', 'try', 'succeeded'), replied('stock', 'confirm', 'succeeded'));

describe('a callback', () => {
  test('is due after the end, and not before', () => {
    let tx = reserving();
    expect(tx.notification).toBeNull();
    for (const [op, next] of [
      ['try stock', replied('stock', 'try', 'succeeded')],
      ['confirm stock', replied('stock', 'confirm', 'succeeded')],
    ] as const) {
      expect(due(tx)).toEqual([op]);
      tx = told(tx, next);
    }
    expect(tx).toMatchObject({ status: 'confirmed', finishedAt: T0 });
    expect(pendingCalls(tx, now).calls).toEqual([
      {
        branchId: null,
        op: 'notify',
        kind: null,
        participant: 'shop',
        activity: 'ended',
        payload: null,
        results: null,
        wanted: [],
        attempt: 1,
        deadlineAt: DEADLINE,
        timeoutMs: POLICY.callTimeoutMs,
      },
    ]);
  });

  test('is due after each end that a transaction can have', () => {
    const hotel = () => saga([step('hotel')], { callback });
    const ends = [
      told(reserving(), cancel(), replied('stock', 'cancel', 'succeeded')),
      told(hotel(), action('hotel')),
      told(hotel(), action('hotel', 'refused'), compensate('hotel')),
      told(begin({ mode: 'interactive', callback }), {
        type: 'confirmRequested',
        branchIds: null,
        now,
      }),
    ];
    for (const tx of ends) expect(due(tx)).toEqual(['notify']);
    expect(ends.map(({ status }) => status)).toEqual(['cancelled', 'confirmed', 'cancelled', 'confirmed']);
  });

  test('that nobody asked for is not called', () => {
    expect(due(told(saga([step('hotel')]), action('hotel')))).toEqual([]);
  });

  test('is owed no more once it was heard, and the transaction stands as it ended', () => {
    const tx = told(confirmed(), heard('succeeded', { now: exactly(T0 + 9) }));
    expect(tx).toEqual({
      ...confirmed(),
      notification: expect.objectContaining({ reply: 'succeeded', attemptCount: 1 }),
    });
    expect(pendingCalls(tx, now)).toMatchObject({ calls: [], checkAgainAt: null });
    const again = transition(tx, heard('unknown'));
    expect(again.accepted && again.tx).toBe(tx);
  });

  test('is heard with any 2xx, 202 too, and with nothing else', () => {
    for (const status of [200, 201, 202, 204, 299]) expect(branchReply('notify', status)).toBe('succeeded');
    for (const status of [null, 102, 301, 400, 404, 409, 410, 422, 425, 429, 500, 503])
      expect(branchReply('notify', status)).toBe('unknown');
  });

  test('is never parked: it is repeated, with growing pauses, and with its budget spent about every hour', () => {
    let tx = confirmed();
    const pausesMs: number[] = [];
    for (let attempt = 1; attempt <= 20; attempt += 1) {
      const { calls, checkAgainAt } = pendingCalls(tx, exactly(tx.notification?.dueAt ?? 0));
      expect(calls).toMatchObject([{ op: 'notify', attempt }]);
      expect(checkAgainAt).toBeNull();
      const at = tx.notification?.dueAt ?? 0;
      tx = told(tx, heard('unknown', { now: exactly(at), chance: 0.5 }));
      pausesMs.push((tx.notification?.dueAt ?? 0) - at);
      expect(isParked(tx)).toBe(false);
    }
    expect(pausesMs.slice(0, 9)).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800]);
    expect(pausesMs.slice(9)).toEqual(Array(11).fill(0.75 * 3_600_000));
  });

  test('has as long for a call as its participant is registered with, else as the transaction', () => {
    const timeoutMs = (callTimeoutMs: number | null) => {
      const tx = confirmed();
      const slow = { ...tx, callback: { ...callback, callTimeoutMs } };
      expect(longestCallMs(slow)).toBe(Math.max(callTimeoutMs ?? 0, POLICY.callTimeoutMs));
      return pendingCalls(slow, now).calls[0]?.timeoutMs;
    };
    expect(timeoutMs(9000)).toBe(9000);
    expect(timeoutMs(null)).toBe(POLICY.callTimeoutMs);
  });

  test('is asked for again after an answer that would have been a refusal', () => {
    const tx = told(confirmed(), heard('refused', { answer: '409' }));
    expect(tx.notification).toMatchObject({ reply: 'unknown', answer: '409', parkedAt: null });
    expect(due(tx)).toEqual(['notify']);
  });

  test('is retried by hand at once, for all or for its participant', () => {
    const waiting = told(confirmed(), heard('unknown', { chance: 0.9 }));
    expect(due(waiting)).toEqual([]);
    const later = exactly(T0 + 1);
    for (const participant of [null, 'shop']) {
      const tx = told(waiting, retry(later, participant));
      expect(tx.notification).toMatchObject({ attemptCount: 0, dueAt: T0 + 1, reply: 'unknown' });
      expect(due(tx, later)).toEqual(['notify']);
    }
    expect(refusal(waiting, retry(later, 'inventory'))).toBe('nothing_to_retry');
    expect(refusal(told(waiting, heard('succeeded')), retry(later))).toBe('nothing_to_retry');
  });

  test('is not told again when a late try is cancelled once more: how it ended has not changed', () => {
    const cancelled = told(reserving(), cancel(), replied('stock', 'cancel', 'succeeded'));
    const owing = told(cancelled, replied('stock', 'try', 'succeeded'));
    expect(due(owing)).toEqual(['cancel stock', 'notify']);
    const notified = told(cancelled, heard('succeeded'), replied('stock', 'try', 'succeeded'));
    expect(due(notified)).toEqual(['cancel stock']);
    expect(due(told(notified, replied('stock', 'cancel', 'succeeded')))).toEqual([]);
  });

  test('does not wait for a branch that is parked after the end, nor the other way round (I15)', () => {
    const cancelled = told(reserving(), cancel(), replied('stock', 'cancel', 'succeeded'));
    const parked = told(
      cancelled,
      replied('stock', 'try', 'succeeded'),
      ...Array.from({ length: CALLS_TO_PARK }, () => replied('stock', 'cancel', 'unknown')),
    );
    expect(due(parked)).toEqual(['notify']);
    expect(pendingCalls(parked, now).checkAgainAt).toBe(T0 + PARKED_PAUSE_MS);
  });
});
