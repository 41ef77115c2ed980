// Since when a transaction waits for a success that must come: what needs attention is judged by it.
import { describe, expect, test } from '@jest/globals';
import { type GlobalTransaction, isParked, waitingSince } from '../../src/domain/global-transaction.ts';
import type { Event } from '../../src/domain/transition.ts';
import {
  CALLS_TO_PARK,
  begin,
  branch,
  confirming,
  DEADLINE,
  exactly,
  POLICY,
  replied,
  spec,
  T0,
  told,
} from '../support/transactions.ts';
import { action, cancel, compensate, needs, paidTrip, retry, saga, step } from '../support/sagas.ts';

const callback = { participant: 'shop', activity: 'ended', callTimeoutMs: null };
const at = (ms: number) => exactly(T0 + ms);
const sinceOf = (tx: GlobalTransaction, branchId: string) => branch(tx, branchId)?.waitingSince;
const tryRefusedAt = (ms: number): Event => replied('stock', 'try', 'refused', { now: at(ms) });

describe('a transaction of two branches', () => {
  test('waits for nothing that must come before its decision: the deadline ends it', () => {
    const tx = told(begin(), replied('stock', 'try', 'unknown'));
    expect(waitingSince(tx)).toBeNull();
    expect(waitingSince(begin({ mode: 'interactive' }))).toBeNull();
  });

  test('waits for each second phase since the decision', () => {
    const tx = told(begin(), tryRefusedAt(5));
    expect([sinceOf(tx, 'stock'), sinceOf(tx, 'money')]).toEqual([T0 + 5, T0 + 5]);
    expect(waitingSince(tx)).toBe(T0 + 5);
  });

  test('waits for the other branch alone once one has succeeded, and for nothing at its end', () => {
    const one = told(begin(), tryRefusedAt(5), replied('stock', 'cancel', 'succeeded', { now: at(6) }));
    expect([sinceOf(one, 'stock'), sinceOf(one, 'money')]).toEqual([null, T0 + 5]);
    expect(waitingSince(told(one, replied('money', 'cancel', 'succeeded')))).toBeNull();
  });

  test('has waited since the same instant whatever is retried, parked, or retried by an operator', () => {
    const unknown = replied('money', 'cancel', 'unknown', { now: at(900) });
    const parked = told(begin(), tryRefusedAt(5), ...Array<Event>(CALLS_TO_PARK).fill(unknown));
    expect(isParked(parked)).toBe(true);
    expect(sinceOf(parked, 'money')).toBe(T0 + 5);
    expect(sinceOf(told(parked, retry(at(5000)), unknown), 'money')).toBe(T0 + 5);
  });

  test('does not wait for a branch that is accepted, until that fails or its poll budget is spent', () => {
    const ongoing = (ms: number) => replied('money', 'cancel', 'ongoing', { now: at(ms) });
    const stock = replied('stock', 'cancel', 'succeeded');
    const accepted = told(begin(), tryRefusedAt(5), stock, ongoing(7), ongoing(30_000));
    expect(waitingSince(accepted)).toBeNull();
    const failing = told(accepted, replied('money', 'cancel', 'unknown', { now: at(40_000) }));
    expect(waitingSince(failing)).toBe(T0 + 40_000);
    expect(waitingSince(told(failing, ongoing(50_000)))).toBeNull();
    const spent = told(accepted, ongoing(7 + POLICY.poll.budgetMs));
    expect(waitingSince(spent)).toBe(T0 + 7 + POLICY.poll.budgetMs);
  });

  test('waits for one branch while the other is accepted', () => {
    const tx = told(begin(), tryRefusedAt(5), replied('stock', 'cancel', 'ongoing', { now: at(7) }));
    expect([sinceOf(tx, 'stock'), sinceOf(tx, 'money')]).toEqual([null, T0 + 5]);
    expect(waitingSince(tx)).toBe(T0 + 5);
  });

  test('waits for an accepted branch since an operator retried it, until it is accepted again', () => {
    const ongoing = (ms: number) => replied('stock', 'confirm', 'ongoing', { now: at(ms) });
    const retried = told(confirming(), replied('money', 'confirm', 'succeeded'), ongoing(7), retry(at(9)));
    expect(sinceOf(retried, 'stock')).toBe(T0 + 9);
    expect(branch(retried, 'stock').phaseTwo.acceptedAt).toBeNull();
    expect(waitingSince(told(retried, ongoing(11)))).toBeNull();
  });

  test('waits anew for the cancel of a try that took effect late', () => {
    const ended = told(
      begin(),
      tryRefusedAt(5),
      replied('stock', 'cancel', 'succeeded'),
      replied('money', 'cancel', 'succeeded'),
    );
    const late = told(ended, replied('money', 'try', 'succeeded', { now: at(70) }));
    expect([sinceOf(late, 'stock'), sinceOf(late, 'money')]).toEqual([null, T0 + 70]);
    expect(waitingSince(late)).toBe(T0 + 70);
  });
});

describe('a callback', () => {
  const ended = () =>
    told(
      begin({ callback, branches: [spec('stock')] }),
      replied('stock', 'try', 'succeeded', { now: at(1) }),
      replied('stock', 'confirm', 'succeeded', { now: at(2) }),
    );
  const notified = (reply: 'succeeded' | 'unknown', ms: number): Event => ({
    ...replied('', 'notify', reply, { now: at(ms) }),
    branchId: null,
  });

  test('is waited for since the end, until it is delivered', () => {
    expect(waitingSince(ended())).toBe(T0 + 2);
    const retriedLater = told(ended(), notified('unknown', 40), retry(at(50)));
    expect(waitingSince(retriedLater)).toBe(T0 + 2);
    expect(waitingSince(told(retriedLater, notified('succeeded', 60)))).toBeNull();
  });
});

describe('a saga', () => {
  test('waits for nothing that must come while its deadline may end it', () => {
    expect(waitingSince(told(paidTrip(), action('hotel', 'unknown')))).toBeNull();
  });

  test('waits for its pivot since that was started, and for a later step since it was reached', () => {
    const started = told(paidTrip(), action('hotel'), action('flight', 'succeeded', { now: at(3) }));
    expect(waitingSince(started)).toBe(T0 + 3);
    const paid = told(started, action('payment', 'succeeded', { now: exactly(DEADLINE + 9) }));
    expect([sinceOf(paid, 'payment'), sinceOf(paid, 'mail')]).toEqual([null, DEADLINE + 9]);
    expect(waitingSince(paid)).toBe(DEADLINE + 9);
  });

  test('waits for a compensation since it is due: after those of the steps that depend on it', () => {
    const two = saga([step('hotel'), step('flight', needs(['hotel']))]);
    const tx = told(two, action('hotel'), cancel(at(4)));
    expect([sinceOf(tx, 'hotel'), sinceOf(tx, 'flight')]).toEqual([null, T0 + 4]);
    const next = told(tx, compensate('flight', 'succeeded', { now: at(8) }));
    expect([sinceOf(next, 'hotel'), sinceOf(next, 'flight')]).toEqual([T0 + 8, null]);
  });
});
