/**
 * Errors by which a database ends a SQL transaction for the sake of another one: the same may succeed when it is run again.
 *
 * A batch needs no list: whatever is not the fault of a row is retried (`mysql-batch-writer.ts`).
 */

const MYSQL_CONFLICTS = new Set([
  // MySQL 8.4 Error Message Reference.
  1205, // ER_LOCK_WAIT_TIMEOUT
  1213, // ER_LOCK_DEADLOCK; also a failed certification of Galera
  3101, // ER_TRANSACTION_ROLLBACK_DURING_COMMIT: a failed certification of Group Replication
  // MariaDB Error Codes: ER_CHECKREAD, under innodb_snapshot_isolation.
  1020,
  // TiDB, “Error Codes and Troubleshooting”.
  8002, // a commit conflict of SELECT FOR UPDATE
  8005, // a write conflict in TiDB
  8022, // COMMIT failed and was rolled back
  8028, // the schema changed meanwhile
  9007, // a write conflict in TiKV
]);

/** As mysql2 reports it; TypeORM copies the number to its own error. */
export const isMysqlConflict = (error: unknown): boolean =>
  MYSQL_CONFLICTS.has((error as { errno?: number } | null)?.errno ?? 0);

/**
 * SQLite, “Result and Error Codes”: another connection or statement has the database, or the disk is full. A row is not at
 * fault.
 */
export const isSqliteObstacle = (error: unknown): boolean =>
  /^SQLITE_(?:BUSY|LOCKED|FULL)(?:_|$)/.test(String((error as { code?: unknown } | null)?.code));
