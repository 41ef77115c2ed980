/**
 * The path that a transaction has taken, read off its journal rows: the cause, the decision, and what was called because of
 * it, each where it ended. Rows tell each call as it went; here the calls of one op for one branch become one entry.
 */
import type * as wire from '../wire/index.ts';
import type { Attempt } from '../application/journal.ts';
import type { JournalRow, Saved } from '../application/ports.ts';
import {
  type Call,
  type DecisionTaken,
  DEFAULT_PATTERN,
  type GlobalTransaction,
  type Instant,
  type Op,
  opsOf,
  type Pattern,
} from '../domain/index.ts';
import { attemptView } from './events-view.ts';
import { type Annotate, iso, transactionView } from './transaction-view.ts';

type Row = Pick<JournalRow, 'seq' | 'at' | 'entries'>;
type Attempts = readonly Attempt[];

/**
 * @param rows of its journal, from the first one on; those of later changes than the one after which it is shown are left out. Of a long
 * journal rows between may be missing: what they decided is known from the transaction, and the calls from their counts.
 */
export const detailsView = (
  { tx, seq }: Saved,
  rows: readonly Row[],
  annotate: Annotate,
): wire.TransactionDetails => ({
  ...transactionView(tx, annotate),
  path: pathView(
    withOmitted(
      tx,
      rows.filter((row) => row.seq <= seq),
    ),
  ),
});

/** With a row in the place of those that are missing, that says what no other one says. */
function withOmitted(tx: GlobalTransaction, rows: readonly Row[]): readonly Row[] {
  const gap = rows.findIndex(({ seq }, index) => seq !== index + 1);
  if (gap < 0) return rows;
  const told = rows.map(({ entries }) => entries.transaction ?? {});
  const isTold = (name: 'decision' | 'pivotStartedAt' | 'cancelAskedAt') =>
    told.some((one) => one[name] != null);
  const { decision, pivotStartedAt, cancelAskedAt } = tx;
  const transaction = {
    ...(!isTold('decision') && { decision }),
    ...(!isTold('pivotStartedAt') && { pivotStartedAt }),
    ...(!isTold('cancelAskedAt') && { cancelAskedAt }),
  };
  const { seq, at } = rows[gap] as Row;
  return [...rows.slice(0, gap), { seq: seq - 1, at, entries: { transaction } }, ...rows.slice(gap)];
}

/** What happened, and when. */
type Moment = { readonly at: Instant; readonly entry: wire.PathEntry };

/** @param rows oldest first, from the first one on */
export function pathView(rows: readonly Row[]): wire.PathEntry[] {
  const courses = coursesIn(rows);
  const registers = rows.some(({ entries }) => entries.transaction?.mode === 'interactive');
  const pivotId = pivotIn(rows);
  const moments = rows.flatMap((row) => [
    ...beginnings(row, registers),
    ...courses.filter(({ seq }) => seq === row.seq).map(calledMoment),
    ...outcomes(row, pivotId),
  ]);
  // What happened at the same time stays in the order of the rows, and in each row the calls before what came of them.
  return moments.sort((one, other) => one.at - other.at).map(({ entry }) => entry);
}

const pivotIn = (rows: readonly Row[]): string | null =>
  rows.flatMap(({ entries }) => entries.branches ?? []).find(({ step }) => step?.isPivot)?.branchId ?? null;

// ── What the protocol did ────────────────────────────────────────────────────────────────────────────────────

function beginnings({ at, entries }: Row, registers: boolean): Moment[] {
  const { transaction, branches = [] } = entries;
  // Only the row that registers a branch says whose it is; and the branch is due from then on.
  const registered = registers ? branches.filter(({ participant }) => participant !== undefined) : [];
  return [
    ...moment(transaction?.beganAt, { what: 'began' }),
    ...registered.flatMap(({ branchId, phaseOne }) =>
      moment(phaseOne?.dueAt ?? at, { what: 'registered', branchId }),
    ),
  ];
}

function outcomes({ entries }: Row, pivotId: string | null): Moment[] {
  const { transaction = {}, attempts = [] } = entries;
  const { pivotStartedAt, cancelAskedAt, decision, finishedAt, status } = transaction;
  return [
    ...(pivotId === null ? [] : moment(pivotStartedAt, { what: 'pivot_started', branchId: pivotId })),
    ...moment(cancelAskedAt, { what: 'cancel_asked' }),
    ...(decision ? moment(decision.at, decided(decision, attempts)) : []),
    ...(status === undefined ? [] : moment(finishedAt, { what: 'ended', status })),
  ];
}

/** Of each entry all but its time. */
type Timeless<Entry> = Entry extends unknown ? Omit<Entry, 'at'> : never;

/** None of what has not happened. */
const moment = (at: Instant | null | undefined, entry: Timeless<wire.PathEntry>): readonly Moment[] =>
  at == null ? [] : [{ at, entry: { ...entry, at: iso(at) } }];

/** A refusal decides at once, so it stands in the row of the decision. */
function decided(
  { decision, reason, branchId }: DecisionTaken,
  attempts: Attempts,
): Timeless<wire.PathEntry> {
  const refused = attempts.find((one) => one.branchId === branchId && one.reply === 'refused');
  const cause = branchId === null || refused === undefined ? null : attemptView(refused);
  return { what: 'decided', decision, reason, branchId, cause };
}

// ── What was called ──────────────────────────────────────────────────────────────────────────────────────────

/** The calls of one op for one branch. */
type Course = {
  readonly branchId: string | null;
  readonly op: Op;
  readonly firstAt: Instant;
  readonly at: Instant;
  /** The row of the last of them. */
  readonly seq: number;
  readonly attemptCount: number;
  readonly reply: Attempt['reply'];
  readonly attempts: Attempts;
};

/** So many of the attempts of a course are told one by one. */
const MAX_ATTEMPTS = 20;

/** In the order of their last calls. */
function coursesIn(rows: readonly Row[]): readonly Course[] {
  const courses = new Map<string, Course>();
  const toldCounts = new Map<string, number>();
  const known: Known = { pattern: DEFAULT_PATTERN };
  for (const row of rows) {
    const { transaction, attempts = [] } = row.entries;
    Object.assign(known, transaction);
    for (const attempt of attempts) put(courses, withAttempt(courses.get(keyOf(attempt)), attempt, row));
    for (const told of callsTold(row, known)) {
      const key = keyOf(told);
      const { attemptCount } = told.call;
      const listed = attempts.filter((attempt) => keyOf(attempt) === key);
      const untoldCount = attemptCount - (toldCounts.get(key) ?? 0) - listed.length;
      toldCounts.set(key, attemptCount);
      if (untoldCount > 0) put(courses, withUntold(courses.get(key), untoldCount, told, row));
    }
  }
  return [...courses.values()];
}

type Called = Pick<Course, 'branchId' | 'op'>;
type CallTold = Called & { readonly call: Call };
type Known = { pattern: Pattern; decision?: DecisionTaken | null };

const keyOf = ({ branchId, op }: Called): string => `${op} ${branchId ?? ''}`;

function put(courses: Map<string, Course>, course: Course): void {
  const key = keyOf(course);
  courses.delete(key);
  courses.set(key, course);
}

const withAttempt = (known: Course | undefined, attempt: Attempt, { seq }: Row): Course => ({
  branchId: attempt.branchId,
  op: attempt.op,
  at: attempt.at,
  reply: attempt.reply,
  seq,
  firstAt: known?.firstAt ?? attempt.at,
  attemptCount: (known?.attemptCount ?? 0) + 1,
  attempts: [...(known?.attempts ?? []), attempt].slice(-MAX_ATTEMPTS),
});

/** A row has room for some attempts only: how many more there were is told by the call that they belong to. */
const withUntold = (
  known: Course | undefined,
  untoldCount: number,
  { branchId, op, call }: CallTold,
  { at, seq }: Row,
): Course => ({
  branchId,
  op,
  at,
  firstAt: at,
  seq,
  reply: call.reply ?? 'unknown',
  attempts: [],
  ...known,
  attemptCount: (known?.attemptCount ?? 0) + untoldCount,
});

/** The calls of which a row tells how often they were made. */
function callsTold({ entries }: Row, { pattern, decision }: Known): readonly CallTold[] {
  const { transaction, branches = [] } = entries;
  const { one, two } = opsOf(pattern, decision?.decision ?? null);
  const notification = transaction?.notification ?? null;
  return [
    ...branches.flatMap(({ branchId, phaseOne, phaseTwo }) => [
      ...(phaseOne ? [{ branchId, op: one, call: phaseOne }] : []),
      ...(phaseTwo && two !== null ? [{ branchId, op: two, call: phaseTwo }] : []),
    ]),
    ...(notification === null ? [] : [{ branchId: null, op: 'notify' as const, call: notification }]),
  ];
}

function calledMoment({ branchId, op, at, firstAt, attemptCount, reply, attempts }: Course): Moment {
  const views = attempts.map((attempt) => {
    const { branchId: _branchId, op: _op, ...view } = attemptView(attempt);
    return view;
  });
  const entry = { what: 'called', at: iso(at), firstAt: iso(firstAt), branchId, op } as const;
  return { at, entry: { ...entry, attemptCount, reply, attempts: views } };
}
