// One sentence for each thing that a transaction can wait for, and for each way in which it can have ended.
import { describe, expect, test } from '@jest/globals';
import { explanationOf, type ReplicaState } from '../../src/application/explanation.ts';
import {
  type BranchSpec,
  type Event,
  type GlobalTransaction,
  type Op,
  type Reply,
  type Step,
  transition,
} from '../../src/domain/index.ts';
import {
  CALLS_TO_PARK,
  begin,
  between,
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

const explain = (tx: GlobalTransaction, known: Partial<ReplicaState> = {}) =>
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
      'Waiting since 2026-01-01T00:00:00Z for inventory to try branch “stock”: no answer yet; 1 more branch waits for inventory (no answer yet); cancelled unless decided by 2026-01-01T00:00:10Z.',
    );
  });

  test('for a try that failed, of which only the deadline bounds the number', () => {
    const tx = told(
      begin(),
      replied('money', 'try', 'unknown', { answer: '503', durationMs: 31, chance: 0.5 }),
    );
    expect(explain(tx)).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to try branch “money”: attempt 1 answered 503 after 0.0 s; next at 2026-01-01T00:00:00Z; 1 more branch waits for inventory (no answer yet); cancelled unless decided by 2026-01-01T00:00:10Z.',
    );
  });

  test('for a confirm that is asked again', () => {
    expect(explain(answered('503', 2))).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to confirm branch “stock”: attempt 2 answered 503 after 2.0 s; next at 2026-01-01T00:00:04Z; 1 more branch waits for inventory (no answer yet).',
    );
  });

  test('for a confirm that is due, and has not been asked again yet', () => {
    expect(explain(answered('503', 2), { now: T0 + 60_000 })).toContain('; due since 2026-01-01T00:00:04Z;');
  });

  test('for a participant whose circuit is open', () => {
    expect(explain(answered('connect ECONNREFUSED', 1), { circuitOf: () => 'open' })).toBe(
      'Waiting since 2026-01-01T00:00:00Z for inventory to confirm branch “stock”: attempt 1 ended with “connect ECONNREFUSED” after 2.0 s; its circuit is open after consecutive failures, so the call is deferred; 1 more branch waits for inventory (no answer yet).',
    );
  });

  test('for a participant that is still at work, which only the replica knows that asks it', () => {
    const tx = cancelling();
    const current = told(tx, replied('stock', 'cancel', 'ongoing', { chance: 0.5, now: later }));
    expect(explain(tx, { current })).toBe(
      'Decided to cancel at 2026-01-01T00:00:00Z, because branch “stock” refused its try; now waiting for inventory to cancel branch “stock”: no answer yet; it answered 1 time that it is still working; next poll at 2026-01-01T00:00:04Z; 1 more branch waits for inventory (no answer yet).',
    );
    expect(explain(tx)).not.toContain('still working');
  });

  test('for a person, when the retries of a branch are used up', () => {
    expect(explain(answered('503', CALLS_TO_PARK))).toBe(
      'Parked since 2026-01-01T00:00:04Z, waiting for inventory to recover or for an operator to fix it: to confirm branch “stock”, attempt 10 answered 503 after 2.0 s; next at 2026-01-01T00:45:04Z; 1 more branch waits for inventory (no answer yet).',
    );
  });

  test('for a person, when a participant said too often that it is still at work', () => {
    const tx = told(
      confirming(),
      ...[0, POLICY.poll.budgetMs].map((afterMs) =>
        replied('stock', 'confirm', 'ongoing', { answer: '202', now: exactly(T0 + 4000 + afterMs) }),
      ),
    );
    expect(explain(tx)).toContain(
      'to confirm branch “stock”, accepted at 2026-01-01T00:00:04Z, and not completed yet: its poll budget is spent;',
    );
  });

  test('for an answer after somebody retried by hand', () => {
    expect(explain(told(answered('503', CALLS_TO_PARK), retry()))).toContain(
      'for inventory to confirm branch “stock”: retried by an operator, after a call that answered 503 after 2.0 s; 1 more',
    );
  });

  test('for each other participant with its last answer, three of them by name', () => {
    const names = ['inventory', 'bank', 'mail', 'bank', 'shop', 'press'];
    const branches = names.map((participant, index) => spec(`b${index}`, { participant }));
    const cancelling = told(begin({ branches }), { type: 'cancelRequested', now: exactly(T0) });
    const failed = (branchId: string, answer: string, times: number) =>
      Array.from({ length: times }, () => replied(branchId, 'cancel', 'unknown', { answer, chance: 0.5 }));
    const tx = told(cancelling, ...failed('b0', '404', 2), ...failed('b1', '500: order 4711 is odd', 1));
    expect(explain(tx)).toMatch(
      /for inventory to cancel .*; 5 more branches wait for bank \(500\), mail \(no answer yet\), shop \(no answer yet\), 1 other\.$/,
    );
  });

  test('for the parked branch first, whatever else it waits for', () => {
    const parked = answered('404', CALLS_TO_PARK);
    const both = told(parked, replied('money', 'confirm', 'unknown', { answer: '500', chance: 0.5 }));
    expect(explain(both)).toMatch(
      /^Parked since .* branch “stock”, .* answered 404 .*; 1 more branch waits for inventory \(500\)\.$/,
    );
  });
});

describe('a transaction has ended', () => {
  test.each([
    ['because every try succeeded', confirmed()],
    ['because branch “stock” refused its try', told(cancelling(), ...cancels())],
    [
      'because branch “stock” refused its try: “too few: 2 left”',
      told(begin(), replied('stock', 'try', 'refused', { answer: '409: too few: 2 left' }), ...cancels()),
    ],
    [
      'because branch “stock” refused its try (inventory answered 409, although …)',
      told(begin(), replied('stock', 'try', 'refused', { answer: '409, although …' }), ...cancels()),
    ],
    [
      'because cancel was requested',
      told(begin(), { type: 'cancelRequested', now: exactly(T0) }, ...cancels()),
    ],
    [
      'because its deadline passed before it was decided',
      told(interactive(), { type: 'deadlinePassed', now: exactly(DEADLINE) }),
    ],
    [
      'because its deadline passed before it was decided: branch “stock” had no usable answer from inventory (attempt 2 answered 404 after 2.0 s), branch “money” had no final answer from inventory',
      told(
        begin(),
        ...Array.from({ length: 2 }, () =>
          replied('stock', 'try', 'unknown', { answer: '404', durationMs: 2040 }),
        ),
        { type: 'deadlinePassed', now: exactly(DEADLINE) },
        ...cancels(),
      ),
    ],
    [
      'because its deadline passed before it was decided: branch “money” had no final answer from inventory',
      told(
        begin(),
        replied('stock', 'try', 'succeeded'),
        { type: 'deadlinePassed', now: exactly(DEADLINE) },
        ...cancels(),
      ),
    ],
    [
      'because the initiator requested confirm',
      told(
        registered(),
        { type: 'confirmRequested', branchIds: null, now: exactly(T0) },
        replied('stock', 'confirm', 'succeeded'),
      ),
    ],
  ])('%s', (reason, tx) => {
    const [begins, ...rest] = explain(tx).split(', ');
    expect(begins).toMatch(/^(Confirmed|Cancelled) at 2026-01-01T00:00:[01]0Z$/);
    expect(rest.join(', ')).toBe(`${reason}.`);
  });

  test('and undoes once more what came late', () => {
    const ended = told(begin(), { type: 'deadlinePassed', now: exactly(DEADLINE) }, ...cancels());
    expect(explain(told(ended, replied('stock', 'try', 'succeeded')))).toMatch(
      /before it was decided: branch “money” had no final answer from inventory; branch “stock” took effect late, and is being undone once more\.$/,
    );
  });
});

/** Steps one after the other, but for what is said of them. */
const steps = (...given: (string | [branchId: string, step: Partial<Step>])[]): BranchSpec[] =>
  given.map((one, index) => {
    const [branchId, step] = typeof one === 'string' ? [one, {}] : one;
    const before = given.slice(0, index).map((other) => (typeof other === 'string' ? other : other[0]));
    const plain = { dependsOn: before.slice(-1), isPivot: false, isCompensated: true, references: [] };
    return spec(branchId, { participant: `${branchId}s`, step: { ...plain, ...step } });
  });
const saga = (...given: Parameters<typeof steps>) => begin({ pattern: 'saga', branches: steps(...given) });
const done = (branchId: string) => replied(branchId, 'action', 'succeeded');
const undone = (branchId: string) => replied(branchId, 'compensate', 'succeeded');
const unanswered = (branchId: string, op: Op, count = 1) =>
  Array.from({ length: count }, () =>
    replied(branchId, op, 'unknown', { answer: '503', durationMs: 2040, now: later, chance: 0.5 }),
  );
const UNTIL_DEADLINE = 'cancelled unless decided by 2026-01-01T00:00:10Z';

describe('a saga waits', () => {
  test('for its first step, and says how many come after it', () => {
    expect(explain(saga('stock', 'flight', 'hotel'))).toBe(
      `Begun at 2026-01-01T00:00:00Z; now waiting for stocks to carry out step “stock”: no answer yet; then 2 more steps to carry out; ${UNTIL_DEADLINE}.`,
    );
  });

  test('for a later step that is asked again', () => {
    const tx = told(saga('stock', 'flight'), done('stock'), ...unanswered('flight', 'action'));
    expect(explain(tx)).toBe(
      `Begun at 2026-01-01T00:00:00Z; now waiting for flights to carry out step “flight”: attempt 1 answered 503 after 2.0 s; next at 2026-01-01T00:00:04Z; ${UNTIL_DEADLINE}.`,
    );
  });

  test('for several steps at the same time, the most obstinate first', () => {
    const side = { dependsOn: ['stock'] };
    const tx = told(
      saga(
        'stock',
        ['flight', side],
        ['hotel', side],
        ['car', side],
        ['mail', { dependsOn: ['flight', 'hotel', 'car'] }],
      ),
      done('stock'),
      ...unanswered('hotel', 'action'),
    );
    expect(explain(tx)).toBe(
      `Begun at 2026-01-01T00:00:00Z; now waiting for hotels to carry out step “hotel”: attempt 1 answered 503 after 2.0 s; next at 2026-01-01T00:00:04Z; 2 more steps wait for flights (no answer yet), cars (no answer yet); then 1 more step to carry out; ${UNTIL_DEADLINE}.`,
    );
  });

  test('for its deadline, when a step succeeded too late to go on', () => {
    const late = { now: between(DEADLINE - 5, DEADLINE + 5) };
    const tx = told(saga('stock', 'flight'), replied('stock', 'action', 'succeeded', late));
    // The next step stays open, and is called no more.
    expect(explain(tx)).toContain(UNTIL_DEADLINE);
    const last = told(saga('stock'), replied('stock', 'action', 'succeeded', late));
    expect(explain(last)).toBe(
      'Its last reply came too late to continue; cancelled once its deadline, 2026-01-01T00:00:10Z, has surely passed.',
    );
  });

  test('for a participant whose circuit is open', () => {
    expect(explain(saga('stock'), { circuitOf: () => 'open' })).toContain(
      'now waiting for stocks to carry out step “stock”: no answer yet; its circuit is open',
    );
  });
});

describe('a saga waits for its pivot', () => {
  const pivotAt = exactly(T0 + 2000);
  const atPivot = () =>
    told(
      saga('stock', ['money', { isPivot: true, isCompensated: false }], 'mail'),
      replied('stock', 'action', 'succeeded', { now: pivotAt }),
    );
  /** The wish is refused, and noted all the same. */
  const askedToCancel = (tx: GlobalTransaction) => {
    const verdict = transition(tx, { type: 'cancelRequested', now: later });
    return (!verdict.accepted && verdict.noted) || tx;
  };
  const waiting =
    'Waiting since 2026-01-01T00:00:02Z for moneys to carry out step “money”: no answer yet; then 1 more step to carry out; this is the pivot: only its reply decides';

  test('before the deadline, which bounds nothing any more', () => {
    expect(explain(atPivot())).toBe(`${waiting}.`);
  });

  test('after the deadline', () => {
    expect(explain(atPivot(), { now: DEADLINE })).toBe(
      `${waiting}, though the deadline passed at 2026-01-01T00:00:10Z.`,
    );
  });

  test('though somebody wished to cancel', () => {
    expect(explain(askedToCancel(atPivot()))).toBe(
      `${waiting}, though cancel was requested at 2026-01-01T00:00:04Z.`,
    );
    expect(explain(askedToCancel(atPivot()), { now: DEADLINE })).toBe(
      `${waiting}, though the deadline passed at 2026-01-01T00:00:10Z and cancel was requested at 2026-01-01T00:00:04Z.`,
    );
  });

  test('whose retries are counted, and used up', () => {
    expect(explain(told(atPivot(), ...unanswered('money', 'action')))).toContain('attempt 1 answered 503');
    expect(explain(told(atPivot(), ...unanswered('money', 'action', CALLS_TO_PARK)))).toBe(
      'Parked since 2026-01-01T00:00:04Z, waiting for moneys to recover or for an operator to fix it: to carry out step “money”, attempt 10 answered 503 after 2.0 s; next at 2026-01-01T00:45:04Z; then 1 more step to carry out; this is the pivot: only its reply decides.',
    );
  });

  test('whose success lets it only go forward', () => {
    const forward = told(atPivot(), done('money'), ...unanswered('mail', 'action'));
    expect(explain(forward)).toBe(
      'Decided to confirm at 2026-01-01T00:00:00Z, because its pivot succeeded; now waiting for mails to carry out step “mail”: attempt 1 answered 503 after 2.0 s; next at 2026-01-01T00:00:04Z.',
    );
    expect(explain(told(forward, ...unanswered('mail', 'action', CALLS_TO_PARK - 1)))).toBe(
      'Parked since 2026-01-01T00:00:04Z, waiting for mails to recover or for an operator to fix it: to carry out step “mail”, attempt 10 answered 503 after 2.0 s; next at 2026-01-01T00:45:04Z; decided to confirm at 2026-01-01T00:00:00Z, because its pivot succeeded.',
    );
  });
});

describe('a saga is undone', () => {
  const refused = () =>
    told(
      saga('stock', 'flight', 'hotel', 'mail'),
      done('stock'),
      done('flight'),
      replied('hotel', 'action', 'refused'),
    );

  test('from its end to its beginning, the refused step too, and says why', () => {
    expect(explain(refused())).toBe(
      'Decided to cancel at 2026-01-01T00:00:00Z, because step “hotel” refused its action; now waiting for hotels to compensate step “hotel”: no answer yet; then 2 more steps to compensate.',
    );
    expect(explain(told(refused(), undone('hotel'), undone('flight')))).toMatch(
      /now waiting for stocks to compensate step “stock”: no answer yet\.$/,
    );
  });

  test('and waits for an operator where a compensation is parked', () => {
    const parked = told(refused(), ...unanswered('hotel', 'compensate', CALLS_TO_PARK));
    expect(explain(parked)).toBe(
      'Parked since 2026-01-01T00:00:04Z, waiting for hotels to recover or for an operator to fix it: to compensate step “hotel”, attempt 10 answered 503 after 2.0 s; next at 2026-01-01T00:45:04Z; decided to cancel at 2026-01-01T00:00:00Z, because step “hotel” refused its action; then 2 more steps to compensate.',
    );
  });

  test('at its deadline, and says which steps had no usable answer, and how far it had come', () => {
    const lacks = '200, but its result lacks what a later step refers to: flight.seat';
    const tx = told(
      saga('stock', 'flight', 'hotel'),
      done('stock'),
      replied('flight', 'action', 'unknown', { answer: lacks, durationMs: 500, chance: 0.5 }),
      { type: 'deadlinePassed', now: exactly(DEADLINE) },
    );
    expect(explain(tx)).toBe(
      `Decided to cancel at 2026-01-01T00:00:10Z, because its deadline passed before it was decided: step “flight” had no usable answer from flights (attempt 1 ended with “${lacks}” after 0.5 s); now waiting for flights to compensate step “flight”: no answer yet; then 1 more step to compensate.`,
    );
  });

  test('and a step that was accepted, and not completed in time, is no error', () => {
    const tx = told(
      saga('approval'),
      replied('approval', 'action', 'ongoing', { answer: '202', now: later }),
      { type: 'deadlinePassed', now: exactly(DEADLINE) },
    );
    expect(explain(tx)).toContain(
      'step “approval” had no final answer from approvals (accepted at 2026-01-01T00:00:04Z, and not completed yet);',
    );
  });

  test('with three of many steps by name', () => {
    const side = { dependsOn: [] };
    const branches = steps(['a', side], ['b', side], ['c', side], ['d', side], ['e', side]);
    const tx = told(begin({ pattern: 'saga', branches }), { type: 'deadlinePassed', now: exactly(DEADLINE) });
    expect(explain(tx)).toContain('step “c” had no final answer from cs, 2 others; now waiting');
  });

  test('which its end tells with the reason', () => {
    const ended = told(refused(), undone('hotel'), undone('flight'), undone('stock'));
    expect(explain(ended)).toBe(
      'Cancelled at 2026-01-01T00:00:00Z, because step “hotel” refused its action.',
    );
    expect(explain(told(ended, done('hotel')))).toMatch(
      /; step “hotel” took effect late, and is being undone once more\.$/,
    );
  });
});

test.each([
  ['because every action succeeded', told(saga('stock'), done('stock'))],
  [
    'because its pivot succeeded',
    told(saga(['money', { isPivot: true, isCompensated: false }]), done('money')),
  ],
])('a saga is confirmed %s', (reason, tx) => {
  expect(explain(tx)).toBe(`Confirmed at 2026-01-01T00:00:00Z, ${reason}.`);
});

describe('who is to hear of the end', () => {
  const callback = { participant: 'billing', activity: 'orders', callTimeoutMs: null };
  const ended = () =>
    told(
      begin({ callback, branches: [spec('stock')] }),
      replied('stock', 'try', 'succeeded'),
      replied('stock', 'confirm', 'succeeded'),
    );
  const CONFIRMED = 'Confirmed at 2026-01-01T00:00:00Z, because every try succeeded';
  const notified = (reply: Reply, given = {}): Event => ({
    ...replied('', 'notify', reply, { answer: '500', durationMs: 1500, now: later, chance: 0.5, ...given }),
    branchId: null,
  });

  test('is named until it has heard, with what the last call came to and when the next is made', () => {
    expect(explain(ended())).toBe(
      `${CONFIRMED}; the callback to billing is not delivered yet: no answer yet.`,
    );
    expect(explain(told(ended(), notified('unknown'), notified('unknown')))).toBe(
      `${CONFIRMED}; the callback to billing is not delivered yet: attempt 2 answered 500 after 1.5 s; next at 2026-01-01T00:00:04Z.`,
    );
    expect(explain(told(ended(), notified('unknown'), notified('succeeded')))).toBe(`${CONFIRMED}.`);
  });

  test('and whose circuit is open is told of with it', () => {
    expect(explain(told(ended(), notified('unknown')), { circuitOf: () => 'open' })).toContain(
      '; its circuit is open',
    );
  });

  test('is not spoken of before the end', () => {
    expect(explain(begin({ callback }))).not.toContain('billing');
  });
});

function cancels() {
  return ['stock', 'money'].map((branchId) => replied(branchId, 'cancel', 'succeeded'));
}
