import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Call, freshCall } from '../../src/domain/global-transaction.ts';
import { backOff, type Bound, type Unsettled } from '../../src/domain/retry-policy.ts';
import { isSameStored } from '../../src/domain/save-need.ts';
import { CALLS_TO_PARK, PARKED_PAUSE_MS, POLICY, T0 } from '../support/transactions.ts';

const HOUR_MS = 3_600_000;
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

/** A call that was answered so. */
function answered(replies: readonly Partial<Unsettled>[], policy = POLICY, bound: Bound = 'parking'): Call {
  let call = freshCall(T0);
  for (const given of replies) call = backOff(call, policy, heard(given), bound);
  return call;
}
const unanswered = (count: number, given: Partial<Unsettled> = {}) =>
  Array.from({ length: count }, () => given);
const parked = (): Call => answered(unanswered(CALLS_TO_PARK));

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
    expect(answered([{ chance: 0 }]).dueAt).toBe(T0);
  });

  test('Retry-After is honoured, up to its limit', () => {
    const dueAfter = (retryAfterMs: number) => answered([{ retryAfterMs }]).dueAt - T0;
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
});

describe('the retry budget', () => {
  test('is spent by the duration of each attempt and half the longest pause before it', () => {
    const spentMs = [1, 2, 3, 4].map((count) => answered(unanswered(count)).spentMs);
    expect(spentMs).toEqual([10, 10 + 60, 70 + 110, 180 + 210]);
  });

  test('is spent by a call for its timeout at most', () => {
    expect(answered([{ durationMs: 600_000 }]).spentMs).toBe(POLICY.callTimeoutMs);
  });

  test('is not spent by the time in which no call is made, nor by a clock that jumps', () => {
    const soon = answered([{}, { at: T0 + 100 }]);
    const yearsLater = answered([{}, { at: T0 + 1_000 * 24 * HOUR_MS }]);
    const back = answered([{}, { at: T0 - 24 * HOUR_MS }]);
    expect([yearsLater.spentMs, back.spentMs]).toEqual([soon.spentMs, soon.spentMs]);
  });

  test('is not spent by a probe of an open circuit, which is an attempt all the same', () => {
    const probed = answered(unanswered(1_000, { isProbe: true }));
    expect(probed).toMatchObject({ attemptCount: 1_000, spentMs: 0, parkedAt: null });
  });

  test('is not spent by what the deadline ends, which is never parked', () => {
    const bounded = answered(unanswered(1_000), POLICY, 'deadline');
    expect(bounded).toMatchObject({ attemptCount: 1_000, spentMs: 0, parkedAt: null });
  });

  test('parks the branch once it is spent, and says why', () => {
    const generous = { ...POLICY, retry: { ...POLICY.retry, maxDelayMs: 200, budgetMs: 11 * 110 } };
    expect(answered(unanswered(12), generous)).toMatchObject({ spentMs: 1_170, parkedAt: null });
    const last = { answer: '500', at: T0 + 5_000 };
    expect(answered([...unanswered(12), last], generous)).toMatchObject({
      parkedAt: T0 + 5_000,
      answer: '500',
    });
  });

  test('that a few long calls have spent does not park the branch before ten attempts', () => {
    const slow = { durationMs: POLICY.callTimeoutMs };
    const before = answered(unanswered(9, slow));
    expect(before.spentMs).toBeGreaterThan(POLICY.retry.budgetMs);
    expect(before).toMatchObject({ attemptCount: 9, parkedAt: null });
    expect(answered(unanswered(10, slow)).parkedAt).toBe(T0);
  });

  test('is counted up to what its column holds', () => {
    const longest = { ...POLICY, callTimeoutMs: 2 ** 31 - 1 };
    expect(answered(unanswered(3, { durationMs: 2 ** 31 - 1 }), longest).spentMs).toBe(2 ** 31 - 1);
  });
});

describe('once the budget is spent', () => {
  test('the parked branch is still called, every 30 to 60 minutes, and is parked since the same instant', () => {
    const at = parked().dueAt;
    for (const chance of [0, 0.5, 0.999]) {
      const call = backOff(parked(), POLICY, heard({ chance, at }), 'parking');
      expect(call).toMatchObject({ parkedAt: T0, attemptCount: CALLS_TO_PARK + 1 });
      expect(call.dueAt - at).toBe(Math.ceil(PARKED_PAUSE_MS * (1 + chance)));
    }
    expect(parked().dueAt - T0).toBe(Math.ceil(PARKED_PAUSE_MS * 1.999));
  });

  test('a callback is not parked, and is called as rarely', () => {
    const callback = answered(unanswered(CALLS_TO_PARK, { chance: 0 }), POLICY, 'nothing');
    expect(callback).toMatchObject({ parkedAt: null, dueAt: T0 + PARKED_PAUSE_MS });
  });

  test('a branch stays parked when a probe of its circuit fails', () => {
    const at = parked().dueAt;
    const call = backOff(parked(), POLICY, heard({ isProbe: true, at, chance: 0 }), 'parking');
    expect(call).toMatchObject({ parkedAt: T0, dueAt: at + PARKED_PAUSE_MS, spentMs: parked().spentMs });
  });

  test.each<[string, Bound, Partial<Unsettled>]>([
    ['a parked branch that ends as the last one did', 'parking', {}],
    ['a callback that ends as the last one did', 'nothing', {}],
    ['a parked branch that is a probe, whatever it ends with', 'parking', { isProbe: true, answer: '502' }],
  ])('a call before its date changes nothing: of %s', (_what, bound, given) => {
    const call = answered(unanswered(CALLS_TO_PARK), POLICY, bound);
    expect(backOff(call, POLICY, heard({ at: call.dueAt - 1, ...given }), bound)).toBe(call);
  });

  test('a call before its date that ends otherwise is told, and so is each call at its date', () => {
    const call = parked();
    const early = heard({ at: call.dueAt - 1, answer: '404' });
    const attemptCount = call.attemptCount + 1;
    expect(backOff(call, POLICY, early, 'parking')).toMatchObject({ attemptCount, answer: '404' });
    expect(backOff(call, POLICY, heard({ at: call.dueAt }), 'parking')).toMatchObject({ attemptCount });
  });

  test('a call before its date is an attempt while the budget lasts', () => {
    const call = answered(unanswered(1), patient);
    const early = heard({ at: call.dueAt - 1, isProbe: true });
    expect(backOff(call, patient, early, 'parking')).toMatchObject({ attemptCount: 2 });
  });
});

describe('while the participant is still at work', () => {
  const ongoing = (at = T0, given: Partial<Unsettled> = {}) =>
    heard({ reply: 'ongoing', answer: '202', at, ...given });
  const accepted = (bound: Bound = 'parking') => backOff(freshCall(T0), POLICY, ongoing(), bound);
  /** Polled once more, so long after it was accepted. */
  const polledAfter = (ms: number, call = accepted(), given: Partial<Unsettled> = {}) =>
    backOff(call, POLICY, ongoing(T0 + ms, given), 'parking');
  const pauseAfter = (ms: number, policy = POLICY) => {
    const call = backOff(accepted(), policy, ongoing(T0 + ms, { chance: 0.9999999 }), 'parking');
    return (call.ongoing?.nextAt ?? 0) - T0 - ms;
  };

  test('polling has its own pace and spends no retry budget', () => {
    expect(accepted()).toMatchObject({
      ...{ attemptCount: 0, spentMs: 0, reply: null, acceptedAt: T0 },
      ongoing: { count: 1, nextAt: T0 + 500 },
    });
  });

  test('the first such reply is stored, and the later ones are not', () => {
    const polled = polledAfter(9_000, accepted(), { answer: '425', durationMs: 77 });
    expect(isSameStored(freshCall(T0), accepted())).toBe(false);
    expect(isSameStored(accepted(), polled)).toBe(true);
    expect(polled.ongoing?.count).toBe(2);
  });

  test('polls become rare: a pause is up to a twentieth of the time since it was accepted, at most an hour', () => {
    const patientPoll = { ...POLICY, poll: { ...POLICY.poll, budgetMs: 366 * 24 * HOUR_MS } };
    expect(pauseAfter(1_000, patientPoll)).toBe(1_000);
    expect(pauseAfter(HOUR_MS, patientPoll)).toBe(HOUR_MS / 20);
    expect(pauseAfter(10 * 24 * HOUR_MS, patientPoll)).toBe(HOUR_MS);
  });

  test('its budget is the time since it was accepted, however often it is polled; then the branch is parked', () => {
    let call = accepted();
    for (let n = 1; n < 1_000; n++) call = polledAfter(POLICY.poll.budgetMs - 1, call);
    expect(call.parkedAt).toBeNull();
    expect(polledAfter(POLICY.poll.budgetMs, call)).toMatchObject({
      parkedAt: T0 + POLICY.poll.budgetMs,
      acceptedAt: T0,
      answer: '202',
    });
  });

  test('it is polled about hourly once it is parked, which writes nothing', () => {
    const late = polledAfter(POLICY.poll.budgetMs);
    const later = polledAfter(POLICY.poll.budgetMs + HOUR_MS, late, { chance: 0 });
    expect(later.ongoing?.nextAt).toBe(T0 + POLICY.poll.budgetMs + HOUR_MS + PARKED_PAUSE_MS);
    expect(isSameStored(late, later)).toBe(true);
  });

  test('what the deadline ends is polled until then, and is never parked', () => {
    const call = backOff(accepted('deadline'), POLICY, ongoing(T0 + 366 * 24 * HOUR_MS), 'deadline');
    expect(call).toMatchObject({ parkedAt: null, acceptedAt: T0 });
  });

  test('an unknown reply ends the polling and is retried, and it stays accepted', () => {
    expect(backOff(accepted(), POLICY, heard({ at: T0 + 5 }), 'parking')).toMatchObject({
      ...{ ongoing: null, attemptCount: 1, reply: 'unknown', acceptedAt: T0 },
    });
  });

  test('the error is over once the participant is at work again, which is stored', () => {
    const failing = backOff(accepted(), POLICY, heard({ at: T0 + 5 }), 'parking');
    const again = polledAfter(10, failing);
    expect(again).toMatchObject({ reply: null, answer: '202', acceptedAt: T0, attemptCount: 1 });
    expect(isSameStored(failing, again)).toBe(false);
  });

  test('a branch that was parked for want of an answer is no longer parked, and its budget begins anew', () => {
    const again = polledAfter(5, parked());
    expect(again).toMatchObject({
      ...{ parkedAt: null, acceptedAt: T0 + 5, spentMs: 0, attemptCount: 0, reply: null, dueAt: T0 + 5 },
    });
    const acceptedBefore = { ...parked(), acceptedAt: T0 };
    expect(polledAfter(5, acceptedBefore)).toMatchObject({ parkedAt: null, acceptedAt: T0, spentMs: 0 });
  });

  test('a branch whose poll budget is spent stays parked, also when an error came between', () => {
    const late = polledAfter(POLICY.poll.budgetMs);
    const failing = backOff(late, POLICY, heard({ at: T0 + POLICY.poll.budgetMs + 5 }), 'parking');
    expect(failing).toMatchObject({ parkedAt: late.parkedAt, reply: 'unknown' });
    expect(polledAfter(POLICY.poll.budgetMs + 10, failing)).toMatchObject({
      parkedAt: late.parkedAt,
      reply: null,
    });
  });
});
