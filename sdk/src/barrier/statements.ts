/**
 * The barrier's SQL, in three dialects that differ in a few words. Columns of time are milliseconds since 1970. The column
 * `try_result` has that of an action, too.
 *
 * The first statement of every pass inserts the branch's row or locks the one that stands. On MySQL that has to be an
 * upsert: a locking read of a row that is not there locks the gap around it, two of those both want to insert into it,
 * and even different branches deadlock. Only then comes the locking read, which sees what was committed last, whatever
 * the isolation level.
 */
import type { BarrierCall } from './barrier.ts';
import { type LockedRow, PHASES, type Row } from './judge.ts';
import { withLiterals } from './mysql-literals.ts';
import { sqlTxEndedEarly, isUnrecorded, recordedAs, UnrecordedWork } from './unrecorded-work.ts';

export type Dialect = 'mysql' | 'postgres' | 'sqlite';

/** A statement and its parameters in order. */
export type Statement = { readonly sql: string; readonly params: readonly (string | number | null)[] };

export type Key = { readonly gid: string; readonly branchId: string };

/** A row, and its deadline when it was read. */
export type DatedKey = Key & { readonly deadlineAt: number };

export type Statements = {
  readonly table: string;
  readonly createTable: string;
  /** To be run in this order; the last of them answers the row. A row that has a mark already keeps that one. */
  lock(call: BarrierCall, mark: string): readonly Statement[];
  /**
   * Raises the row's deadline to that of the call: the row has to outlive the last duplicate of any call for its branch.
   * Changes one row, or none when the SQL transaction that locked it is over: the work may have rolled it back, or swallowed
   * a deadlock, which had.
   */
  keep(call: BarrierCall, mark: string, row: Row): Statement;
  /** Answers the row's mark. Without a lock: a SQL transaction sees what it wrote itself. */
  markOf(call: BarrierCall): Statement;
  /** Rows in the order of their keys, from `after` on, whose deadline is before the instant. */
  page(after: Key, deadlineBefore: number, limit: number): Statement;
  /** Leaves a row whose deadline has been raised since it was read. */
  remove(keys: readonly DatedKey[]): Statement;
};

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_]{0,62})?$/;

/** @throws TypeError for a table name that would need quoting */
export function statementsFor(dialect: Dialect, table = 'tercet_barrier'): Statements {
  if (!NAME.test(table))
    throw new TypeError(
      `“${table}” is no name for the barrier's table: use letters, digits and _, with a schema or not`,
    );
  const statement = STATEMENT[dialect];
  const now = NOW[dialect];
  const results = RESULTS[dialect];
  const home = table.includes('.') ? 'NULL' : HOME[dialect];
  const instant = INSTANT[dialect];
  const columns = `${instant('deadline_at')} AS deadline_at, phase, pass, started_op, worker, ${instant('work_until')} AS work_until, ${results}, ${instant(now)} AS now_ms, ${SQL_TX[dialect]} AS sql_tx, ${home} AS home`;
  const { before, hint } = IN_UTC[dialect];
  const { as, row, fresh } = UPSERT[dialect];
  const insert = `${before}INSERT ${hint}INTO ${table} ${as}(gid, branch_id, phase, pass, deadline_at, changed_at) VALUES (?, ?, 'open', ?, ?, ${now}) ${ON_CONFLICT[dialect]} pass = CASE WHEN ${isUnrecorded(row)} THEN ${row}pass ELSE ${fresh} END`;
  const select = `${before}SELECT ${hint}${columns} FROM ${table} WHERE gid = ? AND branch_id = ?`;
  const update = `${before}UPDATE ${hint}${table} SET phase = ?, pass = ?, started_op = ?, worker = ?, work_until = ?, try_result = ?, result = ?, deadline_at = ${GREATEST[dialect]}(deadline_at, ?), changed_at = ${now} WHERE gid = ? AND branch_id = ? AND pass = ?`;
  const page = `SELECT gid, branch_id, ${instant('deadline_at')} AS deadline_at FROM ${table} WHERE gid >= ? AND (gid > ? OR branch_id > ?) AND deadline_at < ? ORDER BY gid, branch_id LIMIT ?`;
  return {
    table,
    createTable: createTable(dialect, table),
    lock({ gid, branchId, deadlineAt }, mark) {
      const params = [gid, branchId, mark, deadlineAt];
      if (dialect === 'postgres') return [statement(`${insert} RETURNING ${columns}`, params)];
      const end = dialect === 'mysql' ? ' FOR UPDATE' : '';
      return [statement(insert, params), statement(select + end, [gid, branchId])];
    },
    keep({ gid, branchId, deadlineAt }, mark, { phase, startedOp, worker, workUntil, firstResult, result }) {
      const changed = [
        phase,
        recordedAs(mark),
        startedOp,
        worker,
        workUntil,
        firstResult,
        result,
        deadlineAt,
      ];
      const end = dialect === 'postgres' ? ` RETURNING ${SQL_TX.postgres} AS sql_tx` : '';
      return statement(update + end, [...changed, gid, branchId, mark]);
    },
    markOf: ({ gid, branchId }) =>
      statement(`SELECT pass FROM ${table} WHERE gid = ? AND branch_id = ?`, [gid, branchId]),
    page: ({ gid, branchId }, deadlineBefore, limit) =>
      statement(page, [gid, gid, branchId, deadlineBefore, limit]),
    remove: (keys) =>
      statement(DELETE[dialect](table, keys.length), [
        ...keys.flatMap(({ gid, branchId }) => [gid, branchId]),
        Math.max(...keys.map(({ deadlineAt }) => deadlineAt)),
      ]),
  };
}

type Params = Statement['params'];

/** On MySQL and MariaDB the client would escape values, by rules that the participant's sql_mode may have changed. */
const STATEMENT = {
  mysql: (sql: string, params: Params): Statement => ({ sql: withLiterals(sql, params), params: [] }),
  postgres: (sql: string, params: Params): Statement => ({ sql: numberedParams(sql), params }),
  sqlite: (sql: string, params: Params): Statement => ({ sql, params }),
} as const;

/** Of the database, with its fractions; read anew by each statement. */
const NOW = {
  // UTC_TIMESTAMP and NOW are moved by `SET timestamp`, which an earlier user may have left on the connection. SYSDATE is not.
  mysql: 'CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)',
  postgres: 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)',
  sqlite: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
} as const;

/** As it is read: a pool of pg with `binary: true` reads a bigint of this size wrongly. */
const INSTANT = {
  mysql: (column: string) => column,
  postgres: (column: string) => `CAST(${column} AS text)`,
  sqlite: (column: string) => column,
} as const;

/**
 * A statement in UTC: SYSDATE is in the session's time zone, in which an hour comes twice when summer ends. MySQL has a hint for
 * it, and MariaDB words before the statement. Each of them takes the other's for a comment. MariaDB reads the zone in the
 * connection's character set, which may be UTF-16.
 */
const IN_UTC = {
  mysql: {
    before: "/*M!100101 SET STATEMENT time_zone = _ascii '+00:00' FOR */ ",
    hint: "/*+ SET_VAR(time_zone = '+00:00') */ ",
  },
  postgres: { before: '', hint: '' },
  sqlite: { before: '', hint: '' },
} as const;

/** On their way out the connection's character set may change characters: Shift-JIS has no backslash. Hex digits stay. */
const RESULTS = {
  mysql:
    'HEX(CONVERT(try_result USING utf8mb4)) AS try_result_hex, try_result IS NULL AS try_result_is_null, ' +
    'HEX(CONVERT(result USING utf8mb4)) AS result_hex, result IS NULL AS result_is_null',
  postgres: 'try_result, result',
  sqlite: 'try_result, result',
} as const;

/** The schema in which the connection finds the table, where that can differ from one connection to the next. */
const HOME = {
  mysql: 'HEX(CONVERT(DATABASE() USING utf8mb4))',
  postgres: '(SELECT CAST(relnamespace AS text) FROM pg_class WHERE oid = standing.tableoid)',
  sqlite: 'NULL',
} as const;

/** Tells one SQL transaction from the next, where the database has a name for it. */
const SQL_TX = { mysql: 'NULL', postgres: 'CAST(txid_current() AS text)', sqlite: 'NULL' } as const;

/** Leaves the row as it is but for its mark, and locks it. */
const ON_CONFLICT = {
  mysql: 'ON DUPLICATE KEY UPDATE',
  postgres: 'ON CONFLICT (gid, branch_id) DO UPDATE SET',
  sqlite: 'ON CONFLICT (gid, branch_id) DO UPDATE SET',
} as const;

/** What the row that stands is called, and the mark that was to be inserted. */
const UPSERT = {
  mysql: { as: '', row: '', fresh: 'VALUES(pass)' },
  postgres: { as: 'AS standing ', row: 'standing.', fresh: 'excluded.pass' },
  sqlite: { as: 'AS standing ', row: 'standing.', fresh: 'excluded.pass' },
} as const;

/**
 * Locks only the rows that it removes, each found by its full key: a sibling branch may still need its own row. By a list of keys
 * MySQL and MariaDB may read, and lock, all rows of the table, whatever index is forced: then the removal waits for calls under
 * way, and calls wait for the removal. For a join in this order they go to the index key by key.
 */
const DELETE = {
  mysql: (table: string, keyCount: number) =>
    `${UNSAFE}DELETE removed FROM (SELECT ? AS gid, ? AS branch_id${' UNION ALL SELECT ?, ?'.repeat(keyCount - 1)}) AS named ` +
    `STRAIGHT_JOIN ${table} AS removed FORCE INDEX (PRIMARY) ` +
    'ON removed.gid = named.gid AND removed.branch_id = named.branch_id WHERE removed.deadline_at <= ?',
  postgres: deleteListed,
  sqlite: deleteListed,
} as const;

/** MariaDB in its safe mode takes no join for a key. */
const UNSAFE = '/*M!100101 SET STATEMENT sql_safe_updates = 0 FOR */ ';

function deleteListed(table: string, keyCount: number): string {
  const keys = Array(keyCount).fill('(?, ?)').join(', ');
  return `DELETE FROM ${table} WHERE (gid, branch_id) IN (${keys}) AND deadline_at <= ?`;
}

/** Of two values. */
const GREATEST = { mysql: 'GREATEST', postgres: 'GREATEST', sqlite: 'MAX' } as const;

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

/** A branch's row as its lock found it; the names of the SQL transaction and of the schema, null where they have none. */
export type Locked = { readonly row: LockedRow; readonly sqlTx: string | null; readonly home: string | null };

type RawRow = { readonly [column: string]: string | number | null };

/** @throws Error when MariaDB answers NULL for a result that is there, since its hex digits are longer than a packet */
function resultIn(row: RawRow, column: string): string | null {
  const hex = row[`${column}_hex`];
  if (hex === undefined) return row[column] as string | null;
  if (hex !== null) return Buffer.from(String(hex), 'hex').toString('utf8');
  if (Number(row[`${column}_is_null`]) === 1) return null;
  throw new Error(
    'a kept result cannot be read, and nothing was changed: raise max_allowed_packet of the database server',
  );
}

/**
 * The row as drivers give it: numbers of 64 bits may come as text.
 * @throws UnrecordedWork when it has the mark of another pass
 */
export function lockedOf(raw: unknown, call: BarrierCall, mark: string, table: string): Locked {
  const row = (raw ?? {}) as RawRow;
  const phase = PHASES.find((word) => word === row.phase);
  const now = Number(row.now_ms ?? Number.NaN);
  // Taken for an open row, it would let everything pass.
  if (phase === undefined || Number.isNaN(now) || typeof row.pass !== 'string')
    throw new Error(
      "the driver shapes the barrier's rows otherwise than by the names of their columns: give the barrier a plain one",
    );
  if (row.pass !== mark) throw new UnrecordedWork(call, table, row.pass);
  return {
    row: {
      phase,
      startedOp: row.started_op as Row['startedOp'],
      worker: row.worker as string | null,
      workUntil: row.work_until === null ? null : Number(row.work_until),
      firstResult: resultIn(row, 'try_result'),
      result: resultIn(row, 'result'),
      now,
      isDeadlineLater: Number(row.deadline_at) < call.deadlineAt,
    },
    sqlTx: sqlTxOf(raw),
    home: row.home as string | null,
  };
}

export const sqlTxOf = (raw: unknown): string | null =>
  ((raw ?? {}) as { readonly sql_tx?: string | null }).sql_tx ?? null;

export const keyOf = (raw: unknown): DatedKey => {
  const { gid, branch_id, deadline_at } = raw as { gid: string; branch_id: string; deadline_at: unknown };
  return { gid, branchId: branch_id, deadlineAt: Number(deadline_at) };
};

/** @throws SqlTxEnded when the SQL transaction that locked the row was rolled back, by the work or by the server */
export function checkKept(changedCount: number, call: BarrierCall): void {
  if (changedCount !== 1) throw sqlTxEndedEarly({ unrecorded: call });
}
