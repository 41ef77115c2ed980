/**
 * The sessions of one database, and whether one waits for a row lock, by tables that are not disturbed by what the other
 * sessions of the server send: on information_schema.processlist and innodb_trx MySQL fails while any of their statements
 * has a character beyond utf8mb3.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';

const WAITING = {
  mysql: `SELECT COUNT(*) AS count FROM performance_schema.data_lock_waits
    JOIN performance_schema.data_locks ON engine_lock_id = requesting_engine_lock_id
    WHERE object_schema = DATABASE()`,
  mariadb: `SELECT COUNT(*) AS count FROM information_schema.innodb_lock_waits
    JOIN information_schema.innodb_locks ON lock_id = requested_lock_id
    WHERE lock_table LIKE CONCAT('\`', DATABASE(), '\`.%')`,
} as const;

/**
 * MariaDB's tables are a cache, which is refreshed only when no one has read it for 100 ms. Two tests that poll one server at a fixed
 * interval can keep it stale for longer than a session waits, so the pauses are drawn.
 */
const POLL_MS = { mysql: () => 20, mariadb: () => 100 + Math.random() * 400 } as const;

/** Bounds a hang, and is no measure of speed. */
const LIMIT_MS = 200_000;

export async function isLockAwaited(dataSource: DataSource): Promise<boolean> {
  const [row] = await dataSource.query(WAITING[kindOf(dataSource)]);
  return Number(row.count) > 0;
}

/** Answers once a session of this database waits for a lock. */
export async function untilLockAwaited(dataSource: DataSource): Promise<void> {
  const endsAt = Date.now() + LIMIT_MS;
  while (!(await isLockAwaited(dataSource))) {
    if (Date.now() > endsAt) throw new Error(`no session waited for a lock within ${LIMIT_MS} ms`);
    await pause(POLL_MS[kindOf(dataSource)]());
  }
}

const OTHERS = {
  mysql: `SELECT processlist_id AS id FROM performance_schema.threads
    WHERE processlist_db = DATABASE() AND processlist_id <> CONNECTION_ID()`,
  mariadb: 'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
} as const;

/** The connections to this database but for the one that asks. */
export async function otherConnectionIds(dataSource: DataSource): Promise<readonly number[]> {
  const rows: { id: number }[] = await dataSource.query(OTHERS[kindOf(dataSource)]);
  return rows.map(({ id }) => Number(id));
}

const kindOf = ({ options }: DataSource): 'mysql' | 'mariadb' =>
  options.type === 'mariadb' ? 'mariadb' : 'mysql';
