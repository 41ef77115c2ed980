/**
 * Whether the rows of a transaction add up: half a restore, an edited or a deleted row. What is found here, and nothing else, puts
 * a transaction in quarantine.
 */
import type { Entries } from '../../application/journal.ts';
import { contradictionIn, type GlobalTransaction } from '../../domain/index.ts';
import {
  branchColumns,
  type Columns,
  phaseOneColumns,
  phaseTwoColumns,
  transactionColumns,
} from './columns.ts';
import { BROKEN_JSON, type TransactionRow } from './entities.ts';
import { transactionOf } from './transaction-rows.ts';

export type ReadTransaction =
  | { readonly tx: GlobalTransaction; readonly fault: null }
  | { readonly tx: null; readonly fault: string };

/**
 * The transaction that rows amount to, or a clause that says why they do not.
 * @param newestSeq of its journal; null when it has none, absent when that is not known
 */
export function readTransaction(row: TransactionRow, newestSeq?: number | null): ReadTransaction {
  const fault = journalFault(row, newestSeq) ?? branchFault(row) ?? valueFault(row);
  if (fault !== null) return { tx: null, fault };
  try {
    const tx = transactionOf(row);
    const contradiction = contradictionIn(tx);
    return contradiction === null ? { tx, fault: null } : { tx: null, fault: contradiction };
  } catch (error) {
    return { tx: null, fault: `its rows cannot be read: ${(error as Error).message}` };
  }
}

function journalFault({ seq }: TransactionRow, newestSeq?: number | null): string | null {
  if (newestSeq === null) return 'its journal is missing';
  if (newestSeq === undefined || newestSeq === seq) return null;
  return `its journal ends with row ${newestSeq}, and its row in global_transaction is that of row ${seq}`;
}

function branchFault({ branches, branchCount }: TransactionRow): string | null {
  const { length } = branches;
  if (length < (branchCount ?? 0)) return `${length} of its ${branchCount} branches are there`;
  const gap = branches.findIndex(({ position }, index) => position !== index);
  return gap < 0 ? null : `the branch at position ${gap} is not there`;
}

function valueFault(row: TransactionRow): string | null {
  const ofTransaction = faultOfValues('global_transaction', transactionColumns, row);
  if (ofTransaction !== null) return ofTransaction;
  for (const branch of row.branches) {
    const table = `branch “${branch.branchId}”`;
    const fault =
      faultOfValues(table, branchColumns, branch) ??
      faultOfValues(table, phaseOneColumns, branch.phaseOne) ??
      faultOfValues(table, phaseTwoColumns, branch.phaseTwo) ??
      (isJson(branch.result) ? null : `result of ${table} is no JSON`);
    if (fault !== null) return fault;
  }
  return null;
}

function faultOfValues(table: string, columns: Columns, row: object): string | null {
  for (const [property, { name, type, isNullable }] of Object.entries(columns)) {
    const value = (row as Readonly<Record<string, unknown>>)[property];
    // A list reads no payloads and results.
    if (value === undefined || (value === null && isNullable)) continue;
    if (type === 'json' && (value === BROKEN_JSON || typeof value !== 'object' || value === null))
      return `${name} of ${table} is no JSON object`;
    if (type === 'instant' && !Number.isFinite(value)) return `${name} of ${table} is no instant`;
  }
  return null;
}

const isJson = (text: string | null | undefined): boolean => text == null || jsonIn(text) !== undefined;

/** Undefined for what is no JSON. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// ── Rows of a journal ────────────────────────────────────────────────────────────────────────────────────────

export type ReadEntries =
  | { readonly entries: Entries; readonly fault: null }
  | { readonly entries: null; readonly fault: string };

/** The entries of a row, or a clause that says why they cannot be read. */
export function readEntries(text: string): ReadEntries {
  const entries = jsonIn(text);
  if (entries === undefined) return { entries: null, fault: 'is no JSON' };
  return areEntries(entries)
    ? { entries, fault: null }
    : { entries: null, fault: 'has no entries of its form' };
}

function areEntries(value: unknown): value is Entries {
  if (!isObject(value)) return false;
  const { transaction = {}, branches = [], attempts = [] } = value;
  const areObjects = isObject(transaction) && isList(branches) && isList(attempts);
  return areObjects && isCallOrNone(transaction.notification) && branches.every(isBranchEntry);
}

const isBranchEntry = ({ branchId, phaseOne, phaseTwo }: Fields): boolean =>
  typeof branchId === 'string' && isCallOrNone(phaseOne) && isCallOrNone(phaseTwo);

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isList = (value: unknown): value is readonly Fields[] => Array.isArray(value) && value.every(isObject);

const isCallOrNone = (value: unknown): boolean => value == null || isObject(value);
