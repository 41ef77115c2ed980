// One sentence for each thing that a transaction can wait for, and for each way in which it can have ended.
import { describe, expect, test } from '@jest/globals';
import { explanationOf, type KnownHere } from '../../src/application/explanation.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import {
  begin,
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

const explain = (tx: GlobalTransaction, known: Partial<KnownHere> = {}) =>
  explanationOf(tx, { current: tx, circuitOf: () => 'closed', now: T0, ...known });

const later = exactly(T0 + 4000);
/** So many confirms of the stock that were answered like this. */
const answered = (answer: string, count: number, tx = confirming()) =>
  told(
    tx,
    ...Array.from({ length: count }, () =>
      replied('stock', 'confirm', 'unknown', { answer, durationMs: 2040, now: later, chance: 0.5 }),
    ),
  );
const retry = (participant: string | null = null) =>
  ({ type: 'retryRequested', participant, now: later }) as const;
const interactive = () => begin({ mode: 'interactive' });
const registered = () =>
  told(interactive(), { type: 'branchRegistered', branch: spec('stock'), now: exactly(T0) });

describe('a transaction waits', () => {
  test('for the initiator, as long as it is interactive and undecided', () => {
    expect(explain(registered())).toBe(
      'Waiting since 2026-01-01T00:00:00Z for the initiator to confirm or cancel, with 1 branch registered; cancelled unless decided by 2026-01-01T00:00:10Z.',
    );
  });

  test('for tries that were not answered yet', () => {
    expect(explain(begin())).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to try branch “stock”: no answer yet; 1 more branch waits; cancelled unless decided by 2026-01-01T00:00:10Z.',
    );
  });

  test('for a try that failed, of which only the deadline bounds the number', () => {
    const tx = told(
      begin(),
      replied('money', 'try', 'unknown', { answer: '503', durationMs: 31, chance: 0.5 }),
    );
    expect(explain(tx)).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to try branch “money”: attempt 1 answered 503 after 0.0 s; next at 2026-01-01T00:00:00Z; 1 more branch waits; cancelled unless decided by 2026-01-01T00:00:10Z.',
    );
  });

  test('for a confirm that is asked again', () => {
    expect(explain(answered('503', 2))).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to confirm branch “stock”: attempt 2 of 3 answered 503 after 2.0 s; next at 2026-01-01T00:00:04Z; 1 more branch waits.',
    );
  });

  test('for a confirm that is due, and has not been asked again yet', () => {
    expect(explain(answered('503', 2), { now: T0 + 60_000 })).toContain('; due since 2026-01-01T00:00:04Z;');
  });

  test('for a participant whose circuit is open', () => {
    expect(explain(answered('connect ECONNREFUSED', 1), { circuitOf: () => 'open' })).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to confirm branch “stock”: attempt 1 of 3 ended with “connect ECONNREFUSED” after 2.0 s; its circuit is open, since its calls fail one after the other, and this one waits until it is let through; 1 more branch waits.',
    );
  });

  test('for a participant that is still at work, which only the replica knows that asks it', () => {
    const tx = cancelling();
    const current = told(tx, replied('stock', 'cancel', 'ongoing', { chance: 0.5, now: later }));
    expect(explain(tx, { current })).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to cancel branch “stock”: no answer yet; it said 1 time that it is still at work, and is asked again at 2026-01-01T00:00:04Z; 1 more branch waits.',
    );
    expect(explain(tx)).not.toContain('still at work');
  });

  test('for a person, when the retries of a branch are used up', () => {
    expect(explain(answered('503', POLICY.retry.budget))).toBe(
      'Parked since 2026-01-01T00:00:04Z, waiting for a person to mend inventory and retry: to confirm branch “stock”, attempt 3 of 3 answered 503 after 2.0 s; 1 more branch waits.',
    );
  });

  test('for a person, when a participant said too often that it is still at work', () => {
    const tx = told(
      confirming(),
      ...Array.from({ length: POLICY.poll.budget }, () =>
        replied('stock', 'confirm', 'ongoing', { answer: '202', now: later }),
      ),
    );
    expect(explain(tx)).toContain(
      'to confirm branch “stock”, it said too often that it is still at work, and at last answered 202 after 0.0 s',
    );
  });

  test('for an answer after somebody retried by hand', () => {
    expect(explain(told(answered('503', POLICY.retry.budget), retry()))).toContain(
      'for inventory to confirm branch “stock”: retried by hand, after a call that answered 503 after 2.0 s; 1 more',
    );
  });

  test('for the parked branch first, whatever else it waits for', () => {
    const parked = answered('404', POLICY.retry.budget);
    const both = told(parked, replied('money', 'confirm', 'unknown', { answer: '500', chance: 0.5 }));
    expect(explain(both)).toMatch(
      /^Parked since .* branch “stock”, .* answered 404 .*; 1 more branch waits\.$/,
    );
  });
});

describe('a transaction has ended', () => {
  test.each([
    ['because every try succeeded', confirmed()],
    ['because branch “stock” refused its try', told(cancelling(), ...cancels())],
    [
      'because somebody asked to cancel',
      told(begin(), { type: 'cancelRequested', now: exactly(T0) }, ...cancels()),
    ],
    [
      'because its deadline passed before it was decided',
      told(begin(), { type: 'deadlinePassed', now: exactly(DEADLINE) }, ...cancels()),
    ],
    [
      'because the initiator asked to confirm',
      told(
        registered(),
        { type: 'confirmRequested', branchIds: null, now: exactly(T0) },
        replied('stock', 'confirm', 'succeeded'),
      ),
    ],
  ])('%s', (reason, tx) => {
    expect(explain(tx)).toMatch(
      new RegExp(`^(Confirmed|Cancelled) at 2026-01-01T00:00:[01]0Z, ${reason}\\.$`),
    );
  });

  test('and cancels once more what came late', () => {
    const ended = told(begin(), { type: 'deadlinePassed', now: exactly(DEADLINE) }, ...cancels());
    expect(explain(told(ended, replied('stock', 'try', 'succeeded')))).toMatch(
      /passed before it was decided; a try of branch “stock” that came late is being cancelled once more\.$/,
    );
  });
});

function cancels() {
  return ['stock', 'money'].map((branchId) => replied(branchId, 'cancel', 'succeeded'));
}
