// The barrier's clock on MySQL and MariaDB is that of the server, whatever an earlier user left set on the connection.
import { expect, test } from '@jest/globals';
import { mysql2Barrier } from '@tercet/sdk/barrier/mysql2';
import { typeormBarrier } from '@tercet/sdk/barrier/typeorm';
import { createPool } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { createDatabase } from '../../../scripts/servers/database.ts';
import { describeOn, describeOwn, type StartOwn } from '../../support/servers.ts';
import { callOf } from './barrier-world.ts';

const LEFT = [
  'SET timestamp = 1000000000',
  'SET timestamp = UNIX_TIMESTAMP() + 3600',
  'SET timestamp = UNIX_TIMESTAMP() - 3600',
  "SET time_zone = '+13:00'",
  "SET time_zone = '-11:00', timestamp = 2000000000",
];

describeOn(['mysql', 'mariadb'], "the barrier's clock", (server) => {
  test.each(LEFT)('is not moved by a session left at: %s', async (left) => {
    const pool = createPool({ uri: await server.createDatabase(), connectionLimit: 1 });
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    await pool.query(left);
    const minuteMs = 60_000;
    const late = callOf('action', { deadlineAt: Date.now() - minuteMs });
    await expect(barrier.run(late, () => 1)).rejects.toMatchObject({ code: 'deadline_passed' });
    const early = callOf('action', { deadlineAt: Date.now() + minuteMs });
    expect(await barrier.run(early, () => 1)).toMatchObject({ outcome: 'done' });
    const [[row]] = (await pool.query('SELECT changed_at FROM tercet_barrier')) as unknown as [
      [{ changed_at: number }],
    ];
    expect(Math.abs(row.changed_at - Date.now())).toBeLessThan(minuteMs);
    await pool.end();
  });

  test('is not moved for TypeORM either', async () => {
    const dataSource = new DataSource({
      type: 'mysql',
      url: await server.createDatabase(),
      extra: { connectionLimit: 1 },
    });
    await dataSource.initialize();
    const barrier = typeormBarrier({ dataSource });
    await barrier.createTable();
    await dataSource.query('SET timestamp = 1000000000');
    const late = callOf('action', { deadlineAt: Date.now() - 60_000 });
    await expect(barrier.run(late, () => 1)).rejects.toMatchObject({ code: 'deadline_passed' });
    await dataSource.destroy();
  });

  test('leaves the session as it was', async () => {
    const pool = createPool({ uri: await server.createDatabase(), connectionLimit: 1 });
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    await pool.query("SET time_zone = '-11:00', timestamp = 1000000000");
    await barrier.run(callOf('action'), () => 1);
    const [rows] = await pool.query('SELECT @@time_zone AS zone, UNIX_TIMESTAMP() AS seconds');
    expect(rows).toEqual([{ zone: '-11:00', seconds: 1_000_000_000 }]);
    await pool.end();
  });
});

const HALF_HOUR_MS = 1_800_000;

/** A zone whose summer ends then: its clocks show the hour before and the hour after it alike. */
function zoneWhoseSummerEnds(at: number): string {
  // The end is named in summer time, an hour ahead of UTC.
  const end = new Date(at + 2 * HALF_HOUR_MS);
  const day = Math.floor((end.getTime() - Date.UTC(end.getUTCFullYear(), 0, 1)) / 86_400_000);
  const start = (day + 180) % 365;
  return `WIN0SUM-1,${start}/0,${day}/${end.getUTCHours()}:${end.getUTCMinutes()}`;
}

function suite(start: StartOwn): void {
  test.each([
    ['first', HALF_HOUR_MS, 'SUM'],
    ['second', -HALF_HOUR_MS, 'WIN'],
  ])('is right in an hour that its zone has twice, for the %s time', async (_time, endsInMs, zone) => {
    const server = await start({ timeZone: zoneWhoseSummerEnds(Date.now() + endsInMs) });
    const pool = createPool({ uri: await createDatabase(server), connectionLimit: 1 });
    const barrier = mysql2Barrier({ pool });
    await barrier.createTable();
    await barrier.run(callOf('action'), () => 1);
    const [[row]] = (await pool.query(
      'SELECT changed_at, @@system_time_zone AS zone FROM tercet_barrier',
    )) as unknown as [[{ changed_at: number; zone: string }]];
    expect(row.zone).toBe(zone);
    expect(Math.abs(row.changed_at - Date.now())).toBeLessThan(60_000);
    await pool.end();
    await server.stop();
  });
}

await describeOwn('mysql', "the barrier's clock", suite);
await describeOwn('mariadb', "the barrier's clock", suite);
