import { describe, expect, test } from '@jest/globals';
import { type GlobalTransaction, isParked } from '../../src/domain/global-transaction.ts';
import { pendingCalls } from '../../src/domain/pending-calls.ts';
import { type Event, transition } from '../../src/domain/transition.ts';
import {
  CALLS_TO_PARK,
  begin,
  begun,
  between,
  branch,
  cancelled,
  cancelling,
  confirmed,
  confirming,
  DEADLINE,
  exactly,
  replied,
  spec,
  T0,
  told,
} from '../support/transactions.ts';

const now = exactly(T0);
const registered = (branchId: string, at = now, bodyHash = `hash of ${branchId}`): Event => ({
  type: 'branchRegistered',
  branch: spec(branchId, { bodyHash }),
  now: at,
});
const confirm = (at = now): Event => ({ type: 'confirmRequested', branchIds: null, now: at });
const cancel = (at = now): Event => ({ type: 'cancelRequested', now: at });
const expire = (at = exactly(DEADLINE)): Event => ({ type: 'deadlinePassed', now: at });
const retry = (at = now, participant: string | null = null): Event => ({
  type: 'retryRequested',
  participant,
  now: at,
});
const refusal = (tx: GlobalTransaction | null, event: Event) => {
  const verdict = transition(tx, event);
  return verdict.accepted ? 'accepted' : verdict.code;
};
/** Accepted with the very same object, so that nothing is written. */
function changesNothing(tx: GlobalTransaction, event: Event): void {
  const verdict = transition(tx, event);
  expect(verdict.accepted && verdict.tx).toBe(tx);
}

describe('beginning', () => {
  test('a begin that repeats the same body answers the same transaction', () => {
    const tx = begin();
    expect(told(tx, begun({ now: exactly(DEADLINE) }))).toBe(tx);
  });

  test('a begin with the same gid and another body is refused', () => {
    expect(refusal(begin(), begun({ bodyHash: 'another' }))).toBe('transaction_differs');
  });

  test('the deadline is counted from the earliest time that it may be', () => {
    expect(begin({ now: between(T0, T0 + 40) }).deadlineAt).toBe(DEADLINE);
  });

  test('a payload is measured in bytes, not in characters', () => {
    const payload = '€'.repeat(22_000);
    expect(refusal(null, begun({ branches: [spec('stock', { payload })] }))).toBe('payload_too_large');
  });

  test('a declared transaction without branches is refused; an interactive one gets its branches later', () => {
    expect(refusal(null, begun({ branches: [] }))).toBe('no_branches');
    expect(refusal(null, begun({ mode: 'interactive' }))).toBe('accepted');
  });

  test('no more branches and bytes than a transaction may hold', () => {
    const many = (count: number, payload = '{}') =>
      begun({ branches: Array.from({ length: count }, (_, n) => spec(`b${n}`, { payload })) });
    expect(refusal(null, many(101))).toBe('too_many_branches');
    expect(refusal(null, many(100))).toBe('accepted');
    expect(refusal(null, many(17, 'x'.repeat(64 * 1024)))).toBe('transaction_too_large');
    expect(refusal(null, many(16, 'x'.repeat(64 * 1024)))).toBe('accepted');
  });

  test('a reply for a transaction that never began is refused', () => {
    expect(refusal(null, replied('stock', 'try', 'succeeded'))).toBe('unknown_transaction');
  });
});

describe('a declared transaction', () => {
  test('is confirmed when every try succeeded, and finished when every confirm did', () => {
    const decided = confirming();
    expect(decided).toMatchObject({ status: 'confirming', decision: { reason: 'all_tries_succeeded' } });
    const half = told(decided, replied('stock', 'confirm', 'succeeded'));
    expect(half).toMatchObject({ status: 'confirming', finishedAt: null });
    expect(confirmed()).toMatchObject({ status: 'confirmed', finishedAt: T0 });
  });

  test('is cancelled by one refusal, which it names', () => {
    expect(cancelling()).toMatchObject({
      status: 'cancelling',
      decision: { decision: 'cancel', reason: 'try_refused', branchId: 'stock' },
    });
  });

  test('is not cancelled before the refused branch was cancelled too (I8)', () => {
    const tx = told(cancelling(), replied('money', 'cancel', 'succeeded'));
    expect(tx).toMatchObject({ status: 'cancelling', finishedAt: null });
  });

  test('does not decide on an unknown reply', () => {
    const tx = told(begin(), replied('stock', 'try', 'unknown'), replied('money', 'try', 'succeeded'));
    expect(tx).toMatchObject({ status: 'trying', decision: null });
  });

  test('is not confirmed by its client', () => {
    expect(refusal(begin(), confirm())).toBe('not_interactive');
  });

  test('takes no branch but those it began with', () => {
    expect(refusal(begin(), registered('shipment'))).toBe('not_interactive');
    changesNothing(begin({ branches: [spec('stock')] }), registered('stock'));
  });
});

describe('an interactive transaction', () => {
  const interactive = () => begin({ mode: 'interactive' });

  test('a registration that repeats the same body answers the same transaction', () => {
    const tx = told(interactive(), registered('stock'));
    changesNothing(tx, registered('stock'));
    expect(refusal(tx, registered('stock', now, 'another'))).toBe('branch_differs');
  });

  test('a repeated registration is answered even after the decision', () => {
    changesNothing(told(interactive(), registered('stock'), cancel()), registered('stock'));
  });

  test('no branch is registered after the decision', () => {
    const tx = told(interactive(), registered('stock'));
    expect(refusal(told(tx, confirm()), registered('money'))).toBe('decided_confirm');
    expect(refusal(told(tx, cancel()), registered('money'))).toBe('decided_cancel');
  });

  test('no branch is registered when the deadline may have passed', () => {
    expect(refusal(interactive(), registered('stock', between(DEADLINE - 1, DEADLINE)))).toBe(
      'deadline_passed',
    );
  });

  test('is confirmed for the branches that were tried, and not when another stands', () => {
    const tx = told(interactive(), registered('stock'), registered('money'));
    const confirmFor = (...branchIds: string[]): Event => ({ type: 'confirmRequested', branchIds, now });
    for (const others of [[], ['stock'], ['stock', 'stock'], ['stock', 'other'], ['stock', 'money', 'other']])
      expect(refusal(tx, confirmFor(...others))).toBe('other_branches');
    const decided = told(tx, confirmFor('money', 'stock'));
    expect(decided.decision?.decision).toBe('confirm');
    changesNothing(decided, confirmFor('stock'));
    expect(refusal(told(tx, cancel()), confirmFor('stock'))).toBe('decided_cancel');
  });

  test('without branches ends with its decision', () => {
    expect(told(interactive(), confirm())).toMatchObject({ status: 'confirmed', finishedAt: T0 });
    expect(told(interactive(), cancel())).toMatchObject({ status: 'cancelled', finishedAt: T0 });
  });
});

describe('a decision', () => {
  test('asked for again is answered; its opposite is refused and named (I2)', () => {
    for (const tx of [confirming(), confirmed()]) {
      changesNothing(tx, confirm());
      expect(refusal(tx, cancel())).toBe('decided_confirm');
    }
    for (const tx of [cancelling(), cancelled()]) {
      changesNothing(tx, cancel());
      expect(refusal(tx, confirm())).toBe('decided_cancel');
    }
  });

  test('of a tcc is noted nowhere when it is refused: only a started pivot keeps a wish to cancel', () => {
    expect(transition(confirming(), cancel())).toEqual({ accepted: false, code: 'decided_confirm' });
  });

  test('outlives its deadline (I2)', () => {
    changesNothing(confirming(), expire());
    changesNothing(cancelling(), expire());
  });

  test('to confirm is not taken when the deadline may have passed (I13)', () => {
    const doubtful = between(DEADLINE - 5, DEADLINE);
    const tx = told(begin(), replied('stock', 'try', 'succeeded'));
    const late = told(tx, replied('money', 'try', 'succeeded', { now: doubtful }));
    expect(late).toMatchObject({ status: 'trying', decision: null });
    expect(told(late, expire())).toMatchObject({ decision: { reason: 'deadline_passed' } });
    expect(refusal(begin({ mode: 'interactive' }), confirm(doubtful))).toBe('deadline_passed');
  });

  test('to confirm is taken up to the last moment that is surely before the deadline', () => {
    const tx = told(begin(), replied('stock', 'try', 'succeeded'));
    const last = replied('money', 'try', 'succeeded', { now: exactly(DEADLINE - 1) });
    expect(told(tx, last)).toMatchObject({ decision: { decision: 'confirm', at: DEADLINE - 1 } });
  });

  test('is not made by a deadline that may not have passed yet', () => {
    expect(refusal(begin(), expire(between(DEADLINE - 1, DEADLINE + 5)))).toBe('deadline_not_reached');
  });
});

describe('a second phase', () => {
  test('is never called without its decision (I9)', () => {
    expect(() => transition(begin(), replied('stock', 'cancel', 'succeeded'))).toThrow('I9');
    expect(() => transition(confirming(), replied('stock', 'cancel', 'succeeded'))).toThrow('I9');
  });

  test('does not take a refusal for an answer: it is asked again', () => {
    const tx = told(confirming(), replied('stock', 'confirm', 'refused'));
    expect(branch(tx, 'stock').phaseTwo).toMatchObject({ reply: 'unknown', attemptCount: 1 });
    expect(tx.status).toBe('confirming');
  });

  test('repeated success changes nothing', () => {
    const tx = told(confirming(), replied('stock', 'confirm', 'succeeded'));
    changesNothing(tx, replied('stock', 'confirm', 'succeeded'));
    changesNothing(tx, replied('stock', 'confirm', 'unknown'));
  });

  test('a reply for a branch that was never registered is a broken promise', () => {
    expect(() => transition(begin(), replied('nobody', 'try', 'succeeded'))).toThrow('nobody');
  });
});

describe('a try that ends after the decision', () => {
  test('is cancelled once more when its cancel had already succeeded (I6)', () => {
    const tx = told(cancelled(), replied('money', 'try', 'succeeded'));
    expect(branch(tx, 'money')).toMatchObject({ lateSuccessCount: 1, phaseTwo: { reply: null } });
    expect(pendingCalls(tx, now).calls).toMatchObject([{ branchId: 'money', op: 'cancel' }]);
    const again = told(tx, replied('money', 'cancel', 'succeeded'));
    expect(again).toMatchObject({ status: 'cancelled', finishedAt: T0 });
    expect(pendingCalls(again, now)).toMatchObject({ calls: [], checkAgainAt: null });
  });

  test('is cancelled at once, however doubtful the clock', () => {
    const doubtful = between(T0 + 10, T0 + 20);
    const tx = told(cancelled(), replied('money', 'try', 'succeeded', { now: doubtful }));
    expect(pendingCalls(tx, doubtful).calls).toHaveLength(1);
  });

  test('is cancelled once more only once', () => {
    const tx = told(cancelled(), replied('money', 'try', 'succeeded'));
    changesNothing(tx, replied('money', 'try', 'succeeded'));
  });

  test('leaves a cancel that is still to come as it is', () => {
    const tx = told(cancelling(), replied('money', 'try', 'succeeded'));
    expect(branch(tx, 'money')).toMatchObject({ lateSuccessCount: 0, phaseOne: { reply: 'succeeded' } });
  });

  test('and fails or stays unknown changes nothing', () => {
    changesNothing(cancelling(), replied('money', 'try', 'refused'));
    changesNothing(cancelling(), replied('money', 'try', 'unknown'));
  });
});

describe("a person's retry", () => {
  const parked = () => {
    const unanswered = Array.from({ length: CALLS_TO_PARK }, () =>
      replied('stock', 'confirm', 'unknown', { answer: '503' }),
    );
    return told(confirming(), replied('money', 'confirm', 'succeeded'), ...unanswered);
  };

  test('gives a parked branch a new budget and makes it due now', () => {
    expect(isParked(parked())).toBe(true);
    const later = exactly(T0 + 3_600_000);
    const tx = told(parked(), retry(later));
    expect(branch(tx, 'stock').phaseTwo).toMatchObject({ attemptCount: 0, parkedAt: null, answer: '503' });
    expect(pendingCalls(tx, later).calls).toMatchObject([{ branchId: 'stock', attempt: 1 }]);
  });

  test('leaves what succeeded alone', () => {
    const tx = parked();
    expect(branch(told(tx, retry()), 'money')).toBe(branch(tx, 'money'));
  });

  test('makes a waiting try due now, but not when the deadline may have passed', () => {
    const waiting = told(begin(), replied('stock', 'try', 'unknown', { chance: 0.5 }));
    expect(branch(told(waiting, retry()), 'stock').phaseOne.dueAt).toBe(T0);
    expect(refusal(waiting, retry(between(DEADLINE - 1, DEADLINE)))).toBe('nothing_to_retry');
  });

  test('has nothing to do for a finished transaction, or for tries that are not ours', () => {
    expect(refusal(confirmed(), retry())).toBe('nothing_to_retry');
    const interactive = told(begin({ mode: 'interactive' }), registered('stock'));
    expect(refusal(interactive, retry())).toBe('nothing_to_retry');
  });

  test('is not needed by a late success: it settles a parked branch', () => {
    expect(told(parked(), replied('stock', 'confirm', 'succeeded'))).toMatchObject({ status: 'confirmed' });
  });
});
