// Which errors of a database the barrier and the coordinator take for conflicts, by the documents of each.
import { describe, expect, test } from '@jest/globals';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { createPool, type RowDataPacket } from 'mysql2/promise';
import { isMysqlConflict } from '../../../sdk/src/barrier/mysql2.ts';
import { isPgConflict } from '../../../sdk/src/barrier/pg.ts';
import { isBusy } from '../../../sdk/src/barrier/sqlite.ts';
import {
  isMysqlConflict as isCoordinatorsConflict,
  isSqliteObstacle,
} from '../../../src/adapters/sql/conflicts.ts';
import { describeOn } from '../../support/servers.ts';
import { callOf } from './barrier-world.ts';

/** Lock wait, deadlock, Group Replication, MariaDB's snapshot isolation, TiDB. */
const CONFLICTS = [1205, 1213, 3101, 1020, 8002, 8005, 8022, 8028, 9007];

describe('a conflict to retry', () => {
  test.each(CONFLICTS)('of MySQL, MariaDB or TiDB is %d, to barrier and coordinator alike', (errno) => {
    expect([isMysqlConflict({ errno }), isCoordinatorsConflict({ errno })]).toEqual([true, true]);
  });

  test('of MySQL is also a lock that the work asked for with NOWAIT', () => {
    expect(isMysqlConflict({ errno: 3572 })).toBe(true);
  });

  test.each(['40001', '40P01', '55P03'])('of PostgreSQL is %s', (code) => {
    expect(isPgConflict({ code })).toBe(true);
  });

  test.each([
    ...['SQLITE_BUSY', 'SQLITE_BUSY_RECOVERY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_BUSY_TIMEOUT'],
    ...['SQLITE_LOCKED', 'SQLITE_LOCKED_SHAREDCACHE', 'SQLITE_LOCKED_VTAB'],
  ])('of SQLite is %s, as better-sqlite3 names it', (code) => {
    expect([isBusy({ code }), isSqliteObstacle({ code })]).toEqual([true, true]);
  });

  test.each([5, 261, 517, 773, 6, 262, 518])('of SQLite is %d, as node:sqlite numbers it', (errcode) => {
    expect(isBusy({ code: 'ERR_SQLITE_ERROR', errcode })).toBe(true);
  });

  test.each([1048, 1062, 1064, 1146, 1292, 1305, 2013, 3024])('is not %d of MySQL', (errno) => {
    expect([isMysqlConflict({ errno }), isCoordinatorsConflict({ errno })]).toEqual([false, false]);
  });

  test.each(['23505', '22001', '57014', '40003'])('is not %s of PostgreSQL', (code) => {
    expect(isPgConflict({ code })).toBe(false);
  });

  test('is neither a constraint of SQLite, nor an error without a code, nor nothing', () => {
    for (const error of [
      { code: 'SQLITE_CONSTRAINT' },
      { code: 'ERR_SQLITE_ERROR', errcode: 19 },
      new Error(),
      null,
    ])
      expect([isBusy(error), isSqliteObstacle(error), isMysqlConflict(error), isPgConflict(error)]).toEqual(
        Array(4).fill(false),
      );
  });
});

describeOn(['mariadb'], 'error 1020 under snapshot isolation', (server) => {
  test('is met by the work, which is run again on what was committed meanwhile', async () => {
    const pool = createPool({ uri: await server.createDatabase(), connectionLimit: 2 });
    await pool.query('CREATE TABLE stock (n int)');
    await pool.query('INSERT INTO stock VALUES (10)');
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    const errnos: unknown[] = [];
    let runCount = 0;
    const { outcome } = await barrier.run(callOf('try'), async (connection) => {
      runCount += 1;
      // The pool's own session: what the participant's server has by default since MariaDB 11.6.
      await connection.query('SET innodb_snapshot_isolation = ON');
      const [rows] = await connection.query<RowDataPacket[]>('SELECT n FROM stock');
      if (runCount === 1) await pool.query('UPDATE stock SET n = n - 1');
      await connection.query('UPDATE stock SET n = ?', [rows[0]?.n - 2]).catch((error) => {
        errnos.push(error.errno);
        throw error;
      });
    });
    expect([outcome, runCount, errnos]).toEqual(['done', 2, [1020]]);
    const [rows] = await pool.query('SELECT n FROM stock');
    expect(rows).toEqual([{ n: 7 }]);
    await pool.end();
  });
});
