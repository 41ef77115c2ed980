/**
 * The hot writes: the SQL that makes a batch of saves durable, the same for MySQL, MariaDB and SQLite.
 *
 * The order is the rule (docs/architecture.md, "The six rules of a batch"): first all journal rows, sorted by gid, in
 * one INSERT, since they are the mutex; then the projections, INSERTs for what is new and guarded UPDATEs for the rest.
 * Never an upsert: a stale writer must not revive what was removed (I14).
 */

import type { Save } from '../../application/ports.ts';
import type { Branch, Call, GlobalTransaction } from '../../domain/index.ts';
import {
  type BranchSource,
  beginKeyColumns,
  type Column,
  changingBranchColumns,
  changingColumns,
  fixedBranchColumns,
  fixedColumns,
  journalColumns,
  phaseOneColumns,
  phaseTwoColumns,
  type SqlValue,
  savedColumns,
} from './columns.ts';
import type { TableNames } from './table-names.ts';

export type { SqlValue };

/** Gives the text that stands for a value: its literal, or a placeholder. Called once a value, in the order of the text. */
export type WriteValue = (value: SqlValue) => string;

export type Statement = {
  readonly isUpdate: boolean;
  readonly sql: (write: WriteValue) => string;
  /** Any other number of rows fails the whole batch. */
  readonly rowCount: number;
};

export type Query = { readonly sql: string; readonly values: readonly SqlValue[] };

/** Columns in the order of the values of a row. */
type Layout<Source> = readonly Column<unknown, Source>[];

const layout = <Source>(columns: Readonly<Record<string, Column<unknown, Source>>>): Layout<Source> =>
  Object.values(columns);

const JOURNAL = layout<Save>(journalColumns);
const BEGIN_KEY = layout<Save>(beginKeyColumns);
const FIXED = layout<GlobalTransaction>(fixedColumns);
const SAVED = layout<Save>(savedColumns);
const CHANGING = layout<GlobalTransaction>(changingColumns);
const FIXED_OF_BRANCH = layout<BranchSource>(fixedBranchColumns);
const CHANGING_OF_BRANCH = layout<BranchSource>(changingBranchColumns);
const PHASE_ONE = layout<Call>(phaseOneColumns);
const PHASE_TWO = layout<Call>(phaseTwoColumns);

const TRANSACTION = [...FIXED, ...SAVED, ...CHANGING];
const BRANCH = [...FIXED_OF_BRANCH, ...CHANGING_OF_BRANCH, ...PHASE_ONE, ...PHASE_TWO];

function addValues<Source>(values: SqlValue[], columns: Layout<Source>, source: Source): SqlValue[] {
  for (const { write } of columns) values.push(write(source));
  return values;
}

export function withPlaceholders({ sql }: Statement): Query {
  const values: SqlValue[] = [];
  const text = sql((value) => {
    values.push(value);
    return '?';
  });
  return { sql: text, values };
}

export function batchStatements(saves: readonly Save[], tables: TableNames): Statement[] {
  const sorted = [...saves].sort((one, other) => (one.gid < other.gid ? -1 : 1));
  const begun = sorted.filter(({ before }) => before === null);
  const later = sorted.filter(({ before }) => before !== null);
  const keyed = begun.filter(({ beginKey }) => beginKey !== null);
  keyed.sort((one, other) => ((one.beginKey ?? '') < (other.beginKey ?? '') ? -1 : 1));
  return [
    ...inserts(
      tables.journal,
      JOURNAL,
      sorted.map((save) => addValues([], JOURNAL, save)),
    ),
    ...inserts(
      tables.beginKey,
      BEGIN_KEY,
      keyed.map((save) => addValues([], BEGIN_KEY, save)),
    ),
    ...inserts(tables.globalTransaction, TRANSACTION, begun.map(newTransaction)),
    ...inserts(tables.branch, BRANCH, sorted.flatMap(newBranches)),
    ...updatesOf(tables.globalTransaction, later.map(transactionUpdate)),
    ...updatesOf(tables.branch, later.flatMap(branchUpdates)),
  ];
}

function newTransaction(save: Save): SqlValue[] {
  const values = addValues([], FIXED, save.after);
  addValues(values, SAVED, save);
  return addValues(values, CHANGING, save.after);
}

function newBranches({ before, after: tx }: Save): SqlValue[][] {
  const knownCount = before?.branches.length ?? 0;
  return tx.branches.slice(knownCount).map((branch, index) => {
    const source = { tx, branch, position: knownCount + index };
    const values = addValues([], FIXED_OF_BRANCH, source);
    addValues(values, CHANGING_OF_BRANCH, source);
    addValues(values, PHASE_ONE, branch.phaseOne);
    return addValues(values, PHASE_TWO, branch.phaseTwo);
  });
}

// ── Updates ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A value to write, by the name of its column. */
type Setting = { readonly column: string; readonly value: SqlValue };

/** A row to change: changes of the same columns become one statement, since each statement costs the server a round. */
type Update = {
  readonly gid: string;
  readonly set: readonly Setting[];
  readonly where: Setting;
  readonly onlyIf: string;
};

/** A column that differs is looked up by gid, row by row: so many rows that this stays cheap. */
const MAX_ROWS_PER_UPDATE = 64;

function transactionUpdate(save: Save): Update {
  const { gid, before, after, seq } = save;
  const set = SAVED.map(({ name, write }) => ({ column: name, value: write(save) }));
  if (before !== null) addChanges(set, CHANGING, before, after);
  return { gid, set, where: { column: 'seq', value: seq - 1 }, onlyIf: NOT_QUARANTINED };
}

function branchUpdates({ gid, before, after, entries }: Save): Update[] {
  const known = before?.branches ?? [];
  const changedIds = new Set(entries.branches?.map(({ branchId }) => branchId));
  return known.flatMap((branch, position) => {
    const next = after.branches[position];
    if (!next || !changedIds.has(branch.branchId)) return [];
    const set: Setting[] = [];
    const source = (tx: GlobalTransaction, of: Branch) => ({ tx, branch: of, position });
    addChanges(set, CHANGING_OF_BRANCH, source(before ?? after, branch), source(after, next));
    addChanges(set, PHASE_ONE, branch.phaseOne, next.phaseOne);
    addChanges(set, PHASE_TWO, branch.phaseTwo, next.phaseTwo);
    // What changed may be no column: a wait that began with the decision.
    const where = { column: 'branch_id', value: branch.branchId };
    return set.length === 0 ? [] : [{ gid, set, where, onlyIf: '' }];
  });
}

/** Columns that keep their value are left out: they would only make equal changes look different. */
function addChanges<Source>(set: Setting[], columns: Layout<Source>, before: Source, after: Source): void {
  if (before === after) return;
  for (const { name, write } of columns) {
    const value = write(after);
    if (write(before) !== value) set.push({ column: name, value });
  }
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
  let group = `${where.value}`;
  for (const { column } of set) group += ` ${column}`;
  return group;
}

function parts(group: readonly Update[]): (readonly Update[])[] {
  const count = Math.ceil(group.length / MAX_ROWS_PER_UPDATE);
  return Array.from({ length: count }, (_, part) =>
    group.slice(part * MAX_ROWS_PER_UPDATE, (part + 1) * MAX_ROWS_PER_UPDATE),
  );
}

/** What is in quarantine is lost to every writer, until it is released. */
const NOT_QUARANTINED = ' AND quarantined_at IS NULL';

function updateOf(table: string, group: readonly Update[]): Statement {
  const { set, where, onlyIf } = group[0] as Update;
  const sql = (write: WriteValue) => {
    const assignments = set.map(({ column }, index) => assignmentOf(column, index, group, write));
    const condition = `${where.column} = ${write(where.value)}${onlyIf}`;
    const gids = group.map(({ gid }) => write(gid));
    return `UPDATE ${table} SET ${assignments.join(',')} WHERE ${condition} AND gid IN (${gids.join(',')})`;
  };
  return { isUpdate: true, sql, rowCount: group.length };
}

/** @param index of the column in what each update sets */
function assignmentOf(column: string, index: number, group: readonly Update[], write: WriteValue): string {
  const valueIn = ({ set }: Update): SqlValue => set[index]?.value ?? null;
  const value = valueIn(group[0] as Update);
  if (group.every((update) => valueIn(update) === value)) return `${column} = ${write(value)}`;
  let cases = '';
  for (const update of group) cases += ` WHEN ${write(update.gid)} THEN ${write(valueIn(update))}`;
  return `${column} = CASE gid${cases} END`;
}

/** A column that is NULL in every row is left out: the server would parse that word once a row. */
function inserts(table: string, columns: Layout<never>, rows: readonly (readonly SqlValue[])[]): Statement[] {
  if (rows.length === 0) return [];
  const written = columns.flatMap(({ name }, index) =>
    rows.some((row) => row[index] !== null) ? [{ name, index }] : [],
  );
  const names = written.map(({ name }) => name).join(',');
  const rowText = (row: readonly SqlValue[], write: WriteValue) => {
    let text = '';
    for (const { index } of written) text += (text === '' ? '' : ',') + write(row[index] ?? null);
    return `(${text})`;
  };
  const sql = (write: WriteValue) =>
    `INSERT INTO ${table} (${names}) VALUES ${rows.map((row) => rowText(row, write)).join(',')}`;
  return [{ isUpdate: false, sql, rowCount: rows.length }];
}

// ── What stands in the way ───────────────────────────────────────────────────────────────────────────────────

/** What the database holds that a refused batch may have met. */
export type Standing = {
  readonly journal: readonly { readonly gid: string; readonly seq: number; readonly writer: string }[];
  readonly beginKeys: readonly { readonly begin_key: string }[];
  readonly transactions: readonly { readonly gid: string; readonly seq: number }[];
};

export function standingQueries(saves: readonly Save[], tables: TableNames): Record<keyof Standing, Query> {
  const gids = saves.map(({ gid }) => gid);
  const keys = saves.flatMap(({ beginKey }) => (beginKey === null ? [] : [beginKey]));
  const pairs = saves.map(() => '(gid = ? AND seq = ?)').join(' OR ');
  return {
    journal: {
      sql: `SELECT gid, seq, writer FROM ${tables.journal} WHERE ${pairs}`,
      values: saves.flatMap(({ gid, seq }) => [gid, seq]),
    },
    beginKeys: {
      sql: `SELECT begin_key FROM ${tables.beginKey} WHERE begin_key IN (${keys.length > 0 ? marks(keys) : 'NULL'})`,
      values: keys,
    },
    transactions: {
      sql: `SELECT gid, seq FROM ${tables.globalTransaction} WHERE gid IN (${marks(gids)})${NOT_QUARANTINED}`,
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

const marks = (values: readonly unknown[]): string => values.map(() => '?').join(', ');
