// How a path is read off journal rows, where the rows are such as HTTP cannot easily bring about.
import { describe, expect, test } from '@jest/globals';
import type { Attempt, Entries } from '../../src/application/journal.ts';
import { entriesBetween } from '../../src/application/journal.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import { pathView } from '../../src/api/path-view.ts';
import { begin, exactly, replied, spec, T0, told } from '../support/transactions.ts';

const at = (ms: number) => new Date(T0 + ms).toISOString();
const attempt = (branchId: string, op: Attempt['op'], ms: number, more: Partial<Attempt> = {}): Attempt => ({
  branchId,
  op,
  at: T0 + ms,
  durationMs: 1,
  httpStatus: 200,
  reply: 'succeeded',
  ...more,
});

/** Rows as saves write them: of each state the difference to the one before, and what was called for it. */
function rowsOf(...saves: readonly [tx: GlobalTransaction, atMs: number, attempts?: readonly Attempt[]][]) {
  return saves.map(([tx, atMs, attempts], index) => {
    const entries: Entries | null = entriesBetween(saves[index - 1]?.[0] ?? null, tx, attempts);
    if (entries === null) throw new Error('nothing changed');
    return { seq: index + 1, at: T0 + atMs, entries };
  });
}

const begun = begin();
const tried = (now = T0) =>
  ['stock', 'money'].map((branchId) => replied(branchId, 'try', 'succeeded', { now: exactly(now) }));
const later = { now: exactly(T0 + 100) };

describe('calls', () => {
  test('that a full row left out are counted all the same, and stand where the row was written', () => {
    const confirming = told(begun, ...tried(T0 + 50));
    const path = pathView(rowsOf([begun, 0], [confirming, 60, [attempt('money', 'try', 50)]]));
    expect(path).toEqual([
      { what: 'began', at: at(0) },
      expect.objectContaining({ what: 'called', branchId: 'money', attemptCount: 1, at: at(50) }),
      expect.objectContaining({ what: 'decided' }),
      {
        what: 'called',
        branchId: 'stock',
        op: 'try',
        attemptCount: 1,
        reply: 'succeeded',
        at: at(60),
        firstAt: at(60),
        attempts: [],
      },
    ]);
  });

  test('that a row told some of are not counted twice', () => {
    const unanswered = Array.from({ length: 3 }, () => replied('stock', 'try', 'unknown'));
    const waiting = told(begun, ...unanswered);
    const [first, second, third] = [1, 2, 3].map((ms) => attempt('stock', 'try', ms, { reply: 'unknown' }));
    const all = pathView(rowsOf([begun, 0], [waiting, 9, [first, second, third] as Attempt[]]));
    const cut = pathView(rowsOf([begun, 0], [waiting, 9, [third] as Attempt[]]));
    expect(all[1]).toMatchObject({ attemptCount: 3, firstAt: at(1), at: at(3) });
    expect(cut[1]).toMatchObject({ attemptCount: 3, firstAt: at(3), at: at(3) });
  });

  test('that are asked again count as often as they were answered, also those that are still at work', () => {
    const confirming = told(begun, ...tried());
    const done = told(confirming, replied('stock', 'confirm', 'succeeded', later));
    const ongoing = [10, 20].map((ms) =>
      attempt('stock', 'confirm', ms, { httpStatus: 202, reply: 'ongoing' }),
    );
    const path = pathView(
      rowsOf([begun, 0], [confirming, 1], [done, 101, [...ongoing, attempt('stock', 'confirm', 100)]]),
    );
    expect(path.at(-1)).toMatchObject({
      op: 'confirm',
      attemptCount: 3,
      reply: 'succeeded',
      firstAt: at(10),
      at: at(100),
      attempts: [{ reply: 'ongoing' }, { reply: 'ongoing' }, { reply: 'succeeded' }],
    });
  });

  test('stand where the last of them was answered, whichever row told it first', () => {
    const confirming = told(begun, ...tried());
    const unknown = told(confirming, replied('stock', 'confirm', 'unknown'));
    const money = told(unknown, replied('money', 'confirm', 'succeeded'));
    const ended = told(money, replied('stock', 'confirm', 'succeeded', later));
    const path = pathView(
      rowsOf(
        [begun, 0],
        [confirming, 1, [attempt('stock', 'try', 0), attempt('money', 'try', 0)]],
        [unknown, 11, [attempt('stock', 'confirm', 10, { reply: 'unknown', httpStatus: 503 })]],
        [money, 21, [attempt('money', 'confirm', 20)]],
        [ended, 101, [attempt('stock', 'confirm', 100)]],
      ),
    );
    expect(path.slice(-3)).toMatchObject([
      { op: 'confirm', branchId: 'money', at: at(20) },
      { op: 'confirm', branchId: 'stock', at: at(100), firstAt: at(10), attemptCount: 2 },
      { what: 'ended', status: 'confirmed', at: at(100) },
    ]);
  });

  test('that ended at the same time stand in the order in which they were heard', () => {
    const confirming = told(begun, ...tried());
    const unknown = told(confirming, replied('stock', 'confirm', 'unknown'));
    const ended = told(
      unknown,
      ...['money', 'stock'].map((id) => replied(id, 'confirm', 'succeeded', later)),
    );
    const path = pathView(
      rowsOf(
        [begun, 0],
        [confirming, 1, [attempt('stock', 'try', 0), attempt('money', 'try', 0)]],
        [unknown, 11, [attempt('stock', 'confirm', 10, { reply: 'unknown', httpStatus: 503 })]],
        [ended, 101, [attempt('money', 'confirm', 100), attempt('stock', 'confirm', 100)]],
      ),
    );
    expect(path.slice(-3)).toMatchObject([{ branchId: 'money' }, { branchId: 'stock' }, { what: 'ended' }]);
  });

  test('keep the words of what came instead of an answer', () => {
    const error = 'connect ECONNREFUSED';
    const waiting = told(begun, replied('stock', 'try', 'unknown', { answer: error }));
    const failed = attempt('stock', 'try', 1, { httpStatus: null, reply: 'unknown', error });
    const path = pathView(rowsOf([begun, 0], [waiting, 2, [failed]]));
    expect(path[1]).toMatchObject({ attempts: [{ httpStatus: null, error }] });
    expect(path[1]).not.toHaveProperty('attempts.0.branchId');
  });
});

test('a late try comes behind the end, with what is undone once more', () => {
  const refused = told(begun, replied('stock', 'try', 'refused'));
  const ended = told(refused, ...['stock', 'money'].map((id) => replied(id, 'cancel', 'succeeded')));
  const late = told(ended, replied('money', 'try', 'succeeded', later));
  const path = pathView(
    rowsOf(
      [begun, 0],
      [refused, 1, [attempt('stock', 'try', 0, { reply: 'refused', httpStatus: 409 })]],
      [ended, 2, [attempt('stock', 'cancel', 1), attempt('money', 'cancel', 1)]],
      [late, 101, [attempt('money', 'try', 100)]],
    ),
  );
  expect(path.map(({ what }) => what)).toEqual([
    ...['began', 'called', 'decided', 'ended', 'called', 'called', 'called'],
  ]);
  expect(path.at(-1)).toMatchObject({ op: 'try', branchId: 'money' });
});

test('the cause of a decision is the refusal of its branch, whatever else was answered with it', () => {
  const saga = begin({
    pattern: 'saga',
    branches: ['stock', 'money'].map((id) =>
      spec(id, { step: { dependsOn: [], isPivot: false, isCompensated: true, references: [] } }),
    ),
  });
  const refused = told(saga, replied('stock', 'action', 'succeeded'), replied('money', 'action', 'refused'));
  const no = { reply: 'refused', httpStatus: 422 } as const;
  const path = pathView(
    rowsOf([saga, 0], [refused, 1, [attempt('stock', 'action', 0), attempt('money', 'action', 0, no)]]),
  );
  expect(path.find(({ what }) => what === 'decided')).toMatchObject({
    branchId: 'money',
    cause: { branchId: 'money', op: 'action', httpStatus: 422 },
  });
});

test('rows of before there were sagas are read as those of a tcc', () => {
  const [first, ...rest] = rowsOf([begun, 0], [told(begun, ...tried()), 1, [attempt('stock', 'try', 0)]]);
  const {
    pattern: _p,
    callback: _c,
    notification: _n,
    pivotStartedAt: _s,
    cancelAskedAt: _a,
    ...old
  } = first?.entries.transaction ?? {};
  const path = pathView([{ ...first!, entries: { ...first?.entries, transaction: old } }, ...rest]);
  expect(path.map(({ what }) => what)).toEqual(['began', 'called', 'decided', 'called']);
});
