/**
 * The hot writes: the SQL that makes a batch of saves durable, the same for MySQL, MariaDB and SQLite.
 *
 * The order is the rule (docs/architecture.md, "The six rules of a batch"): first all journal rows, sorted by gid, in
 * one INSERT, since they are the mutex; then the projections, INSERTs for what is new and guarded UPDATEs for the rest.
 * Never an upsert: a stale writer must not revive what was removed (I14).
 */

import type { Save } from '../../application/ports.ts';
import {
  type Branch,
  type GlobalTransaction,
  type Instant,
  parkedSince,
  usualWaitSince,
  waitingSince,
} from '../../domain/index.ts';

export type SqlValue = string | number | null;

/** Gives the text that stands for a value: its literal, or a placeholder. Called once a value, in the order of the text. */
export type WriteValue = (value: SqlValue) => string;

export type Statement = {
  readonly isUpdate: boolean;
  readonly sql: (write: WriteValue) => string;
  /** Any other number of rows fails the whole batch. */
  readonly rowCount: number;
};

export type Query = { readonly sql: string; readonly values: readonly SqlValue[] };

type Row = Readonly<Record<string, SqlValue>>;

export function withPlaceholders({ sql }: Statement): Query {
  const values: SqlValue[] = [];
  const text = sql((value) => {
    values.push(value);
    return '?';
  });
  return { sql: text, values };
}

export function batchStatements(saves: readonly Save[]): Statement[] {
  const sorted = [...saves].sort((one, other) => (one.gid < other.gid ? -1 : 1));
  const begun = sorted.filter(({ before }) => before === null);
  const later = sorted.filter(({ before }) => before !== null);
  const keyed = begun.filter(({ beginKey }) => beginKey !== null);
  keyed.sort((one, other) => ((one.beginKey ?? '') < (other.beginKey ?? '') ? -1 : 1));
  return [
    ...inserts('journal', sorted.map(journalRow)),
    ...inserts(
      'begin_key',
      keyed.map(({ beginKey, gid }) => ({ begin_key: beginKey, gid })),
    ),
    ...inserts(
      'global_transaction',
      begun.map((save) => ({ ...fixedColumns(save), ...savedColumns(save), ...changingColumns(save.after) })),
    ),
    ...inserts('branch', sorted.flatMap(newBranchRows)),
    ...updatesOf('global_transaction', later.map(transactionUpdate)),
    ...updatesOf('branch', later.flatMap(branchUpdates)),
  ];
}

// ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────

const journalRow = ({ gid, seq, at, writer, version, entries }: Save): Row => ({
  gid,
  seq,
  at: sqlInstant(at),
  writer,
  version,
  entries: JSON.stringify(entries),
});

const fixedColumns = ({ gid, after }: Save): Row => ({
  gid,
  pattern: after.pattern,
  mode: after.mode,
  name: after.name,
  business_key: after.businessKey,
  body_hash: after.bodyHash,
  traceparent: after.traceparent,
  tracestate: after.tracestate,
  policy: JSON.stringify(after.policy),
  began_at: sqlInstant(after.beganAt),
  deadline_at: sqlInstant(after.deadlineAt),
  callback: jsonOrNull(after.callback),
});

const changingColumns = (tx: GlobalTransaction) => ({
  status: tx.status,
  decision: tx.decision?.decision ?? null,
  decision_reason: tx.decision?.reason ?? null,
  decided_at: sqlInstantOrNull(tx.decision?.at ?? null),
  decided_by_branch_id: tx.decision?.branchId ?? null,
  decision_note: tx.decision?.note ?? null,
  parked_at: sqlInstantOrNull(parkedSince(tx)),
  waiting_since: unusualWait(tx, waitingSince(tx)),
  finished_at: sqlInstantOrNull(tx.finishedAt),
  pivot_started_at: sqlInstantOrNull(tx.pivotStartedAt),
  cancel_asked_at: sqlInstantOrNull(tx.cancelAskedAt),
  notification: jsonOrNull(tx.notification),
});

/** What every save writes anew, whatever a sweep has made of it meanwhile. */
const savedColumns = ({ seq, version, wakeAt }: Save) => ({
  seq,
  version,
  wake_at: sqlInstantOrNull(wakeAt),
  waker: null,
  miss_count: 0,
});

function newBranchRows({ gid, before, after }: Save): Row[] {
  const knownCount = before?.branches.length ?? 0;
  return after.branches.slice(knownCount).map((branch, index) => ({
    gid,
    branch_id: branch.branchId,
    position: knownCount + index,
    participant: branch.participant,
    activity: branch.activity,
    payload: branch.payload,
    body_hash: branch.bodyHash,
    policy: jsonOrNull(branch.policy),
    step: jsonOrNull(branch.step),
    ...branchColumns(after, branch),
  }));
}

const branchColumns = (
  tx: GlobalTransaction,
  { phaseOne, phaseTwo, waitingSince, lateSuccessCount, result }: Branch,
) => ({
  phase_one_reply: phaseOne.reply,
  phase_one_attempt_count: phaseOne.attemptCount,
  phase_one_due_at: sqlInstant(phaseOne.dueAt),
  phase_one_parked_at: sqlInstantOrNull(phaseOne.parkedAt),
  phase_one_answer: phaseOne.answer,
  phase_one_duration_ms: phaseOne.durationMs,
  phase_two_reply: phaseTwo.reply,
  phase_two_attempt_count: phaseTwo.attemptCount,
  phase_two_due_at: sqlInstant(phaseTwo.dueAt),
  phase_two_parked_at: sqlInstantOrNull(phaseTwo.parkedAt),
  phase_two_answer: phaseTwo.answer,
  phase_two_duration_ms: phaseTwo.durationMs,
  waiting_since: unusualWait(tx, waitingSince),
  late_success_count: lateSuccessCount,
  result,
});

/** The usual instant is left out: most rows would be written twice more for it, in the hottest statements. */
const unusualWait = (tx: GlobalTransaction, since: Instant | null): string | null =>
  since === usualWaitSince(tx) ? null : sqlInstantOrNull(since);

// ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A row to change: changes of the same columns become one statement, since each statement costs the server a round. */
type Update = { readonly gid: string; readonly set: Row; readonly where: Row };

/** A column that differs is looked up by gid, row by row: so many rows that this stays cheap. */
const MAX_ROWS_PER_UPDATE = 64;

function transactionUpdate(save: Save): Update {
  const { gid, before, after, seq } = save;
  const changed = before ? changedColumns(changingColumns(before), changingColumns(after)) : {};
  return { gid, set: { ...savedColumns(save), ...changed }, where: { seq: seq - 1 } };
}

function branchUpdates({ gid, before, after, entries }: Save): Update[] {
  const known = before?.branches ?? [];
  const changedIds = new Set(entries.branches?.map(({ branchId }) => branchId));
  return known.flatMap((branch, index) => {
    const next = after.branches[index];
    if (!next || !changedIds.has(branch.branchId)) return [];
    const set = changedColumns(branchColumns(before ?? after, branch), branchColumns(after, next));
    // What changed may be no column: a wait that began with the decision.
    return Object.keys(set).length === 0 ? [] : [{ gid, set, where: { branch_id: branch.branchId } }];
  });
}

/** Columns that keep their value are left out: they would only make equal changes look different. */
function changedColumns(before: Row, after: Row): Row {
  const changed: Record<string, SqlValue> = {};
  for (const column in after) {
    const value = after[column] as SqlValue;
    if (before[column] !== value) changed[column] = value;
  }
  return changed;
}

function updatesOf(table: string, updates: readonly Update[]): Statement[] {
  const groups = new Map<string, Update[]>();
  for (const update of updates) {
    const key = groupOf(update);
    const group = groups.get(key);
    if (group) group.push(update);
    else groups.set(key, [update]);
  }
  return [...groups.values()].flatMap((group) => parts(group).map((part) => updateOf(table, part)));
}

/** Alike for updates that one statement can make: of the same columns, found by the same values. */
function groupOf({ where, set }: Update): string {
  let group = '';
  for (const column in where) group += `${column}=${where[column]} `;
  for (const column in set) group += `${column} `;
  return group;
}

function parts(group: readonly Update[]): (readonly Update[])[] {
  const count = Math.ceil(group.length / MAX_ROWS_PER_UPDATE);
  return Array.from({ length: count }, (_, part) =>
    group.slice(part * MAX_ROWS_PER_UPDATE, (part + 1) * MAX_ROWS_PER_UPDATE),
  );
}

function updateOf(table: string, group: readonly Update[]): Statement {
  const { set, where } = group[0] as Update;
  const sql = (write: WriteValue) => {
    const assignments = Object.keys(set).map((column) => assignmentOf(column, group, write));
    const conditions = Object.keys(where).map((column) => `${column} = ${write(where[column] ?? null)}`);
    const gids = group.map(({ gid }) => write(gid));
    return `UPDATE ${table} SET ${assignments.join(',')} WHERE ${conditions.join(' AND ')} AND gid IN (${gids.join(',')})`;
  };
  return { isUpdate: true, sql, rowCount: group.length };
}

function assignmentOf(column: string, group: readonly Update[], write: WriteValue): string {
  const value = group[0]?.set[column] ?? null;
  if (group.every(({ set }) => set[column] === value)) return `${column} = ${write(value)}`;
  let cases = '';
  for (const { gid, set } of group) cases += ` WHEN ${write(gid)} THEN ${write(set[column] ?? null)}`;
  return `${column} = CASE gid${cases} END`;
}

/** A column that is NULL in every row is left out: the server would parse that word once a row. */
function inserts(table: string, rows: readonly Row[]): Statement[] {
  const [first] = rows;
  if (!first) return [];
  const columns = Object.keys(first).filter((column) => rows.some((row) => row[column] !== null));
  const rowText = (row: Row, write: WriteValue) => {
    let text = '';
    for (const column of columns) text += (text === '' ? '' : ',') + write(row[column] ?? null);
    return `(${text})`;
  };
  const sql = (write: WriteValue) =>
    `INSERT INTO ${table} (${columns.join(',')}) VALUES ${rows.map((row) => rowText(row, write)).join(',')}`;
  return [{ isUpdate: false, sql, rowCount: rows.length }];
}

// ── What stands in the way ───────────────────────────────────────────────────────────────────────────────────

/** What the database holds that a refused batch may have met. */
export type Standing = {
  readonly journal: readonly { readonly gid: string; readonly seq: number; readonly writer: string }[];
  readonly beginKeys: readonly { readonly begin_key: string }[];
  readonly transactions: readonly { readonly gid: string; readonly seq: number }[];
};

export function standingQueries(saves: readonly Save[]): Record<keyof Standing, Query> {
  const gids = saves.map(({ gid }) => gid);
  const keys = saves.flatMap(({ beginKey }) => (beginKey === null ? [] : [beginKey]));
  const pairs = saves.map(() => '(gid = ? AND seq = ?)').join(' OR ');
  return {
    journal: {
      sql: `SELECT gid, seq, writer FROM journal WHERE ${pairs}`,
      values: saves.flatMap(({ gid, seq }) => [gid, seq]),
    },
    beginKeys: {
      sql: `SELECT begin_key FROM begin_key WHERE begin_key IN (${keys.length > 0 ? marks(keys) : 'NULL'})`,
      values: keys,
    },
    transactions: {
      sql: `SELECT gid, seq FROM global_transaction WHERE gid IN (${marks(gids)})`,
      values: gids,
    },
  };
}

/** Which saves of a refused batch are written already by this writer, and which are lost to another or to a removal. */
export function takenBy(
  saves: readonly Save[],
  standing: Standing,
): { ours: Set<string>; lost: Set<string> } {
  const writers = new Map(standing.journal.map(({ gid, writer }) => [gid, writer]));
  const seqs = new Map(standing.transactions.map(({ gid, seq }) => [gid, seq]));
  const keys = new Set(standing.beginKeys.map((row) => row.begin_key));
  const ours = new Set<string>();
  const lost = new Set<string>();
  for (const { gid, seq, writer, beginKey } of saves) {
    const standingWriter = writers.get(gid);
    const isStale = (seqs.get(gid) ?? 0) !== seq - 1 || (beginKey !== null && keys.has(beginKey));
    if (standingWriter === writer) ours.add(gid);
    else if (standingWriter !== undefined || isStale) lost.add(gid);
  }
  return { ours, lost };
}

const jsonOrNull = (value: object | null): string | null => value && JSON.stringify(value);

const marks = (values: readonly unknown[]): string => values.map(() => '?').join(', ');

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

const sqlInstantOrNull = (at: Instant | null): string | null => (at === null ? null : sqlInstant(at));
