// The rules of sagas, as stories (I10).
import { describe, expect, test } from '@jest/globals';
import { type GlobalTransaction, isParked, type Step } from '../../src/domain/global-transaction.ts';
import { pendingCalls } from '../../src/domain/pending-calls.ts';
import { type Event, transition } from '../../src/domain/transition.ts';
import {
  CALLS_TO_PARK,
  begun,
  between,
  branch,
  DEADLINE,
  exactly,
  POLICY,
  spec,
  T0,
  told,
} from '../support/transactions.ts';
import {
  action,
  afterPivot,
  cancel,
  compensate,
  diamond,
  due,
  expire,
  needs,
  paidTrip,
  pivot,
  refusal,
  retry,
  saga,
  step,
  trip,
} from '../support/sagas.ts';

const atDeadline = exactly(DEADLINE);
const longAfter = exactly(DEADLINE + 3_600_000);
/** As many answers as park a call. */
const times = (reply: Event): Event[] => Array.from({ length: CALLS_TO_PARK }, () => reply);
/** Accepted with the very same object, so that nothing is written. */
function changesNothing(tx: GlobalTransaction, event: Event): void {
  const verdict = transition(tx, event);
  expect(verdict.accepted && verdict.tx).toBe(tx);
}

describe('the actions of a saga', () => {
  test('are called one after the other, each when the one before it has succeeded', () => {
    const tx = trip();
    expect(due(tx)).toEqual(['action hotel']);
    expect(due(told(tx, action('hotel')))).toEqual(['action flight']);
    expect(due(told(tx, action('hotel'), action('flight')))).toEqual(['action car']);
  });

  test('are called side by side where neither depends on the other, and then what depends on both', () => {
    const both = told(diamond(), action('hotel'));
    expect(due(both)).toEqual(['action flight', 'action car']);
    expect(due(told(both, action('car')))).toEqual(['action flight']);
    expect(due(told(both, action('car'), action('flight')))).toEqual(['action insurance']);
  });

  test('wait for one of which nobody knows whether it succeeded, and for one that is still at work', () => {
    const unknown = told(trip(), action('hotel', 'unknown'));
    expect(unknown).toMatchObject({ status: 'trying', decision: null });
    expect(due(unknown)).toEqual(['action hotel']);
    expect(due(told(trip(), action('hotel', 'ongoing')))).toEqual(['action hotel']);
  });

  test('are never parked before the pivot: the deadline ends them', () => {
    const tx = told(trip(), ...times(action('hotel', 'unknown')));
    expect(isParked(tx)).toBe(false);
    expect(due(tx)).toEqual(['action hotel']);
  });

  test('are not called when the deadline may have passed (I13)', () => {
    expect(due(trip(), between(DEADLINE - 1, DEADLINE))).toEqual([]);
  });

  test('end with the deadline at the latest', () => {
    expect(pendingCalls(trip(), exactly(DEADLINE - 50)).calls[0]).toMatchObject({
      timeoutMs: 50,
      deadlineAt: DEADLINE,
    });
  });

  test('decide to confirm with the last success, and nothing is left to do', () => {
    const tx = told(trip(), action('hotel'), action('flight'), action('car'));
    expect(tx).toMatchObject({
      status: 'confirmed',
      finishedAt: T0,
      decision: { decision: 'confirm', reason: 'all_actions_succeeded', at: T0, branchId: null },
    });
    expect(pendingCalls(tx, exactly(T0))).toMatchObject({ calls: [], checkAgainAt: null });
  });

  test('decide side by side with whichever succeeds last', () => {
    const tx = told(saga([step('hotel'), step('car')]), action('car'));
    expect(tx.status).toBe('trying');
    expect(told(tx, action('hotel')).status).toBe('confirmed');
  });

  test('decide nothing when the last success may have come too late: the deadline does (I13)', () => {
    const done = told(trip(), action('hotel'), action('flight'));
    const late = told(done, action('car', 'succeeded', { now: between(DEADLINE - 5, DEADLINE) }));
    expect(late).toMatchObject({ status: 'trying', decision: null });
    const cancelling = told(late, expire(atDeadline));
    expect(cancelling).toMatchObject({ decision: { reason: 'deadline_passed' } });
    expect(due(cancelling, atDeadline)).toEqual(['compensate car']);
    const inTime = action('car', 'succeeded', { now: exactly(DEADLINE - 1) });
    expect(told(done, inTime).status).toBe('confirmed');
  });

  test('of which one is refused cancel the saga, and name it', () => {
    expect(told(trip(), action('hotel'), action('flight', 'refused'))).toMatchObject({
      status: 'cancelling',
      decision: { decision: 'cancel', reason: 'action_refused', branchId: 'flight' },
    });
  });

  test('that succeed again change nothing', () => {
    changesNothing(told(trip(), action('hotel')), action('hotel'));
    changesNothing(told(trip(), action('hotel')), action('hotel', 'refused'));
  });
});

describe('the result of an action', () => {
  const referring = (): GlobalTransaction =>
    saga([
      step('hotel'),
      step('flight', { ...needs(['hotel']), references: ['hotel.id'] }),
      step('car', { ...needs(['flight']), references: ['hotel.id', 'hotel.town', 'flight'] }),
      step('boat', { ...needs(['car']), references: ['flight'] }),
    ]);
  const calls = (tx: GlobalTransaction) => pendingCalls(tx, exactly(T0)).calls;
  const hotel = '{"id":7,"town":"Ulm"}';

  test('is asked for what later steps refer to, each once', () => {
    expect(calls(referring())).toMatchObject([
      { branchId: 'hotel', wanted: ['hotel.id', 'hotel.town'], results: {} },
    ]);
    expect(calls(told(referring(), action('hotel', 'succeeded', { result: hotel })))).toMatchObject([
      { branchId: 'flight', wanted: ['flight'], results: { hotel } },
    ]);
  });

  test('is at hand for each step that refers to it, however much later, and for no other', () => {
    const flight = '[1,2]';
    const tx = told(
      referring(),
      action('hotel', 'succeeded', { result: hotel }),
      action('flight', 'succeeded', { result: flight }),
    );
    expect(calls(tx)).toMatchObject([{ branchId: 'car', wanted: [], results: { hotel, flight } }]);
    expect(calls(told(tx, action('car')))).toMatchObject([{ branchId: 'boat', results: { flight } }]);
    expect(calls(told(tx, action('car')))[0]?.results).not.toHaveProperty('hotel');
    expect(branch(tx, 'hotel').result).toBe(hotel);
  });

  test('is at hand for the compensation too: it is sent what the action was', () => {
    const tx = told(
      referring(),
      action('hotel', 'succeeded', { result: hotel }),
      action('flight', 'refused'),
    );
    expect(calls(tx)).toMatchObject([
      { op: 'compensate', branchId: 'flight', payload: '{}', results: { hotel }, wanted: [] },
    ]);
  });

  test('never changes, whatever is answered to a repeated call', () => {
    const tx = told(referring(), action('hotel', 'succeeded', { result: hotel }));
    changesNothing(tx, action('hotel', 'succeeded', { result: '{"id":8,"town":"Bonn"}' }));
  });
});

describe('the compensations of a saga', () => {
  test('come in the reverse order of the actions, each when the one after it is done', () => {
    let tx = told(trip(), action('hotel'), action('flight'), cancel());
    expect(tx).toMatchObject({ status: 'cancelling', decision: { reason: 'cancel_requested' } });
    // The action of the car may be on its way.
    for (const id of ['car', 'flight', 'hotel']) {
      expect(due(tx)).toEqual([`compensate ${id}`]);
      tx = told(tx, compensate(id));
    }
    expect(tx).toMatchObject({ status: 'cancelled', finishedAt: T0 });
    expect(pendingCalls(tx, exactly(T0))).toMatchObject({ calls: [], checkAgainAt: null });
  });

  test('come to the refused step too: an older attempt of its action may land later (I6)', () => {
    const tx = told(trip(), action('hotel'), action('flight', 'refused'));
    expect(due(tx)).toEqual(['compensate flight']);
    expect(due(told(tx, compensate('flight')))).toEqual(['compensate hotel']);
  });

  test('come to siblings that are in flight, side by side, and then to what both depend on', () => {
    let tx = told(diamond(), action('hotel'), action('flight', 'refused'));
    expect(due(tx)).toEqual(['compensate flight', 'compensate car']);
    tx = told(tx, compensate('flight'));
    expect(due(tx)).toEqual(['compensate car']);
    tx = told(tx, compensate('car'));
    expect(due(tx)).toEqual(['compensate hotel']);
    expect(told(tx, compensate('hotel')).status).toBe('cancelled');
  });

  test('never come to a step whose action cannot have been called', () => {
    const tx = told(trip(), cancel());
    expect(due(tx)).toEqual(['compensate hotel']);
    expect(told(tx, compensate('hotel'))).toMatchObject({ status: 'cancelled' });
  });

  test('leave out what has nothing to undo, and still keep the order across it', () => {
    const tx = told(
      saga([
        step('hotel'),
        step('mail', { ...needs(['hotel']), isCompensated: false }),
        step('flight', needs(['mail'])),
      ]),
      action('hotel'),
      action('mail'),
      cancel(),
    );
    expect(due(tx)).toEqual(['compensate flight']);
    const half = told(tx, compensate('flight'));
    expect(due(half)).toEqual(['compensate hotel']);
    expect(told(half, compensate('hotel')).status).toBe('cancelled');
  });

  test('that are none end the saga with its decision', () => {
    const mail = saga([step('mail', { isCompensated: false })]);
    expect(told(mail, action('mail', 'refused'))).toMatchObject({ status: 'cancelled', finishedAt: T0 });
  });

  test('are asked for again after a refusal: there is no reason to refuse one', () => {
    const tx = told(trip(), cancel(), compensate('hotel', 'refused'));
    expect(branch(tx, 'hotel').phaseTwo).toMatchObject({ reply: 'unknown', attemptCount: 1 });
    expect(due(tx)).toEqual(['compensate hotel']);
  });

  test('of which one is parked hold back only what it depends on (I15)', () => {
    const tx = told(
      saga([
        ...[step('hotel'), step('flight', needs(['hotel']))],
        ...[step('car'), step('insurance', needs(['car']))],
      ]),
      ...[action('hotel'), action('car'), cancel()],
      ...times(compensate('flight', 'unknown')),
    );
    expect(isParked(tx)).toBe(true);
    expect(due(tx)).toEqual(['compensate insurance']);
    const others = told(tx, compensate('insurance'), compensate('car'));
    expect(others).toMatchObject({ status: 'cancelling', finishedAt: null });
    expect(due(others)).toEqual([]);
    const mended = told(others, retry(longAfter));
    expect(due(mended, longAfter)).toEqual(['compensate flight']);
    expect(due(told(mended, compensate('flight')), longAfter)).toEqual(['compensate hotel']);
  });

  test('go on long after the deadline, for the decision never changes (I2)', () => {
    const tx = told(trip(), action('hotel'), expire(atDeadline));
    expect(due(tx, longAfter)).toEqual(['compensate flight']);
    expect(pendingCalls(tx, longAfter).calls[0]).toMatchObject({ timeoutMs: POLICY.callTimeoutMs });
  });

  test('are never called without their decision (I9)', () => {
    expect(() => transition(trip(), compensate('hotel'))).toThrow('I9');
    const confirmed = told(saga([step('hotel')]), action('hotel'));
    expect(() => transition(confirmed, compensate('hotel'))).toThrow('I9');
  });
});

describe('an action that is heard to have succeeded after the decision to cancel', () => {
  const cancelled = (): GlobalTransaction =>
    told(trip(), action('hotel'), cancel(), compensate('flight'), compensate('hotel'));

  test('is undone once more when it had been undone, and the end stands (I6)', () => {
    const tx = told(cancelled(), action('flight'));
    expect(tx).toMatchObject({ status: 'cancelled', finishedAt: T0 });
    expect(branch(tx, 'flight')).toMatchObject({ lateSuccessCount: 1, phaseTwo: { reply: null } });
    expect(due(tx)).toEqual(['compensate flight']);
    expect(pendingCalls(told(tx, compensate('flight')), exactly(T0))).toMatchObject({
      calls: [],
      checkAgainAt: null,
    });
  });

  test('is undone once more before what it depends on, while that is still to be undone', () => {
    const half = told(trip(), action('hotel'), cancel(), compensate('flight'));
    expect(due(half)).toEqual(['compensate hotel']);
    expect(due(told(half, action('flight')))).toEqual(['compensate flight']);
  });

  test('changes no plan: what would have come after it was not called, and is not compensated', () => {
    const tx = told(trip(), action('hotel'), cancel());
    changesNothing(tx, action('flight'));
    const again = told(cancelled(), action('flight'));
    expect(branch(again, 'flight').phaseOne.reply).toBeNull();
    expect(due(told(again, compensate('flight')))).toEqual([]);
  });

  test('changes nothing when it had succeeded before, was refused, or is not known', () => {
    changesNothing(cancelled(), action('hotel'));
    changesNothing(cancelled(), action('flight', 'refused'));
    changesNothing(cancelled(), action('flight', 'unknown'));
  });

  test('changes nothing where there is nothing to undo', () => {
    const mail = saga([step('mail', { isCompensated: false })]);
    changesNothing(told(mail, cancel()), action('mail'));
  });
});

describe('a pivot', () => {
  const inFlight = (): GlobalTransaction => told(paidTrip(), action('hotel'), action('flight'));

  test('is started with the last success before it, and called from no earlier state', () => {
    const before = told(paidTrip(), action('hotel'));
    expect(before.pivotStartedAt).toBeNull();
    const later = exactly(T0 + 7);
    const started = told(before, action('flight', 'succeeded', { now: later }));
    expect(started).toMatchObject({ status: 'trying', decision: null, pivotStartedAt: T0 + 7 });
    expect(due(started, later)).toEqual(['action payment']);
  });

  test('waits for all before it, however they are ordered', () => {
    const tx = saga([step('hotel'), step('car'), pivot('payment', ['hotel', 'car'])]);
    const half = told(tx, action('car'));
    expect(half.pivotStartedAt).toBeNull();
    expect(due(half)).toEqual(['action hotel']);
    expect(due(told(half, action('hotel')))).toEqual(['action payment']);
  });

  test('is started at the beginning when nothing comes before it', () => {
    const tx = saga([pivot('payment'), step('mail', afterPivot(['payment']))]);
    expect(tx).toMatchObject({ status: 'trying', pivotStartedAt: T0 });
    expect(due(tx)).toEqual(['action payment']);
  });

  test('is not started when the deadline may have passed: the deadline cancels (I13)', () => {
    const doubtful = between(DEADLINE - 1, DEADLINE);
    const late = told(paidTrip(), action('hotel'), action('flight', 'succeeded', { now: doubtful }));
    expect(late).toMatchObject({ status: 'trying', pivotStartedAt: null });
    // Nor when a better look at the clock shows that there was time.
    for (const now of [doubtful, exactly(DEADLINE - 1)]) expect(due(late, now)).toEqual([]);
    expect(pendingCalls(late, doubtful)).toMatchObject({ checkAgainAt: DEADLINE, checkAgainFor: 'deadline' });
    expect(told(late, expire(atDeadline)).decision).toMatchObject({ reason: 'deadline_passed' });
    const atOnce = saga([pivot('payment')], { timeoutMs: 40, now: between(T0, T0 + 40) });
    expect(atOnce.pivotStartedAt).toBeNull();
  });

  test('leaves deadline and cancel what they are until it is started', () => {
    const tx = told(paidTrip(), action('hotel'));
    expect(told(tx, cancel()).decision?.reason).toBe('cancel_requested');
    expect(told(tx, expire(atDeadline)).decision?.reason).toBe('deadline_passed');
  });

  test('that is started decides alone: a cancel is refused, and the wish is noted once', () => {
    const verdict = transition(inFlight(), cancel(exactly(T0 + 5)));
    if (verdict.accepted || !verdict.noted) throw new Error('it was not noted');
    expect(verdict.code).toBe('pivot_in_flight');
    expect(verdict.noted).toEqual({ ...inFlight(), cancelAskedAt: T0 + 5 });
    expect(transition(verdict.noted, cancel(exactly(T0 + 9)))).toEqual({
      accepted: false,
      code: 'pivot_in_flight',
    });
    const confirming = told(verdict.noted, action('payment'));
    expect(confirming).toMatchObject({ status: 'confirming', cancelAskedAt: T0 + 5 });
    expect(refusal(confirming, cancel())).toBe('decided_confirm');
  });

  test('that is started outlives its deadline, and is called after it with the whole of its time', () => {
    changesNothing(inFlight(), expire(longAfter));
    expect(due(inFlight(), longAfter)).toEqual(['action payment']);
    expect(pendingCalls(inFlight(), longAfter).calls[0]).toMatchObject({
      timeoutMs: POLICY.callTimeoutMs,
      deadlineAt: DEADLINE,
    });
  });

  test('decides to confirm by its success, also after the deadline', () => {
    expect(told(inFlight(), action('payment', 'succeeded', { now: longAfter }))).toMatchObject({
      status: 'confirming',
      decision: { decision: 'confirm', reason: 'pivot_succeeded', at: longAfter.latest, branchId: null },
    });
  });

  test('that comes last ends the saga with its success', () => {
    const tx = saga([step('hotel'), pivot('payment', ['hotel'])]);
    expect(told(tx, action('hotel'), action('payment'))).toMatchObject({
      status: 'confirmed',
      finishedAt: T0,
      decision: { reason: 'pivot_succeeded' },
    });
  });

  test('decides to cancel by its refusal, and is not compensated itself, nor what comes after it', () => {
    let tx = told(inFlight(), action('payment', 'refused', { now: longAfter }));
    expect(tx).toMatchObject({
      status: 'cancelling',
      decision: { decision: 'cancel', reason: 'action_refused', branchId: 'payment' },
    });
    for (const id of ['flight', 'hotel']) {
      expect(due(tx, longAfter)).toEqual([`compensate ${id}`]);
      tx = told(tx, compensate(id));
    }
    expect(tx.status).toBe('cancelled');
  });

  test('of which nobody knows the answer is called again', () => {
    const tx = told(inFlight(), action('payment', 'unknown', { chance: 0.5 }));
    expect(tx).toMatchObject({ status: 'trying', decision: null });
    expect(due(tx)).toEqual([]);
    expect(pendingCalls(tx, exactly(T0))).toMatchObject({ checkAgainAt: T0 + 50, checkAgainFor: 'call' });
    expect(due(tx, exactly(T0 + 50))).toEqual(['action payment']);
  });

  test('whose retries are used up is parked, still trying, until somebody retries it by hand', () => {
    const tx = told(inFlight(), ...times(action('payment', 'unknown', { now: longAfter })));
    expect(tx).toMatchObject({ status: 'trying', decision: null });
    expect(branch(tx, 'payment').phaseOne.parkedAt).toBe(longAfter.latest);
    expect(due(tx, longAfter)).toEqual([]);
    changesNothing(tx, expire(longAfter));
    expect(refusal(tx, cancel(longAfter))).toBe('pivot_in_flight');
    const again = told(tx, retry(longAfter));
    expect(due(again, longAfter)).toEqual(['action payment']);
    expect(told(again, action('payment')).status).toBe('confirming');
    expect(told(again, action('payment', 'refused')).status).toBe('cancelling');
  });

  test('that answers for ever that it is still at work is parked too (I4)', () => {
    const ongoingAfter = (ms: number) => action('payment', 'ongoing', { now: exactly(T0 + ms) });
    const accepted = told(inFlight(), ongoingAfter(0), ongoingAfter(POLICY.poll.budgetMs - 1));
    expect(isParked(accepted)).toBe(false);
    expect(isParked(told(accepted, ongoingAfter(POLICY.poll.budgetMs)))).toBe(true);
  });

  test('that is parked is settled by a late answer all the same', () => {
    const parked = told(inFlight(), ...times(action('payment', 'unknown')));
    expect(told(parked, action('payment')).status).toBe('confirming');
    expect(told(parked, action('payment', 'refused')).status).toBe('cancelling');
  });

  test('that is answered twice decides once (I2)', () => {
    const confirming = told(inFlight(), action('payment'));
    changesNothing(confirming, action('payment'));
    changesNothing(confirming, action('payment', 'refused'));
    const cancelling = told(inFlight(), action('payment', 'refused'));
    changesNothing(cancelling, action('payment'));
  });
});

describe('the steps after the pivot', () => {
  const confirming = (): GlobalTransaction =>
    told(
      saga([
        step('hotel'),
        pivot('payment', ['hotel']),
        step('mail', afterPivot(['payment'])),
        step('points', afterPivot(['payment'])),
        step('statistics', afterPivot(['mail', 'points'])),
      ]),
      action('hotel'),
      action('payment'),
    );

  test('are called while confirming, in their order, and end the saga with the last success (I8)', () => {
    let tx = confirming();
    expect(due(tx)).toEqual(['action mail', 'action points']);
    tx = told(tx, action('points'));
    expect(due(tx)).toEqual(['action mail']);
    tx = told(tx, action('mail'));
    expect(tx).toMatchObject({ status: 'confirming', finishedAt: null });
    expect(due(tx)).toEqual(['action statistics']);
    expect(told(tx, action('statistics'))).toMatchObject({
      status: 'confirmed',
      finishedAt: T0,
      decision: { reason: 'pivot_succeeded' },
    });
  });

  test('cannot refuse: that is taken for an answer that nobody knows', () => {
    const tx = told(confirming(), action('mail', 'refused', { answer: '409' }));
    expect(tx.status).toBe('confirming');
    expect(branch(tx, 'mail').phaseOne).toMatchObject({ reply: 'unknown', attemptCount: 1, answer: '409' });
    expect(due(tx)).toEqual(['action mail', 'action points']);
  });

  test('are parked when their retries are used up, and hold back only what depends on them', () => {
    const tx = told(confirming(), ...times(action('mail', 'refused')));
    expect(branch(tx, 'mail').phaseOne.parkedAt).toBe(T0);
    expect(due(tx)).toEqual(['action points']);
    const others = told(tx, action('points'));
    expect(others).toMatchObject({ status: 'confirming', finishedAt: null });
    expect(due(others)).toEqual([]);
    const mended = told(others, retry(longAfter));
    expect(due(mended, longAfter)).toEqual(['action mail']);
    expect(due(told(mended, action('mail')), longAfter)).toEqual(['action statistics']);
  });

  test('are called however late, with a deadline that lies a day ahead of each attempt', () => {
    const day = 24 * 3_600_000;
    const doubtful = between(longAfter.earliest, longAfter.latest + 9);
    const [mail] = pendingCalls(confirming(), doubtful).calls;
    expect(mail).toMatchObject({
      branchId: 'mail',
      deadlineAt: longAfter.latest + 9 + day,
      timeoutMs: POLICY.callTimeoutMs,
    });
    const much = exactly(T0 + 9 * day);
    const again = told(confirming(), action('mail', 'unknown', { now: longAfter }));
    expect(pendingCalls(again, much).calls[0]).toMatchObject({ attempt: 2, deadlineAt: much.latest + day });
  });

  test('cannot be cancelled any more', () => {
    expect(refusal(confirming(), cancel())).toBe('decided_confirm');
    changesNothing(confirming(), expire(longAfter));
  });
});

describe('a saga', () => {
  test('has steps from its beginning', () => {
    for (const mode of ['declared', 'interactive'] as const) {
      const given = { pattern: 'saga', mode, branches: [] } as const;
      expect(refusal(null, begun(given))).toBe('no_branches');
    }
  });

  test('takes no step later, and is confirmed by nobody but its steps', () => {
    const now = exactly(T0);
    const place: Step = { dependsOn: [], isPivot: false, isCompensated: true, references: [] };
    const registered = (branchId: string): Event => ({
      type: 'branchRegistered',
      branch: spec(branchId, { step: place }),
      now,
    });
    expect(refusal(trip(), registered('boat'))).toBe('not_interactive');
    expect(refusal(trip(), { type: 'confirmRequested', branchIds: null, now })).toBe('not_interactive');
  });

  test('can be retried by hand while its actions wait, and not when the deadline may have passed', () => {
    const waiting = told(trip(), action('hotel', 'unknown', { chance: 0.9 }));
    expect(due(waiting)).toEqual([]);
    expect(due(told(waiting, retry(exactly(T0))))).toEqual(['action hotel']);
    expect(refusal(waiting, retry(between(DEADLINE - 1, DEADLINE)))).toBe('nothing_to_retry');
    expect(refusal(waiting, retry(exactly(T0), 'nobody'))).toBe('nothing_to_retry');
  });
});
