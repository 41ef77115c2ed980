// When a state must be saved, as a table: what has happened since the durable state, and what that needs.
import { describe, expect, test } from '@jest/globals';
import { entriesBetween } from '../../src/application/journal.ts';
import type { GlobalTransaction } from '../../src/domain/global-transaction.ts';
import { type SaveNeed, saveNeed } from '../../src/domain/save-need.ts';
import { type Event, transition } from '../../src/domain/transition.ts';
import {
  begin,
  begun,
  CALLS_TO_PARK,
  cancelling,
  completed,
  confirming,
  exactly,
  POLICY,
  replied,
  spec,
  T0,
  told,
} from '../support/transactions.ts';
import { action, cancel, compensate, diamond, paidTrip, retry, trip } from '../support/sagas.ts';

type Row = readonly [
  what: string,
  need: SaveNeed,
  durable: GlobalTransaction | null,
  ...since: readonly Event[],
];

const now = exactly(T0);
const later = exactly(T0 + 1);
const pivotStarted = () => told(paidTrip(), action('hotel'), action('flight'));
const heard = (reply: 'succeeded' | 'unknown'): Event => ({
  ...replied('', 'notify', reply),
  branchId: null,
});
const withCallback = { callback: { participant: 'shop', activity: 'ended', callTimeoutMs: null } };
const notifying = () =>
  told(
    begin({ ...withCallback, branches: [spec('stock')] }),
    replied('stock', 'try', 'succeeded'),
    replied('stock', 'confirm', 'succeeded'),
  );
/** A poll of a confirm that was accepted at T0, so long after. */
const polledAfter = (ms: number) => replied('stock', 'confirm', 'ongoing', { now: exactly(T0 + ms) });
const accepted = () => told(confirming(), polledAfter(0));

const HOURS = 2 * 3_600_000;
/** A budget for some twenty attempts, each of which spends 50 ms. */
const slowly = { ...POLICY, retry: { firstDelayMs: 100, maxDelayMs: 100, budgetMs: 1000 } };
const again = (branchId = 'stock', answer = '500', ms = 0) =>
  replied(branchId, 'confirm', 'unknown', { answer, now: exactly(T0 + ms) });
/** A confirm that was called so often, and answered 500 each time. */
function unanswered(count: number, ...branchIds: readonly string[]): GlobalTransaction {
  const ids = branchIds.length === 0 ? ['stock'] : branchIds;
  const replies = ids.flatMap((id) => Array.from({ length: count }, () => again(id)));
  const confirmed = told(
    begin({ policy: slowly }),
    replied('stock', 'try', 'succeeded'),
    replied('money', 'try', 'succeeded'),
  );
  return told(confirmed, ...replies);
}
const tried = () => replied('stock', 'try', 'unknown', { answer: '500' });
const failingTry = () => told(begin(), ...Array.from({ length: 10 }, tried));

const ROWS: readonly Row[] = [
  ['a state in which nothing happened need not be saved', 'none', begin()],
  [
    'an unknown reply that comes too late to change anything need not be saved',
    'none',
    confirming(),
    replied('stock', 'try', 'unknown'),
  ],
  [
    'polling need not be saved',
    'none',
    told(begin(), replied('stock', 'try', 'ongoing')),
    replied('stock', 'try', 'ongoing'),
  ],
  [
    'polling of a confirm need not be saved before its budget is spent',
    'none',
    accepted(),
    polledAfter(1),
    polledAfter(POLICY.poll.budgetMs - 1),
  ],
  ['a retry that finds every call due and uncalled need not be saved', 'none', confirming(), retry(now)],
  ['a begin is saved immediately', 'now', null, begun()],
  [
    'a try that succeeds may wait while another is open',
    'may_wait',
    begin(),
    replied('stock', 'try', 'succeeded'),
  ],
  [
    'a try that succeeds after an unknown reply may wait',
    'may_wait',
    told(begin(), replied('stock', 'try', 'unknown')),
    replied('stock', 'try', 'succeeded'),
  ],
  [
    'a confirm that succeeds may wait while another is open',
    'may_wait',
    confirming(),
    replied('stock', 'confirm', 'succeeded'),
  ],
  [
    'a success may wait while a sibling is polled',
    'may_wait',
    told(confirming(), replied('money', 'confirm', 'ongoing')),
    replied('money', 'confirm', 'ongoing'),
    replied('stock', 'confirm', 'succeeded'),
  ],
  [
    'a late try that succeeds may wait while its cancel is open',
    'may_wait',
    cancelling(),
    replied('money', 'try', 'succeeded'),
  ],
  [
    'an action that succeeds may wait while it opens no other',
    'may_wait',
    told(diamond(), action('hotel')),
    action('car', 'succeeded', { result: '{}' }),
  ],
  ['a callback that is delivered may wait', 'may_wait', notifying(), heard('succeeded')],
  ['a callback that fails is saved immediately', 'now', notifying(), heard('unknown')],
  ['the first answer that it is at work is saved immediately', 'now', confirming(), polledAfter(0)],
  ['an unknown reply is saved immediately', 'now', begin(), replied('stock', 'try', 'unknown')],
  ['each of the first ten unknown replies is saved immediately', 'now', unanswered(9), again()],
  ['the same unknown reply once more is saved later', 'later', unanswered(10), again()],
  [
    'the same unknown reply of two branches is saved later',
    'later',
    unanswered(10, 'stock', 'money'),
    again(),
    again('money'),
  ],
  [
    'five of the same unknown replies are saved later',
    'later',
    unanswered(10),
    ...Array.from({ length: 5 }, () => again()),
  ],
  ['another unknown reply is saved immediately', 'now', unanswered(10), again('stock', '503')],
  [
    'another unknown reply between the same is counted with them',
    'later',
    unanswered(10),
    again('stock', '503'),
    again(),
  ],
  [
    'the first unknown reply of a sibling is saved immediately',
    'now',
    unanswered(10),
    again(),
    again('money'),
  ],
  [
    'a success after the same unknown reply of a sibling is saved immediately',
    'now',
    unanswered(10),
    again(),
    replied('money', 'confirm', 'succeeded'),
  ],
  [
    'a success of what was unanswered may wait',
    'may_wait',
    unanswered(10),
    replied('stock', 'confirm', 'succeeded'),
  ],
  [
    'an answer that it is at work after unknown replies is saved immediately',
    'now',
    unanswered(10),
    polledAfter(1),
  ],
  [
    'a retry by an operator is saved immediately, also after replies that were only counted',
    'now',
    unanswered(10),
    again(),
    retry(later),
  ],
  [
    'the reply that parks is saved immediately',
    'now',
    unanswered(14),
    ...Array.from({ length: 20 }, () => again()),
  ],
  [
    'the same unknown reply of a parked branch is saved later',
    'later',
    unanswered(40),
    again('stock', '500', HOURS),
  ],
  [
    'the same unknown reply of a callback is saved later',
    'later',
    told(notifying(), ...Array.from({ length: 10 }, () => heard('unknown'))),
    { ...heard('unknown'), now: exactly(T0 + HOURS) } as Event,
  ],
  [
    'a decision after replies that were only counted is saved immediately',
    'now',
    failingTry(),
    tried(),
    cancel(later),
  ],
  [
    'a success with an unknown reply of a sibling is saved immediately',
    'now',
    begin(),
    replied('stock', 'try', 'succeeded'),
    replied('money', 'try', 'unknown'),
  ],
  ['a refusal is saved immediately', 'now', begin(), replied('stock', 'try', 'refused')],
  [
    'the success that decides is saved immediately',
    'now',
    begin(),
    replied('stock', 'try', 'succeeded'),
    replied('money', 'try', 'succeeded'),
  ],
  [
    'the success that ends the transaction is saved immediately',
    'now',
    told(confirming(), replied('stock', 'confirm', 'succeeded')),
    replied('money', 'confirm', 'succeeded'),
  ],
  ['an action whose success opens another is saved immediately', 'now', trip(), action('hotel')],
  [
    'a compensation whose success opens another is saved immediately',
    'now',
    told(trip(), action('hotel'), action('flight', 'refused')),
    compensate('flight'),
  ],
  [
    'a success that starts the pivot is saved immediately',
    'now',
    told(paidTrip(), action('hotel')),
    action('flight'),
  ],
  [
    'a request to cancel while only the pivot decides is saved immediately',
    'now',
    pivotStarted(),
    cancel(later),
  ],
  [
    'a branch that is registered is saved immediately',
    'now',
    begin({ mode: 'interactive' }),
    { type: 'branchRegistered', branch: spec('stock'), now },
  ],
  [
    "an operator's retry is saved immediately",
    'now',
    told(confirming(), replied('stock', 'confirm', 'unknown')),
    retry(later),
  ],
  [
    'a branch that is parked because its polls are spent is saved immediately',
    'now',
    accepted(),
    polledAfter(POLICY.poll.budgetMs),
  ],
  [
    'an answer of a parked branch that it is at work is saved immediately',
    'now',
    told(
      confirming(),
      ...Array.from({ length: CALLS_TO_PARK }, () => replied('stock', 'confirm', 'unknown')),
    ),
    polledAfter(1),
  ],
  [
    'a completion that repeats what is known need not be saved',
    'none',
    told(confirming(), replied('stock', 'confirm', 'succeeded')),
    completed('stock', 'confirm'),
  ],
  ['a completion is saved as a reply is', 'may_wait', confirming(), completed('stock', 'confirm')],
  ['a completion that refuses is saved immediately', 'now', begin(), completed('stock', 'try', 'refused')],
  [
    'a late try that has to be cancelled once more is saved immediately',
    'now',
    told(cancelling(), replied('money', 'cancel', 'succeeded')),
    replied('money', 'try', 'succeeded'),
  ],
];

/** A rejection may leave the state with the request noted. */
function stateAfter(durable: GlobalTransaction | null, since: readonly Event[]): GlobalTransaction {
  let tx = durable;
  for (const event of since) {
    const verdict = transition(tx, event);
    tx = (verdict.accepted ? verdict.tx : verdict.noted) ?? tx;
  }
  if (tx === null) throw new Error('a row begins with a transaction or a begin');
  return tx;
}

describe('when to save', () => {
  test.each(ROWS)('%s: %s', (_what, need, durable, ...since) => {
    expect(saveNeed(durable, stateAfter(durable, since))).toBe(need);
  });

  test.each(
    ROWS,
  )('%s: the journal agrees on whether there is anything to write', (_what, need, durable, ...since) => {
    expect(entriesBetween(durable, stateAfter(durable, since)) === null).toBe(need === 'none');
  });
});
