/** The barrier on MySQL 8.0 or later, or MariaDB 10.6 or later, over `mysql2/promise`. */
import type { Connection, Pool, ResultSetHeader } from 'mysql2/promise';
import { AsyncBarrier, type Driver, type StatementResult } from './asynchronous.ts';
import { fence, guard } from './statement-guard.ts';
import { connectionBeneath, gateOf, type HandleKind, handleOn } from './connection-handle.ts';
import { LeftOpenWarning } from './left-open-warning.ts';
import { statementsFor } from './statements.ts';

export type Mysql2Barrier = AsyncBarrier<Connection>;

/**
 * @param given.pool of which each `run` takes a connection; its promise form
 * @param given.table `tercet_barrier` when absent; with a schema before it or not
 */
export function mysql2Barrier({ pool, table }: { pool: Pool; table?: string }): AsyncBarrier<Connection> {
  return new AsyncBarrier(mysql2Driver(pool, table));
}

export const mysql2Driver = (
  pool: Pool,
  table?: string,
  leftOpenWarning = new LeftOpenWarning(),
): Driver<Connection> => ({
  statements: statementsFor('mysql', table),
  transact: async (act) => {
    const connection = await pool.getConnection();
    return transactOnMysql(
      {
        query: async (sql) => (await connection.query(sql))[0],
        release: () => connection.release(),
        destroy: () => connection.destroy(),
      },
      leftOpenWarning,
      () => act(connection),
    );
  },
  run: async (connection, { sql }) => {
    // Values are literals of the text: what is formatted on the client depends on the pool and on the sql_mode.
    const [answer] = await connection.query({ ...PLAIN_ROWS, sql });
    return mysqlResultOf(answer);
  },
  guarded: async (connection, gate, work) => {
    const end = guard(connectionBeneath(connection), 'mysql', GUARDED, gate);
    try {
      return await work(handleOn(connection, gate, HANDLE));
    } finally {
      await gate.close();
      end();
    }
  },
  isInProcess: false,
  gateAround: gateOf,
  innermost,
  fence: (connection, isInside) => {
    const endOuter = fence(connectionBeneath(connection), GUARDED, isInside);
    const inner = innermost(connection);
    const endInner = fence(inner, { ...GUARDED, isAsync: false }, isInside);
    // A statement that was prepared before asks the connection by none of its other methods.
    const endPrepared = fence(
      inner,
      { statements: ['addCommand'], isAsync: false },
      (command) => isInside() || !isExecution(command),
    );
    return () => {
      endPrepared();
      endInner();
      endOuter();
    };
  },
  isConflict: isMysqlConflict,
  mayEndSqlTx: mayEndMysqlTx,
  endsSqlTx: endsMysqlTx,
  isMissingSavepoint: isMissingMysqlSavepoint,
});

/** However the pool shapes rows for its other users. */
export const PLAIN_ROWS = {
  rowsAsArray: false,
  nestTables: false,
  typeCast: true,
  namedPlaceholders: false,
} as const;

export const mysqlResultOf = (answer: unknown): StatementResult =>
  Array.isArray(answer)
    ? { rows: answer, changedCount: 0 }
    : { rows: [], changedCount: (answer as ResultSetHeader).affectedRows };

/** A connection of a pool, of whatever kind, that serves one SQL transaction. */
type MysqlConnection = {
  /** Resolves to the header of its answer. */
  query(sql: string): Promise<unknown>;
  /** Back to its pool. */
  release(): void;
  destroy(): void;
};

/** A connection that cannot say it rolled back never serves again. */
export async function transactOnMysql<T>(
  { query, release, destroy }: MysqlConnection,
  leftOpenWarning: LeftOpenWarning,
  act: () => Promise<T>,
): Promise<T> {
  try {
    if (isInSqlTx(await query(BEGIN))) {
      await query('ROLLBACK');
      leftOpenWarning.report();
    }
    const done = await act();
    await query('COMMIT');
    await query(END);
    release();
    return done;
  } catch (error) {
    await query('ROLLBACK')
      .then(() => query(END))
      .then(release)
      .catch(destroy);
    throw error;
  }
}

/** A connection with callbacks. Each call of its `promise()` makes another wrapper of it. */
function innermost(connection: Connection): object {
  const given = connectionBeneath(connection);
  const { connection: wrapped } = given as { readonly connection?: { readonly query?: unknown } };
  return typeof wrapped?.query === 'function' ? wrapped : given;
}

/** Among all commands, such as a ping or the end of a prepared statement. */
const isExecution = (command: unknown): boolean =>
  typeof command === 'object' && command !== null && 'statement' in command;

const GUARDED = {
  statements: ['query', 'execute', 'prepare'],
  refused: ['beginTransaction', 'commit', 'rollback', 'changeUser', 'reset', 'end'],
  refusedAtOnce: ['release', 'destroy', 'close'],
  isAsync: true,
} as const;

const HANDLE: HandleKind = {
  own: [...GUARDED.statements, ...GUARDED.refused, ...GUARDED.refusedAtOnce],
  atOnce: [...GUARDED.refusedAtOnce, 'pause', 'resume', 'pipe', 'unprepare', 'createBinlogStream'],
  free: ['escape', 'escapeId', 'format'],
  makers: { prepare: { own: ['execute'], atOnce: [], free: ['close'] } },
};

/**
 * No statement is committed by itself before END, not even after a deadlock, which ends the SQL transaction under the work: when
 * the work swallows it and goes on, all of that is rolled back too.
 */
export const BEGIN = 'SET @tercet_autocommit = @@autocommit, autocommit = 0';
/** By the status that every answer to such a statement has: SERVER_STATUS_IN_TRANS of the client/server protocol. */
export const isInSqlTx = (header: unknown): boolean =>
  (((header as { serverStatus?: number } | null)?.serverStatus ?? 0) & 1) === 1;

export const END = 'SET autocommit = @tercet_autocommit';

/** What rolled a statement or the SQL transaction back for the sake of another one: it may succeed when it is run again. */
const CONFLICTS = new Set([
  // MySQL 8.4 Error Message Reference.
  1205, // ER_LOCK_WAIT_TIMEOUT
  1213, // ER_LOCK_DEADLOCK; also a failed certification of Galera
  3101, // ER_TRANSACTION_ROLLBACK_DURING_COMMIT: a failed certification of Group Replication
  3572, // ER_LOCK_NOWAIT: the work's own NOWAIT
  // MariaDB Error Codes: ER_CHECKREAD, under innodb_snapshot_isolation, which is on by default since 11.6.
  1020,
  // TiDB, “Error Codes and Troubleshooting”.
  8002, // a commit conflict of SELECT FOR UPDATE
  8005, // a write conflict in TiDB
  8022, // COMMIT failed and was rolled back
  8028, // the schema changed meanwhile
  9007, // a write conflict in TiKV
]);

const errnoOf = (error: unknown): number => (error as { errno?: number } | null)?.errno ?? 0;

export const isMysqlConflict = (error: unknown): boolean => CONFLICTS.has(errnoOf(error));

/** NOWAIT gives up its own statement only. */
export const mayEndMysqlTx = (error: unknown): boolean => isMysqlConflict(error) && errnoOf(error) !== 3572;

/**
 * A lock that was waited for in vain gives up its own statement, too, unless the server is set otherwise (MySQL 8.4 Reference
 * Manual, “InnoDB Error Handling”). The other conflicts that the work can meet end the SQL transaction.
 *
 * @param query answers rows
 */
export async function endsMysqlTx(
  error: unknown,
  query: (sql: string) => Promise<readonly unknown[]>,
): Promise<boolean> {
  if (errnoOf(error) !== 1205) return mayEndMysqlTx(error);
  const [row] = await query('SELECT @@innodb_rollback_on_timeout AS is_on');
  return Number((row as { is_on?: unknown } | undefined)?.is_on) === 1;
}

/** MySQL 8.4 Error Message Reference: ER_SP_DOES_NOT_EXIST. */
export const isMissingMysqlSavepoint = (error: unknown): boolean => errnoOf(error) === 1305;
