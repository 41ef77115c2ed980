import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Call, freshCall } from '../../src/domain/global-transaction.ts';
import { backOff, type Unsettled } from '../../src/domain/retry-policy.ts';
import { CALLS_TO_PARK, POLICY, T0 } from '../support/transactions.ts';

const heard = (given: Partial<Unsettled> = {}): Unsettled => ({
  reply: 'unknown',
  answer: '503',
  durationMs: 10,
  retryAfterMs: null,
  chance: 0.999,
  at: T0,
  ...given,
});
const patient = { ...POLICY, retry: { ...POLICY.retry, budgetMs: 1_000_000 } };

describe('after an unknown reply', () => {
  test('the ceiling of the delay doubles with each attempt, up to the cap', () => {
    let call: Call = freshCall(T0);
    const delays = Array.from({ length: 12 }, () => {
      call = backOff(call, patient, heard(), 'parking');
      return call.dueAt - T0;
    });
    expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(delays.at(-1)).toBe(59_940);
  });

  test('the jitter is full: the delay may be nothing', () => {
    expect(backOff(freshCall(T0), POLICY, heard({ chance: 0 }), 'parking').dueAt).toBe(T0);
  });

  test('Retry-After is honoured, up to its limit', () => {
    const dueAfter = (retryAfterMs: number) =>
      backOff(freshCall(T0), POLICY, heard({ retryAfterMs }), 'parking').dueAt - T0;
    expect(dueAfter(5_000)).toBe(5_000);
    expect(dueAfter(3_600_000)).toBe(POLICY.maxRetryAfterMs);
  });

  test('no delay exceeds the cap, or is shorter than what the participant asked for', () => {
    const attempt = fc.record({
      attemptCount: fc.nat(2_000),
      chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      retryAfterMs: fc.option(fc.nat(10_000_000)),
    });
    fc.assert(
      fc.property(attempt, ({ attemptCount, chance, retryAfterMs }) => {
        const call = { ...freshCall(T0), attemptCount };
        const delayMs = backOff(call, POLICY, heard({ chance, retryAfterMs }), 'deadline').dueAt - T0;
        const askedMs = Math.min(retryAfterMs ?? 0, POLICY.maxRetryAfterMs);
        expect(delayMs).toBeGreaterThanOrEqual(askedMs);
        expect(delayMs).toBeLessThanOrEqual(Math.max(POLICY.retry.maxDelayMs, askedMs));
      }),
    );
  });

  test('the branch is parked when its budget is spent, and says why', () => {
    let call: Call = freshCall(T0);
    for (let n = 1; n < CALLS_TO_PARK; n++) call = backOff(call, POLICY, heard(), 'parking');
    expect(call.parkedAt).toBeNull();
    expect(backOff(call, POLICY, heard(), 'parking')).toMatchObject({ parkedAt: T0, answer: '503' });
  });

  test('a try is never parked: its deadline ends it', () => {
    const spent = { ...freshCall(T0), attemptCount: CALLS_TO_PARK * 10 };
    expect(backOff(spent, POLICY, heard(), 'deadline').parkedAt).toBeNull();
  });
});

describe('while the participant is still at work', () => {
  test('polling has its own pace and spends no retry budget', () => {
    const call = backOff(freshCall(T0), POLICY, heard({ reply: 'ongoing' }), 'parking');
    expect(call).toMatchObject({ attemptCount: 0, reply: null, ongoing: { count: 1, nextAt: T0 + 500 } });
  });

  test('polling has its own limit, after which the branch is parked', () => {
    let call: Call = freshCall(T0);
    for (let n = 1; n < 4; n++) call = backOff(call, POLICY, heard({ reply: 'ongoing' }), 'parking');
    expect(call.parkedAt).toBeNull();
    expect(backOff(call, POLICY, heard({ reply: 'ongoing', answer: '202' }), 'parking')).toMatchObject({
      parkedAt: T0,
      ongoing: null,
      answer: '202',
    });
  });

  test('an unknown reply ends the polling and is retried', () => {
    const polled = backOff(freshCall(T0), POLICY, heard({ reply: 'ongoing' }), 'parking');
    expect(backOff(polled, POLICY, heard(), 'parking')).toMatchObject({ ongoing: null, attemptCount: 1 });
  });
});
