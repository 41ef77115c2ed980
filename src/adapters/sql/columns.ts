/**
 * Every column of the tables that TypeORM reads, written once: its name, its type, and what is stored in it. Entities, the types
 * of rows and the hot writes follow from it; a test compares it with the migrations. Not here: `alert` and `guard`, which only the
 * SQL of `alert-rows.ts` and of the batches uses, and `participant.resumed_at`, which only that of `resumption-rows.ts` does.
 *
 * Instants are numbers in the code and datetime(3) in UTC in the tables, where an operator reads them.
 */
import type { Save } from '../../application/ports.ts';
import {
  type Branch,
  type Call,
  type GlobalTransaction,
  type Instant,
  isBounded,
  openCalls,
  parkedSince,
  usualWaitSince,
  waitingSince,
} from '../../domain/index.ts';

export type SqlValue = string | number | null;

/** `word`: a short text. `json`: a text that is parsed when it is read. */
export type ColumnType = 'word' | 'text' | 'count' | 'instant' | 'json';

/**
 * @typeParam Value as rows have it that are read
 * @typeParam Source what a hot write takes the value from; `never` for tables that only TypeORM writes
 */
export type Column<Value, Source = never> = {
  readonly name: string;
  readonly type: ColumnType;
  readonly isNullable: boolean;
  readonly isKey: boolean;
  /** The value of a hot write. */
  readonly write: (source: Source) => SqlValue;
  /** Only for the compiler. */
  readonly value?: Value;
};

type AnyColumn = Column<unknown, never>;
export type Columns = Readonly<Record<string, AnyColumn>>;

/** A row as it is read. */
export type RowOf<Of extends Columns> = {
  -readonly [Property in keyof Of]: Of[Property] extends Column<infer Value, never> ? Value : never;
};

// ── Types of columns ─────────────────────────────────────────────────────────────────────────────────────────

const unwritten = (): SqlValue => {
  throw new Error('this column is written by TypeORM alone');
};

type Of<Source, Value> = (source: Source) => Value;

const column =
  <Base>(type: ColumnType, toSql: ((value: Base) => SqlValue) | null = null) =>
  <Value extends Base, Source = never>(name: string, of?: Of<Source, Value>): Column<Value, Source> => ({
    name,
    type,
    isNullable: false,
    isKey: false,
    write: writerOf(of, toSql),
  });

const nullable =
  <Base>(type: ColumnType, toSql: ((value: Base) => SqlValue) | null = null) =>
  <Value extends Base, Source = never>(
    name: string,
    of?: Of<Source, Value | null>,
  ): Column<Value | null, Source> => ({
    name,
    type,
    isNullable: true,
    isKey: false,
    write: writerOf(of, toSql === null ? null : (value) => (value === null ? null : toSql(value))),
  });

/** Without a conversion the value is written as it is: this is the hottest code of the store. */
function writerOf<Source, Value>(
  of: Of<Source, Value> | undefined,
  toSql: ((value: Value) => SqlValue) | null,
): (source: Source) => SqlValue {
  if (of === undefined) return unwritten;
  return toSql === null ? (of as Of<Source, SqlValue>) : (source) => toSql(of(source));
}

const word = column<string>('word');
const wordOrNull = nullable<string>('word');
const text = column<string>('text');
const textOrNull = nullable<string>('text');
const count = column<number>('count');
const countOrNull = nullable<number>('count');
const instant = column<Instant>('instant', sqlInstant);
const instantOrNull = nullable<Instant>('instant', sqlInstant);
const json = column<object>('json', JSON.stringify);
const jsonOrNull = nullable<object>('json', JSON.stringify);

const key = <Value, Source>(of: Column<Value, Source>): Column<Value, Source> => ({ ...of, isKey: true });

// ── global_transaction ───────────────────────────────────────────────────────────────────────────────────────

type Tx = GlobalTransaction;

/** What never changes. */
export const fixedColumns = {
  gid: key(word('gid', ({ gid }: Tx) => gid)),
  pattern: word('pattern', ({ pattern }: Tx) => pattern),
  mode: word('mode', ({ mode }: Tx) => mode),
  name: wordOrNull('name', ({ name }: Tx) => name),
  businessKey: wordOrNull('business_key', ({ businessKey }: Tx) => businessKey),
  bodyHash: word('body_hash', ({ bodyHash }: Tx) => bodyHash),
  traceparent: wordOrNull('traceparent', ({ traceparent }: Tx) => traceparent),
  tracestate: wordOrNull('tracestate', ({ tracestate }: Tx) => tracestate),
  policy: json('policy', ({ policy }: Tx) => policy),
  beganAt: instant('began_at', ({ beganAt }: Tx) => beganAt),
  deadlineAt: instant('deadline_at', ({ deadlineAt }: Tx) => deadlineAt),
  callback: jsonOrNull('callback', ({ callback }: Tx) => callback),
};

/** What every save writes anew, whatever a sweep has made of it meanwhile. */
export const savedColumns = {
  seq: count('seq', ({ seq }: Save) => seq),
  version: count('version', ({ version }: Save) => version),
  wakeAt: instantOrNull('wake_at', ({ wakeAt }: Save) => wakeAt),
  waker: wordOrNull<string, Save>('waker', () => null),
  missCount: count<number, Save>('miss_count', () => 0),
};

/** What is written when it changes. */
export const changingColumns = {
  status: word('status', ({ status }: Tx) => status),
  decision: wordOrNull('decision', ({ decision }: Tx) => decision?.decision ?? null),
  decisionReason: wordOrNull('decision_reason', ({ decision }: Tx) => decision?.reason ?? null),
  decidedAt: instantOrNull('decided_at', ({ decision }: Tx) => decision?.at ?? null),
  decidedByBranchId: wordOrNull('decided_by_branch_id', ({ decision }: Tx) => decision?.branchId ?? null),
  decisionNote: wordOrNull('decision_note', ({ decision }: Tx) => decision?.note ?? null),
  parkedAt: instantOrNull('parked_at', parkedSince),
  waitingSince: instantOrNull('waiting_since', (tx: Tx) => unusualWait(tx, waitingSince(tx) ?? noWait(tx))),
  finishedAt: instantOrNull('finished_at', ({ finishedAt }: Tx) => finishedAt),
  pivotStartedAt: instantOrNull('pivot_started_at', ({ pivotStartedAt }: Tx) => pivotStartedAt),
  cancelAskedAt: instantOrNull('cancel_asked_at', ({ cancelAskedAt }: Tx) => cancelAskedAt),
  notification: jsonOrNull('notification', ({ notification }: Tx) => notification),
  // A program that does not know it registers branches and leaves it as it was: there may be more, and never fewer.
  branchCount: countOrNull('branch_count', ({ branches }: Tx) => branches.length),
};

/** Hints, next to the journal: that the rows do not add up, since when, and why. No save changes them. */
export const quarantineColumns = {
  quarantinedAt: instantOrNull<Instant>('quarantined_at'),
  quarantineFault: wordOrNull<string>('quarantine_fault'),
};

/** In place of the usual instant: all that is open is accepted, and waits for the business. */
const NO_WAIT = Date.UTC(9999, 0);
const noWait = (tx: Tx): Instant | null => (isBounded(tx) || openCalls(tx).length === 0 ? null : NO_WAIT);

/** The usual instant is left out: most rows would be written twice more for it, in the hottest statements. */
const unusualWait = (tx: Tx, since: Instant | null): Instant | null =>
  since === usualWaitSince(tx) ? null : since;

export const transactionColumns = {
  ...fixedColumns,
  ...savedColumns,
  ...changingColumns,
  ...quarantineColumns,
};

// ── branch ───────────────────────────────────────────────────────────────────────────────────────────────────

/** A branch, and the transaction that it belongs to. */
export type BranchSource = { readonly tx: Tx; readonly branch: Branch; readonly position: number };

/** What never changes. */
export const fixedBranchColumns = {
  gid: key(word('gid', ({ tx }: BranchSource) => tx.gid)),
  branchId: key(word('branch_id', ({ branch }: BranchSource) => branch.branchId)),
  position: count('position', ({ position }: BranchSource) => position),
  participant: word('participant', ({ branch }: BranchSource) => branch.participant),
  activity: word('activity', ({ branch }: BranchSource) => branch.activity),
  payload: text('payload', ({ branch }: BranchSource) => branch.payload),
  bodyHash: word('body_hash', ({ branch }: BranchSource) => branch.bodyHash),
  policy: jsonOrNull('policy', ({ branch }: BranchSource) => branch.policy),
  step: jsonOrNull('step', ({ branch }: BranchSource) => branch.step),
};

export const changingBranchColumns = {
  waitingSince: instantOrNull('waiting_since', ({ tx, branch }: BranchSource) =>
    unusualWait(tx, branch.waitingSince),
  ),
  lateSuccessCount: count('late_success_count', ({ branch }: BranchSource) => branch.lateSuccessCount),
  result: textOrNull('result', ({ branch }: BranchSource) => branch.result),
};

/** The calls of one phase. */
const callColumns = (phase: 'phase_one' | 'phase_two') => ({
  reply: wordOrNull(`${phase}_reply`, ({ reply }: Call) => reply),
  attemptCount: count(`${phase}_attempt_count`, ({ attemptCount }: Call) => attemptCount),
  // Null for 0: a column that is NULL in every new row is left out of their INSERT.
  spentMs: countOrNull(`${phase}_spent_ms`, ({ spentMs }: Call) => spentMs || null),
  dueAt: instant(`${phase}_due_at`, ({ dueAt }: Call) => dueAt),
  parkedAt: instantOrNull(`${phase}_parked_at`, ({ parkedAt }: Call) => parkedAt),
  acceptedAt: instantOrNull(`${phase}_accepted_at`, ({ acceptedAt }: Call) => acceptedAt),
  answer: wordOrNull(`${phase}_answer`, ({ answer }: Call) => answer),
  durationMs: countOrNull(`${phase}_duration_ms`, ({ durationMs }: Call) => durationMs),
});

export const phaseOneColumns = callColumns('phase_one');
export const phaseTwoColumns = callColumns('phase_two');

export const branchColumns = { ...fixedBranchColumns, ...changingBranchColumns };

// ── Other tables ─────────────────────────────────────────────────────────────────────────────────────────────

export const journalColumns = {
  gid: key(word('gid', ({ gid }: Save) => gid)),
  seq: key(count('seq', ({ seq }: Save) => seq)),
  at: instant('at', ({ at }: Save) => at),
  writer: word('writer', ({ writer }: Save) => writer),
  version: count('version', ({ version }: Save) => version),
  entries: text('entries', ({ entries }: Save) => JSON.stringify(entries)),
};

export const beginKeyColumns = {
  beginKey: key(word('begin_key', ({ beginKey }: Save) => beginKey ?? '')),
  gid: word('gid', ({ gid }: Save) => gid),
};

export const participantColumns = {
  name: key(word<string>('name')),
  baseUrls: text<string>('base_urls'),
  paths: text<string>('paths'),
  activities: textOrNull<string>('activities'),
  callTimeoutMs: countOrNull<number>('call_timeout_ms'),
  secrets: textOrNull<string>('secrets'),
  maxConcurrentCalls: countOrNull<number>('max_concurrent_calls'),
  maxCallsPerSecond: countOrNull<number>('max_calls_per_second'),
};

/** In the row of the participant. A registration leaves it as it is. */
export const recoveryColumns = {
  resumedAt: instantOrNull<Instant>('resumed_at'),
};

export const resumptionColumns = {
  participant: key(word<string>('participant')),
  gid: key(word<string>('gid')),
  claimedAt: instant<Instant>('claimed_at'),
  claimant: word<string>('claimant'),
};

export const heartbeatColumns = {
  id: key(word<string>('id')),
  programVersion: word<string>('program_version'),
  newestReadVersion: count<number>('newest_read_version'),
  seenAt: instant<Instant>('seen_at'),
};

// ── Instants ─────────────────────────────────────────────────────────────────────────────────────────────────

const texts = new Map<Instant, string>();
const MAX_TEXTS = 1000;

/** `2026-11-21 10:00:00.000`, in UTC: what datetime(3) takes and what SQLite sorts. Most of a batch are alike. */
export function sqlInstant(at: Instant): string {
  const known = texts.get(at);
  if (known) return known;
  const text = new Date(at).toISOString().replace('T', ' ').slice(0, 23);
  if (texts.size === MAX_TEXTS) texts.clear();
  texts.set(at, text);
  return text;
}
