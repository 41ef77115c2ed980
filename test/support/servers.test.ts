import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { createDatabase } from '../../scripts/servers/database.ts';
import { commandIn, obtainServer } from '../../scripts/servers/obtain.ts';
import { type RunningServer, startServer } from '../../scripts/servers/run.ts';
import { wantedServers } from './servers/wanted.ts';
import { describeOn, describeOwn } from './servers.ts';
import { until } from './until.ts';

describe('a run starts', () => {
  const rootDir = dirname(dirname(import.meta.dirname));
  const selecting = (pattern: RegExp) => ({
    rootDir,
    testPathPatterns: { toExecutor: () => ({ isMatch: (path: string) => pattern.test(path) }) },
  });

  test('all servers when a selected test uses one', () => {
    expect(wantedServers(selecting(/tcp-proxy/), {})).toEqual(['mysql', 'mariadb', 'redis', 'postgres']);
  });

  test('none that is never shared, also when it is listed', () => {
    expect(() => wantedServers(selecting(/./), { TERCET_TEST_SERVERS: 'prometheus' })).toThrow(
      "'prometheus'",
    );
  });

  test('no server when none does', () => {
    expect(wantedServers(selecting(/test\/servers\.test/), {})).toEqual([]);
  });

  test('those that the environment lists', () => {
    expect(wantedServers(selecting(/./), { TERCET_TEST_SERVERS: 'none' })).toEqual([]);
    expect(wantedServers(selecting(/./), { TERCET_TEST_SERVERS: 'redis' })).toEqual(['redis']);
    expect(wantedServers(selecting(/./), { TERCET_TEST_SERVERS: 'postgres' })).toEqual(['postgres']);
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

describeOn(['postgres'], 'a shared server', (server) => {
  test('gives each caller an empty database, and loses no commit', async () => {
    const [one, two] = [await server.createDatabase(), await server.createDatabase()];
    expect(one).toMatch(/^postgres:\/\/.+\/tercet_[0-9a-f]+$/);
    expect(one).not.toBe(two);
    expect(await answersAt(one, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    expect(await answersAt(one, settingsSql)).toEqual([
      { fsync: 'on', commit: 'on', pages: 'on', encoding: 'UTF8' },
    ]);
  });

  test('answers the version that was published', async () => {
    const [row] = await answersAt(server.url, 'SELECT version() AS version');
    expect(row?.version).toContain(`PostgreSQL ${server.version.split(' ')[0]}`);
  });
});

const settingsSql = `
  SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
    current_setting('full_page_writes') AS pages, current_setting('server_encoding') AS encoding`;

await describeOwn('postgres', 'a server of our own', (start) => {
  let server: RunningServer | undefined;

  afterEach(() => server?.stop());

  test('keeps what was committed over a crash, on the same port', async () => {
    server = await start({ flags: ['-c', 'max_connections=17'] });
    const url = await createDatabase(server);
    await answersAt(url, 'CREATE TABLE note (id INT PRIMARY KEY)');
    await answersAt(url, 'INSERT INTO note VALUES (1)');
    await server.kill();
    expect(server.pid).toBeNull();
    await expect(answersAt(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    const sql = "SELECT id, current_setting('max_connections') AS connections FROM note";
    expect(await answersAt(url, sql)).toEqual([{ id: 1, connections: '17' }]);
  });

  test('restarts in order while a client stays', async () => {
    server = await start();
    const client = new Client({ connectionString: server.url });
    const ended = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await server.restart();
    expect(await ended).toMatchObject({ code: '57P01' });
    expect(await answersAt(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('is reached over loopback only, by one rule, and by no socket of the file system', async () => {
    server = await start();
    const sql = `
      SELECT type, address, auth_method AS method, current_setting('listen_addresses') AS listens,
        current_setting('unix_socket_directories') AS sockets FROM pg_hba_file_rules`;
    expect(await answersAt(server.url, sql)).toEqual([
      { type: 'host', address: '127.0.0.1', method: 'trust', listens: '127.0.0.1', sockets: '' },
    ]);
  });

  test('is gone, with all of its processes, when its owner is killed with -9', async () => {
    const pids = await killedOwner();
    expect(pids.length).toBeGreaterThan(1);
    await until('all of them are gone', () => !pids.some(isAlive));
  });

  // What is unpacked runs by its own loader: here by that of the machine, where PostgreSQL is installed.
  test('runs where it was only unpacked, also from folders that others may not enter', async () => {
    const obtained = await obtainServer('postgres', { own: true });
    if (obtained.from !== 'path' && obtained.from !== 'cache') throw new Error('no PostgreSQL');
    const root = obtained.root ?? '/';
    const command = commandIn(root, 'postgres');
    // Other systems than Debian install it elsewhere, and unpack none.
    if (command === null) return;
    await withCache(async () => {
      server = await startServer({ ...obtained, root, command });
      expect(await answersAt(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });
});

/** A cache of its own, as a folder that lets only its owner in, so that nothing in it was initialised before. */
async function withCache(act: () => Promise<void>): Promise<void> {
  const before = process.env.TERCET_SERVER_CACHE;
  const cache = mkdtempSync(join(tmpdir(), "tercet-test of one's own-"));
  process.env.TERCET_SERVER_CACHE = cache;
  try {
    await act();
  } finally {
    if (before === undefined) delete process.env.TERCET_SERVER_CACHE;
    else process.env.TERCET_SERVER_CACHE = before;
    rmSync(cache, { recursive: true, force: true });
  }
}

/** @returns the processes of the server that it had started */
async function killedOwner(): Promise<number[]> {
  const scripts = join(dirname(dirname(import.meta.dirname)), 'scripts/servers');
  const program = `
    import { obtainServer } from ${JSON.stringify(join(scripts, 'obtain.ts'))};
    import { startServer } from ${JSON.stringify(join(scripts, 'run.ts'))};
    const server = await startServer(await obtainServer('postgres', { own: true }));
    console.log(server.pid);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<string>((resolve) =>
    owner.stdout.once('data', (chunk) => resolve(`${chunk}`)),
  );
  const family = psOf('-o', 'pid=', '--pid', pid.trim(), '--ppid', pid.trim());
  owner.kill('SIGKILL');
  return family.trim().split(/\s+/).map(Number);
}

const isAlive = (pid: number): boolean => /^[^Z\s]/.test(psOf('-o', 'stat=', '--pid', String(pid)).trim());

/** Empty when there is no such process, which ps calls a failure. */
const psOf = (...args: readonly string[]): string =>
  execFileSync('/bin/sh', ['-c', 'ps "$@" || true', 'ps', ...args], { encoding: 'utf8' });

async function answersAt(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

await describeOwn('mysql', 'a server of our own', (start) => {
  let server: RunningServer | undefined;

  afterEach(() => server?.stop());

  test('has a temporary folder of its own: at its start MariaDB deletes the temporary tables in there', async () => {
    server = await start();
    const rows = await rowsAt(
      await createDatabase(server),
      'SELECT @@tmpdir AS temporary, @@datadir AS data',
    );
    const [{ temporary, data }] = rows as [{ temporary: string; data: string }];
    expect(dirname(data)).toBe(temporary);
  });

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

await describeOwn('prometheus', 'a server of our own', (start) => {
  let server: RunningServer | undefined;

  afterEach(() => server?.stop());

  test('answers queries, before a crash and after it', async () => {
    server = await start({ flags: ['--config.file=/dev/null'] });
    expect(server.version).toMatch(/^\d+\.\d+/);
    const url = `${server.url}/api/v1/query?query=vector(7)`;
    const answer = { status: 'success', data: { result: [{ value: [expect.any(Number), '7'] }] } };
    expect(await (await fetch(url)).json()).toMatchObject(answer);
    await server.kill();
    await expect(fetch(url)).rejects.toThrow();
    await server.restart();
    expect(await (await fetch(url)).json()).toMatchObject(answer);
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
