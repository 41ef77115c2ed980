/** The database under the coordinator, and what it says of the work that it did: the side that cannot flatter itself. */
import type { Checkout } from './checkout.ts';
import type { Child } from './child.ts';

/** Counted from some beginning; differences tell. */
export type Counters = {
  readonly commits: number;
  /** Times that the server made its redo log durable; null where it does not say. */
  readonly logSyncs: number | null;
};

/** What lies in the tables when all is done. */
export type Tally = {
  readonly transactionCount: number;
  readonly confirmedCount: number;
  /** Journal rows of the transactions that began in each span of time, milliseconds since 1970, both ends included. */
  readonly journalRowCounts: readonly number[];
};

export type Span = { readonly beganAt: number; readonly endedAt: number };

/** A database server, or SQLite in its place. */
export type DatabaseServer = {
  /** What it is, and in which version. */
  readonly title: string;
  /** A new database, with the schema that this checkout gives it: another one's may differ. */
  createFor(checkout: Checkout): Promise<BenchDatabase>;
};

/** The database of one coordinator. */
export type BenchDatabase = {
  /** For the coordinator. */
  readonly url: string;
  /** Null when it is no process of ours. */
  readonly pid: number | null;
  /** More flags for the coordinator's Node. */
  readonly coordinatorFlags: readonly string[];
  counters(coordinator: Child): Promise<Counters>;
  /** Only once the coordinator has ended. */
  tally(spans: readonly Span[]): Promise<Tally>;
};

export const COUNT_TRANSACTIONS = `SELECT COUNT(*) AS transactionCount,
  COALESCE(SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END), 0) AS confirmedCount FROM global_transaction`;

export const COUNT_JOURNAL = 'SELECT COUNT(*) AS rowCount FROM journal WHERE gid >= ? AND gid < ?';

/** The gids of a span: a UUIDv7 begins with the millisecond in which it was made. */
export const gidsOf = ({ beganAt, endedAt }: Span): [from: string, to: string] => [
  firstGid(beganAt),
  firstGid(endedAt + 1),
];

function firstGid(at: number): string {
  const hex = at.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
