/**
 * What one journal row says: the fields that a change left with a new value, and their values; beside them the calls
 * that led to it, which are told and never read back.
 *
 * Rows are enough to rebuild everything that ever changes of a transaction (I12). A payload never changes, is
 * stored once with its branch, and is no part of them. Polling is progress of one replica and is no change.
 */
import {
  type Branch,
  type Call,
  type CallPolicy,
  DEFAULT_POLL_BUDGET_MS,
  DEFAULT_RETRY_BUDGET_MS,
  type GlobalTransaction,
  type Instant,
  isCall,
  isSameStored,
  type Op,
  type Reply,
} from '../domain/index.ts';

/**
 * The version of the format that this program writes, once all replicas read it; until then, the one before.
 * A replica that meets a version that it does not read neither calls nor saves.
 */
export const JOURNAL_VERSION = 3;
/** What it reads: every version since the first one that was released or may be stored. */
export const OLDEST_READ_VERSION = 2;
export const NEWEST_READ_VERSION = 3;

export const VERSIONS = {
  oldestRead: OLDEST_READ_VERSION,
  newestRead: NEWEST_READ_VERSION,
  newestWritten: JOURNAL_VERSION,
};

export const isReadVersion = (version: number): boolean =>
  version >= OLDEST_READ_VERSION && version <= NEWEST_READ_VERSION;

type TransactionFields = Omit<GlobalTransaction, 'branches' | 'gid'>;
type BranchFields = Omit<Branch, 'branchId' | 'payload'>;
type BranchEntry = { readonly branchId: string } & Partial<BranchFields>;

/** One call as it went, or a completion from outside in its place. */
export type Attempt = {
  /** Null for the callback. */
  readonly branchId: string | null;
  readonly op: Op;
  /** When its answer came. */
  readonly at: Instant;
  readonly durationMs: number;
  /** Null when no complete answer came. */
  readonly httpStatus: number | null;
  readonly reply: Reply;
  /** What came instead of a complete answer, what it lacks, or why it refuses, in words; absent without. */
  readonly error?: string;
  readonly isCompletion?: true;
  /** The beginning of the body of a 5xx; absent unless such bodies are kept. */
  readonly errorBody?: string;
};

/** A row tells of no more calls than this, the newest; only calls that are repeated for long make as many. */
const MAX_ATTEMPTS = 200;

/** Of these the newest have the bodies of their errors, which would make a row long. */
const MAX_ERROR_BODIES = 10;

function withoutOldBody(attempt: Attempt, index: number, { length }: readonly Attempt[]): Attempt {
  if (attempt.errorBody === undefined || index >= length - MAX_ERROR_BODIES) return attempt;
  const { errorBody: _errorBody, ...rest } = attempt;
  return rest;
}

/** What a row tells of so many calls. */
export const newestAttempts = (attempts: readonly Attempt[]): readonly Attempt[] =>
  attempts.slice(-MAX_ATTEMPTS).map(withoutOldBody);

export type Entries = {
  readonly transaction?: Partial<TransactionFields>;
  /** In the order of registration. */
  readonly branches?: readonly BranchEntry[];
  readonly attempts?: readonly Attempt[];
};

/** A decision has a note since this version. */
export const NOTE_VERSION = 3;

/** The version that a row needs for what it holds. */
export const versionNeededBy = ({ transaction }: Entries): number =>
  transaction?.decision?.note === undefined ? OLDEST_READ_VERSION : NOTE_VERSION;

/** What has to be written for `after` to be durable; null when nothing durable changed. */
export function entriesBetween(
  before: GlobalTransaction | null,
  after: GlobalTransaction,
  attempts: readonly Attempt[] = [],
): Entries | null {
  const { branches, gid: _gid, ...fields } = after;
  const transaction = changedFields<TransactionFields>(before, fields);
  const changed: BranchEntry[] = [];
  branches.forEach((branch, index) => {
    const known = before?.branches[index];
    if (known === branch) return;
    const { branchId, payload: _payload, ...branchFields } = branch;
    const entry = changedFields<BranchFields>(known ?? null, branchFields);
    if (entry) changed.push({ branchId, ...entry });
  });
  if (transaction === null && changed.length === 0) return null;
  return {
    ...(transaction && { transaction }),
    ...(changed.length > 0 && { branches: changed }),
    ...(attempts.length > 0 && { attempts: newestAttempts(attempts) }),
  };
}

/** The transaction that rows, oldest first, amount to; payloads are left empty. */
export function rebuild(gid: string, rows: readonly { readonly entries: Entries }[]): GlobalTransaction {
  const branches = new Map<string, Branch>();
  let fields = {} as TransactionFields;
  for (const { entries } of readRows(rows)) {
    fields = { ...fields, ...entries.transaction };
    for (const entry of entries.branches ?? []) {
      const known = branches.get(entry.branchId) ?? ({ payload: '' } as Branch);
      branches.set(entry.branchId, { ...known, ...entry });
    }
  }
  return { gid, ...fields, policy: readPolicy(fields.policy), branches: [...branches.values()] };
}

// ── What a row leaves out ────────────────────────────────────────────────────────────────────────────────────

/**
 * Rows, oldest first, with complete calls. A row leaves out what its program did not know of a call, and `spentMs` and
 * `acceptedAt` where both it and the row before say nothing of them: they stay empty in most transactions.
 */
export function readRows<Row extends { readonly entries: Entries }>(rows: readonly Row[]): readonly Row[] {
  const calls = new Map<string, Call>();
  const read = (key: string, stored: Call): Call => {
    const call = readCall(stored, calls.get(key));
    calls.set(key, call);
    return call;
  };
  return rows.map((row) => {
    const { transaction, branches } = row.entries;
    const notification = transaction?.notification;
    const entries = {
      ...row.entries,
      ...(notification && {
        transaction: { ...transaction, notification: read('notification', notification) },
      }),
      ...(branches && { branches: branches.map((entry) => ({ ...entry, ...readPhases(entry, read) })) }),
    };
    return { ...row, entries };
  });
}

const readPhases = (
  { branchId, phaseOne, phaseTwo }: BranchEntry,
  read: (key: string, stored: Call) => Call,
): Partial<BranchFields> => ({
  ...(phaseOne && { phaseOne: read(`${branchId}/1`, phaseOne) }),
  ...(phaseTwo && { phaseTwo: read(`${branchId}/2`, phaseTwo) }),
});

/**
 * A call as it was stored.
 * @param known the call before
 */
export const readCall = (stored: Call, known?: Call): Call => ({
  ...stored,
  spentMs: stored.spentMs ?? known?.spentMs ?? 0,
  acceptedAt: stored.acceptedAt ?? (stored.acceptedAt === undefined ? known?.acceptedAt : null) ?? null,
});

/**
 * How calls are made. What was stored with budgets in calls gets the default budgets in time. The programs that count calls
 * read a budget in time, too: they never park by it.
 */
export function readPolicy({ retry, poll, ...rest }: CallPolicy): CallPolicy {
  const { budgetMs: retryBudgetMs = DEFAULT_RETRY_BUDGET_MS } = retry;
  const { budgetMs: pollBudgetMs = DEFAULT_POLL_BUDGET_MS } = poll;
  const { firstDelayMs, maxDelayMs } = retry;
  return {
    ...rest,
    retry: { firstDelayMs, maxDelayMs, budgetMs: retryBudgetMs },
    poll: { firstDelayMs: poll.firstDelayMs, maxDelayMs: poll.maxDelayMs, budgetMs: pollBudgetMs },
  };
}

function changedFields<T extends object>(before: Partial<T> | null, after: T): Partial<T> | null {
  const changed: Partial<T> = {};
  for (const key of Object.keys(after) as (keyof T)[]) {
    if (before !== null && isSameStored(before[key], after[key])) continue;
    changed[key] = storedOf(before?.[key], after[key]);
  }
  return Object.keys(changed).length > 0 ? changed : null;
}

/** What `readCall` gives back. Polling is left out, too. */
function storedOf<V>(before: V | undefined, value: V): V {
  if (!isCall(value)) return value;
  const known = isCall(before) ? before : null;
  const { spentMs, acceptedAt, ...rest } = value;
  const stored: Partial<Call> = { ...rest, ongoing: null };
  if (spentMs !== 0 || (known?.spentMs ?? 0) !== 0) Object.assign(stored, { spentMs });
  if (acceptedAt !== null || (known?.acceptedAt ?? null) !== null) Object.assign(stored, { acceptedAt });
  return stored as V;
}
