import { dirname } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { createDatabase } from '../../scripts/servers/database.ts';
import type { RunningServer } from '../../scripts/servers/run.ts';
import { wantedServers } from './servers/wanted.ts';
import { describeOn, describeOwn } from './servers.ts';

describe('a run starts', () => {
  const rootDir = dirname(dirname(import.meta.dirname));
  const selecting = (pattern: RegExp) => ({
    rootDir,
    testPathPatterns: { toExecutor: () => ({ isMatch: (path: string) => pattern.test(path) }) },
  });

  test('all servers when a selected test uses one', () => {
    expect(wantedServers(selecting(/tcp-proxy/), {})).toEqual(['mysql', 'mariadb', 'redis']);
  });

  test('no server when none does', () => {
    expect(wantedServers(selecting(/test\/servers\.test/), {})).toEqual([]);
  });

  test('those that the environment lists', () => {
    expect(wantedServers(selecting(/./), { TERCET_TEST_SERVERS: 'none' })).toEqual([]);
    expect(wantedServers(selecting(/./), { TERCET_TEST_SERVERS: 'redis' })).toEqual(['redis']);
    expect(() => wantedServers(selecting(/./), { TERCET_TEST_SERVERS: 'oracle' })).toThrow("'oracle'");
  });
});

describeOn(['mysql', 'mariadb'], 'a shared server', (server) => {
  test('gives each caller an empty database, and loses no commit', async () => {
    const [one, two] = [await server.createDatabase(), await server.createDatabase()];
    expect(one).not.toBe(two);
    expect(await rowsAt(one, 'SHOW TABLES')).toEqual([]);
    const settings =
      'SELECT @@log_bin AS log, @@sync_binlog AS sync, @@innodb_flush_log_at_trx_commit AS flush';
    expect(await rowsAt(one, settings)).toEqual([{ log: 1, sync: 1, flush: 1 }]);
  });
});

await describeOwn('mysql', 'a server of our own', (start) => {
  let server: RunningServer | undefined;

  afterEach(() => server?.stop());

  test('keeps what was committed over a crash, on the same port', async () => {
    server = await start({ flags: ['--max-connections=17'] });
    const url = await createDatabase(server);
    await rowsAt(url, 'CREATE TABLE note (id INT PRIMARY KEY)');
    await rowsAt(url, 'INSERT INTO note VALUES (1)');
    await server.kill();
    expect(server.pid).toBeNull();
    await expect(rowsAt(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    expect(await rowsAt(url, 'SELECT id, @@max_connections AS connections FROM note')).toEqual([
      { id: 1, connections: 17 },
    ]);
  });
});

async function rowsAt(url: string, sql: string): Promise<unknown> {
  const connection = await createConnection(url);
  try {
    return (await connection.query(sql))[0];
  } finally {
    connection.destroy();
  }
}
