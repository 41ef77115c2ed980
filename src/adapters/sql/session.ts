/**
 * What every connection is set to, of every kind: the writer's, those that read, and the one that migrates. The server's
 * own defaults are not ours to rely on: with `autocommit=0`, what was registered would be answered and never committed.
 *
 * Left out is what no statement of ours depends on, and what only a privileged user may set (such as
 * `sql_require_primary_key`: every table has a primary key).
 */

/** Rule 6 of a batch. There is no name for both that MySQL and MariaDB 10.11 know, so it is a statement of its own. */
const TRANSACTIONS = 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE';

/** Shorter than the client's own limits, so that the server answers first, and the connection stays usable. */
const SERVER_LIMIT_S = 4;

const SETTINGS = [
  // The handshake asks for the same, but a server may ignore it.
  'NAMES utf8mb4 COLLATE utf8mb4_general_ci',
  'autocommit = 1',
  // After COMMIT comes neither another BEGIN nor the end of the connection.
  'completion_type = 0',
  // Strict, and backslashes escape: the values of a batch are quoted so.
  "sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  "time_zone = '+00:00'",
  'innodb_lock_wait_timeout = 2',
  // The wait for a table that DDL, LOCK TABLES or a backup holds; a year by default.
  `lock_wait_timeout = ${SERVER_LIMIT_S}`,
  'sql_select_limit = 18446744073709551615',
  'sql_safe_updates = 0',
  'sql_big_selects = 1',
  'sql_auto_is_null = 0',
  'foreign_key_checks = 1',
  'unique_checks = 1',
  'default_storage_engine = InnoDB',
];

/** Each of the two servers passes over what is the other's. */
const statementLimit = (seconds: number): string =>
  `/*!80000 , max_execution_time = ${1000 * seconds} *//*M! , max_statement_time = ${seconds} */`;

/**
 * In this order, and before anything else that is sent: a value must not be read by another sql_mode.
 *
 * No time limit of a statement: one that ends a COMMIT could leave its outcome unsaid, and a migration may take long.
 */
export const SESSION: readonly string[] = [`SET ${SETTINGS.join(', ')}${statementLimit(0)}`, TRANSACTIONS];

/**
 * Added for connections that answer questions. A statement that the client gave up would go on in the server, and hold one more of
 * its connections.
 */
export const LIMITED = `SET lock_wait_timeout = ${SERVER_LIMIT_S}${statementLimit(SERVER_LIMIT_S)}`;
export const UNLIMITED = `SET lock_wait_timeout = ${SERVER_LIMIT_S}${statementLimit(0)}`;
