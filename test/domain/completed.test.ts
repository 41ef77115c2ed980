// A branch is completed from outside: its participant says how an op ended, in place of the reply to a call.
import { describe, expect, test } from '@jest/globals';
import type { GlobalTransaction, Op } from '../../src/domain/global-transaction.ts';
import { type Event, transition } from '../../src/domain/transition.ts';
import {
  begin,
  branch,
  CALLS_TO_PARK,
  cancelled,
  cancelling,
  completed,
  confirmed,
  confirming,
  DEADLINE,
  exactly,
  replied,
  T0,
  told,
} from '../support/transactions.ts';
import {
  action,
  afterPivot,
  cancel,
  compensate,
  due,
  expire,
  needs,
  paidTrip,
  pivot,
  refusal,
  saga,
  step,
  trip,
} from '../support/sagas.ts';

/** Accepted with the very same object, so that nothing is written. */
function changesNothing(tx: GlobalTransaction, event: Event): void {
  const verdict = transition(tx, event);
  expect(verdict.accepted && verdict.tx).toBe(tx);
}

const atPivot = () => told(paidTrip(), action('hotel'), action('flight'));
const behindPivot = () => told(atPivot(), action('payment'));
const undoing = () => told(trip(), action('hotel'), action('flight', 'refused'));

describe('a completion of an open op', () => {
  test('counts as its reply: tries decide, confirms end', () => {
    const both = told(begin(), completed('stock', 'try'), completed('money', 'try'));
    expect(both).toMatchObject({ status: 'confirming', decision: { reason: 'all_tries_succeeded' } });
    const ended = told(both, completed('stock', 'confirm'), completed('money', 'confirm'));
    expect(ended).toMatchObject({ status: 'confirmed', finishedAt: T0 });
  });

  test('is kept with what completed it', () => {
    const tx = told(begin(), completed('stock', 'try', 'succeeded', { answer: 'completed by ada' }));
    expect(branch(tx, 'stock').phaseOne).toMatchObject({ reply: 'succeeded', answer: 'completed by ada' });
  });

  test('settles it whether its call was answered 202, was not answered, or is parked', () => {
    const unanswered = (count: number) =>
      Array.from({ length: count }, () => replied('stock', 'confirm', 'unknown'));
    for (const replies of [
      [],
      [replied('stock', 'confirm', 'ongoing')],
      unanswered(1),
      unanswered(CALLS_TO_PARK),
    ]) {
      const tx = told(confirming(), ...replies, completed('stock', 'confirm'));
      expect(branch(tx, 'stock').phaseTwo).toMatchObject({
        ...{ reply: 'succeeded', parkedAt: null, acceptedAt: null, ongoing: null },
      });
      expect(due(tx)).toEqual(['confirm money']);
    }
  });

  test('refuses a try, and then all are cancelled', () => {
    const tx = told(begin(), completed('stock', 'try', 'refused', { answer: 'not approved' }));
    expect(tx).toMatchObject({
      status: 'cancelling',
      decision: { reason: 'try_refused', branchId: 'stock' },
    });
    expect(branch(tx, 'stock').phaseOne.answer).toBe('not approved');
  });

  test('of an action opens the next, with the result that later steps refer to', () => {
    const flight = step('flight', { ...needs(['hotel']), references: ['hotel.id'] });
    const tx = told(
      saga([step('hotel'), flight]),
      completed('hotel', 'action', 'succeeded', { result: '{"id":7}' }),
    );
    expect(due(tx)).toEqual(['action flight']);
    expect(branch(tx, 'hotel').result).toBe('{"id":7}');
  });

  test('refuses an action before the pivot, and what ran is compensated', () => {
    const tx = told(trip(), action('hotel'), completed('flight', 'action', 'refused'));
    expect(tx).toMatchObject({ status: 'cancelling', decision: { reason: 'action_refused' } });
    expect(due(tx)).toEqual(['compensate flight']);
  });

  test('of the pivot decides, days after the deadline', () => {
    const now = exactly(DEADLINE + 30 * 86_400_000);
    const succeeded = told(atPivot(), completed('payment', 'action', 'succeeded', { now }));
    expect(succeeded).toMatchObject({ status: 'confirming', decision: { reason: 'pivot_succeeded' } });
    const refused = told(atPivot(), completed('payment', 'action', 'refused', { now }));
    expect(refused).toMatchObject({ status: 'cancelling', decision: { reason: 'action_refused' } });
  });

  test('of a try confirms nothing once the deadline may have passed (I13)', () => {
    const late = { now: exactly(DEADLINE) };
    const tx = told(begin(), completed('stock', 'try'), completed('money', 'try', 'succeeded', late));
    expect(tx.decision).toBeNull();
    expect(told(tx, expire(late.now)).status).toBe('cancelling');
  });

  test('of a compensation lets the one before it be called', () => {
    expect(due(told(undoing(), completed('flight', 'compensate')))).toEqual(['compensate hotel']);
  });
});

describe('a reply that meets a completion', () => {
  test('of the same call changes nothing, whatever it says', () => {
    for (const reply of ['succeeded', 'refused', 'unknown', 'ongoing'] as const) {
      changesNothing(told(begin(), completed('stock', 'try')), replied('stock', 'try', reply));
      changesNothing(told(trip(), completed('hotel', 'action')), action('hotel', reply));
      changesNothing(told(confirming(), completed('stock', 'confirm')), replied('stock', 'confirm', reply));
      changesNothing(told(undoing(), completed('flight', 'compensate')), compensate('flight', reply));
    }
  });

  test('of an older attempt that took effect after all is cancelled once more', () => {
    const refused = told(begin(), completed('stock', 'try', 'refused'));
    const undone = told(refused, completed('stock', 'cancel'), completed('money', 'cancel'));
    expect(undone.status).toBe('cancelled');
    expect(due(told(undone, replied('stock', 'try', 'succeeded')))).toEqual(['cancel stock']);
  });

  test('of a late success is followed by one more cancel, which no completion ends: it may speak for the one before', () => {
    const undone = told(begin(), cancel(), completed('stock', 'cancel'), completed('money', 'cancel'));
    const late = told(undone, replied('stock', 'try', 'succeeded'));
    changesNothing(late, completed('stock', 'cancel'));
    expect(due(told(late, replied('stock', 'cancel', 'ongoing'), completed('stock', 'cancel')))).toEqual([
      'cancel stock',
    ]);
    expect(due(told(late, replied('stock', 'cancel', 'succeeded')))).toEqual([]);
    const saga = told(trip(), cancel(), completed('hotel', 'compensate'), action('hotel'));
    changesNothing(saga, completed('hotel', 'compensate'));
  });

  test('of a cancel that was sent before a late success does not end the one that comes of it', () => {
    const undone = told(begin(), cancel(), completed('stock', 'cancel'), completed('money', 'cancel'));
    const late = told(undone, replied('stock', 'try', 'succeeded'));
    for (const reply of ['succeeded', 'unknown', 'ongoing'] as const)
      changesNothing(late, replied('stock', 'cancel', reply, { lateSuccessCount: 0 }));
    expect(due(told(late, replied('stock', 'cancel', 'succeeded', { lateSuccessCount: 1 })))).toEqual([]);
    const saga = told(trip(), cancel(), completed('hotel', 'compensate'), action('hotel'));
    changesNothing(saga, compensate('hotel', 'succeeded', { lateSuccessCount: 0 }));
  });

  test('is judged by it: the completion that comes second must say the same', () => {
    const tx = told(begin(), replied('stock', 'try', 'succeeded'));
    changesNothing(tx, completed('stock', 'try'));
    expect(refusal(tx, completed('stock', 'try', 'refused'))).toBe('completed_differently');
  });
});

describe('a completion that comes again', () => {
  test('changes nothing where it says the same, also after the decision and after the end (I3)', () => {
    changesNothing(told(begin(), completed('stock', 'try')), completed('stock', 'try'));
    changesNothing(confirming(), completed('stock', 'try'));
    changesNothing(cancelling(), completed('stock', 'try', 'refused'));
    changesNothing(confirmed(), completed('stock', 'confirm'));
    changesNothing(cancelled(), completed('stock', 'cancel'));
    changesNothing(behindPivot(), completed('payment', 'action'));
  });

  test('is rejected where it says something else', () => {
    expect(refusal(confirming(), completed('stock', 'try', 'refused'))).toBe('completed_differently');
    expect(refusal(cancelling(), completed('stock', 'try'))).toBe('completed_differently');
    expect(refusal(behindPivot(), completed('payment', 'action', 'refused'))).toBe('completed_differently');
  });

  test('is another one where its result is another, and is the same where only its reason differs', () => {
    const flight = step('flight', { ...needs(['hotel']), references: ['hotel.id'] });
    const hotel = (result: string) => completed('hotel', 'action', 'succeeded', { result });
    const tx = told(saga([step('hotel'), flight]), hotel('{"id":7}'));
    changesNothing(tx, hotel('{"id":7}'));
    expect(refusal(tx, hotel('{"id":8}'))).toBe('completed_differently');
    const refused = told(begin(), completed('stock', 'try', 'refused', { answer: 'one reason' }));
    changesNothing(refused, completed('stock', 'try', 'refused', { answer: 'another reason' }));
  });
});

describe('a completion is rejected', () => {
  test('of a branch that the transaction does not have, or of no transaction', () => {
    expect(refusal(begin(), completed('nothing', 'try'))).toBe('unknown_branch');
    expect(refusal(null, completed('stock', 'try'))).toBe('unknown_transaction');
  });

  test('of an op that no call was made of, and whose call no replica may make', () => {
    const interactive = told(begin({ mode: 'interactive' }), {
      type: 'branchRegistered',
      branch: { ...branch(begin(), 'stock') },
      now: exactly(T0),
    });
    const cases: readonly (readonly [GlobalTransaction, string, Op])[] = [
      [begin(), 'stock', 'confirm'],
      [begin(), 'stock', 'cancel'],
      [begin(), 'stock', 'action'],
      [begin(), 'stock', 'notify'],
      [interactive, 'stock', 'try'],
      [confirming(), 'stock', 'cancel'],
      [told(begin(), cancel()), 'stock', 'try'],
      [told(begin(), cancel()), 'stock', 'confirm'],
      [trip(), 'flight', 'action'],
      [trip(), 'hotel', 'compensate'],
      [told(paidTrip(), action('hotel')), 'payment', 'action'],
      [atPivot(), 'mail', 'action'],
      [undoing(), 'hotel', 'compensate'],
      [undoing(), 'car', 'compensate'],
      [told(trip(), cancel()), 'hotel', 'action'],
    ];
    for (const [tx, branchId, op] of cases)
      expect(`${op} ${branchId}: ${refusal(tx, completed(branchId, op))}`).toBe(
        `${op} ${branchId}: op_not_open`,
      );
  });

  test('that refuses what must succeed: confirm, cancel, compensate, and an action behind the pivot', () => {
    expect(refusal(confirming(), completed('stock', 'confirm', 'refused'))).toBe('cannot_refuse');
    expect(refusal(cancelling(), completed('stock', 'cancel', 'refused'))).toBe('cannot_refuse');
    expect(refusal(undoing(), completed('flight', 'compensate', 'refused'))).toBe('cannot_refuse');
    expect(refusal(behindPivot(), completed('mail', 'action', 'refused'))).toBe('cannot_refuse');
    const two = saga([pivot('payment'), step('mail', afterPivot(['payment']))]);
    expect(refusal(two, completed('mail', 'action', 'refused'))).toBe('cannot_refuse');
  });
});
