/**
 * The barrier's SQL, in three dialects that differ in a few words. Columns of time are milliseconds since 1970. The column
 * `try_result` has that of an action, too.
 *
 * The first statement of every pass inserts the branch's row or locks the one that stands. On MySQL that has to be an
 * upsert: a locking read of a row that is not there locks the gap around it, two of those both want to insert into it,
 * and even different branches deadlock. Only then comes the locking read, which sees what was committed last, whatever
 * the isolation level.
 */
import { type LockedRow, PHASES, type Row } from './judge.ts';
import type { BarrierCall } from './barrier.ts';

export type Dialect = 'mysql' | 'postgres' | 'sqlite';

/** A statement and its parameters in order. */
export type Statement = { readonly sql: string; readonly params: readonly (string | number | null)[] };

export type Key = { readonly gid: string; readonly branchId: string };

export type Statements = {
  readonly createTable: string;
  /** To be run in this order; the last of them answers the row. */
  lock(call: BarrierCall, pass: string): readonly Statement[];
  /**
   * Changes one row, or none when the SQL transaction that locked it is over: the work may have rolled it back, or swallowed
   * a deadlock, which had.
   */
  keep(call: BarrierCall, pass: string, row: Row): Statement;
  /** Keys in their order, from `after` on, of rows whose deadline is before the instant. */
  page(after: Key, deadlineBefore: number, limit: number): Statement;
  remove(keys: readonly Key[]): Statement;
};

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_]{0,62})?$/;

/** @throws TypeError for a table name that would need quoting */
export function statementsFor(dialect: Dialect, table = 'tercet_barrier'): Statements {
  if (!NAME.test(table))
    throw new TypeError(
      `“${table}” is no name for the barrier's table: use letters, digits and _, with a schema or not`,
    );
  const numbered = dialect === 'postgres' ? numberedParams : (sql: string) => sql;
  const now = NOW[dialect];
  const columns = `phase, started_op, worker, work_until, try_result, result, ${now} AS now_ms`;
  const insert = numbered(
    `INSERT INTO ${table} (gid, branch_id, phase, pass, deadline_at, changed_at) VALUES (?, ?, 'open', ?, ?, ${now}) ${ON_DUPLICATE[dialect]}`,
  );
  const select = `SELECT ${columns} FROM ${table} WHERE gid = ? AND branch_id = ?`;
  const update = numbered(
    `UPDATE ${table} SET phase = ?, started_op = ?, worker = ?, work_until = ?, try_result = ?, result = ?, changed_at = ${now} WHERE gid = ? AND branch_id = ? AND pass = ?`,
  );
  const page = numbered(
    `SELECT gid, branch_id FROM ${table} WHERE gid >= ? AND (gid > ? OR branch_id > ?) AND deadline_at < ? ORDER BY gid, branch_id LIMIT ?`,
  );
  return {
    createTable: createTable(dialect, table),
    lock({ gid, branchId, deadlineAt }, pass) {
      const params = [gid, branchId, pass, deadlineAt];
      if (dialect === 'postgres') return [{ sql: `${insert} RETURNING ${columns}`, params }];
      const end = dialect === 'mysql' ? ' FOR UPDATE' : '';
      return [
        { sql: insert, params },
        { sql: select + end, params: [gid, branchId] },
      ];
    },
    keep: ({ gid, branchId }, pass, { phase, startedOp, worker, workUntil, firstResult, result }) => ({
      sql: update,
      params: [phase, startedOp, worker, workUntil, firstResult, result, gid, branchId, pass],
    }),
    page: ({ gid, branchId }, deadlineBefore, limit) => ({
      sql: page,
      params: [gid, gid, branchId, deadlineBefore, limit],
    }),
    // By full key: a sibling branch may still need its own row.
    remove: (keys) => ({
      sql: numbered(
        `DELETE FROM ${table} WHERE (gid, branch_id) IN (${keys.map(() => '(?, ?)').join(', ')})`,
      ),
      params: keys.flatMap(({ gid, branchId }) => [gid, branchId]),
    }),
  };
}

/** Of the database, with its fractions; read anew by each statement. */
const NOW = {
  // In UTC: a session's own time is the same twice when summer ends.
  mysql: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000",
  postgres: 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)',
  sqlite: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
} as const;

/** Leaves the row as it is but for its last pass, and locks it. */
const ON_DUPLICATE = {
  mysql: 'ON DUPLICATE KEY UPDATE pass = VALUES(pass)',
  postgres: 'ON CONFLICT (gid, branch_id) DO UPDATE SET pass = EXCLUDED.pass',
  sqlite: 'ON CONFLICT (gid, branch_id) DO UPDATE SET pass = excluded.pass',
};

function numberedParams(sql: string): string {
  let count = 0;
  return sql.replaceAll('?', () => `$${++count}`);
}

function createTable(dialect: Dialect, table: string): string {
  const ascii = dialect === 'mysql' ? ' CHARACTER SET ascii COLLATE ascii_bin' : '';
  const text = dialect === 'mysql' ? 'mediumtext' : 'text';
  const end = dialect === 'mysql' ? ' ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4' : '';
  return `CREATE TABLE IF NOT EXISTS ${table} (
  gid varchar(36)${ascii} NOT NULL,
  branch_id varchar(64)${ascii} NOT NULL,
  phase varchar(10)${ascii} NOT NULL,
  pass varchar(36)${ascii} NOT NULL,
  started_op varchar(10)${ascii} NULL,
  worker varchar(36)${ascii} NULL,
  work_until bigint NULL,
  try_result ${text} NULL,
  result ${text} NULL,
  deadline_at bigint NOT NULL,
  changed_at bigint NOT NULL,
  PRIMARY KEY (gid, branch_id)
)${end}`;
}

/** A row as drivers give it: numbers of 64 bits may come as text. */
export function rowOf(raw: unknown): LockedRow {
  const row = (raw ?? {}) as { readonly [column: string]: string | number | null };
  const phase = PHASES.find((word) => word === row.phase);
  const now = Number(row.now_ms ?? Number.NaN);
  // Taken for an open row, it would let everything pass.
  if (phase === undefined || Number.isNaN(now))
    throw new Error(
      "the driver shapes the barrier's rows otherwise than by the names of their columns: give the barrier a plain one",
    );
  return {
    phase,
    startedOp: row.started_op as Row['startedOp'],
    worker: row.worker as string | null,
    workUntil: row.work_until === null ? null : Number(row.work_until),
    firstResult: row.try_result as string | null,
    result: row.result as string | null,
    now,
  };
}

export const keyOf = (raw: unknown): Key => {
  const { gid, branch_id: branchId } = raw as { gid: string; branch_id: string };
  return { gid, branchId };
};

/** @throws Error when the SQL transaction that locked the row is over, whoever ended it */
export function checkKept(changedCount: number): void {
  if (changedCount !== 1)
    throw new Error(
      'the SQL transaction has ended under the work: let it neither commit nor roll back, nor go on after a deadlock',
    );
}
