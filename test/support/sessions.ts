/**
 * Whether a session of one database waits for a row lock, by the server's own tables of locks. They show no statements:
 * MySQL fails on the tables that do when any session of the server sends a character beyond utf8mb3.
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

/** MariaDB's tables are a cache, which is refreshed only when nobody has read it for 100 ms. */
const POLL_MS = { mysql: 20, mariadb: 150 } as const;

/** Bounds a hang, and is no measure of speed. */
const LIMIT_MS = 60_000;

export async function isLockAwaited(dataSource: DataSource): Promise<boolean> {
  const [row] = await dataSource.query(WAITING[kindOf(dataSource)]);
  return Number(row.count) > 0;
}

/** Answers once a session of this database waits for a lock. */
export async function untilLockAwaited(dataSource: DataSource): Promise<void> {
  const endsAt = Date.now() + LIMIT_MS;
  while (!(await isLockAwaited(dataSource))) {
    if (Date.now() > endsAt) throw new Error(`no session waited for a lock within ${LIMIT_MS} ms`);
    await pause(POLL_MS[kindOf(dataSource)]);
  }
}

const kindOf = ({ options }: DataSource): 'mysql' | 'mariadb' =>
  options.type === 'mariadb' ? 'mariadb' : 'mysql';
