import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import { migrate, openConnection } from '../../src/adapters/sql/data-source.ts';
import { openStore, type SqlStore } from '../../src/adapters/sql/open-store.ts';
import { isLockAwaited, untilLockAwaited } from './database-sessions.ts';
import { describeOn } from './servers.ts';
import { until } from './until.ts';

describeOn(['mysql', 'mariadb'], 'who waits for a lock', (server) => {
  let sql: SqlStore;
  let sessions: Connection[] = [];

  beforeAll(async () => {
    const databaseUrl = await server.createDatabase();
    sql = await openStore(databaseUrl, 60_000);
    await migrate(sql.dataSource);
    sessions = await Promise.all([0, 1, 2].map(() => openConnection(databaseUrl, {})));
    await sessions[0]?.query("INSERT INTO begin_key (begin_key, gid) VALUES ('key', 'gid')");
  });
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.end()));
    await sql.close();
  });

  test('is found while another session sends a statement with an emoji, and not before or after', async () => {
    const [holder, waiter, speaker] = sessions as [Connection, Connection, Connection];
    await holder.query('BEGIN');
    const locking = "SELECT gid FROM begin_key WHERE begin_key = 'key' FOR UPDATE";
    await holder.query(locking);
    expect(await isLockAwaited(sql.dataSource)).toBe(false);
    // Ours give up after 2 s, which a busy machine may spend before the wait is seen.
    await waiter.query('SET innodb_lock_wait_timeout = 3600');
    const waiting = waiter.query(locking);
    const speaking = speaker.query('SELECT SLEEP(30) /* 🍵 */').catch(() => {});
    await untilLockAwaited(sql.dataSource);
    await holder.query('ROLLBACK');
    await waiting;
    await holder.query(`KILL QUERY ${speaker.threadId}`);
    await speaking;
    // MariaDB's tables are a cache.
    await until('no session waits', async () => {
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 400));
      return !(await isLockAwaited(sql.dataSource));
    });
  });
});
