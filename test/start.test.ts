/** What stops a start, and the words that say what to do; and the migration that a shared database needs first. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { schemaFault } from '../src/adapters/sql/data-source.ts';
import { openStore } from '../src/adapters/sql/open-store.ts';
import { describeOn } from './support/servers.ts';

const run = promisify(execFile);

/** Runs a program of ours to its end. */
async function outcomeOf(program: 'main' | 'migrate', settings: Record<string, string>) {
  const file = new URL(`../src/${program}.ts`, import.meta.url).pathname;
  const env = { PATH: process.env.PATH, TERCET_PORT: '0', TERCET_DATABASE_WAIT_MS: '0', ...settings };
  try {
    const { stdout } = await run(process.execPath, [file], {
      env,
      // Bounds a hang.
      timeout: 200_000,
    });
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, said: stderr };
  }
}

const UNRELEASED_FAULT = 'was made by an unreleased build of tercet: create an empty database';

async function madeByUnreleasedBuild(databaseUrl: string) {
  const store = await openStore(databaseUrl, 1000);
  await store.dataSource.query(
    'CREATE TABLE migration (id int PRIMARY KEY, timestamp bigint NOT NULL, name varchar(255) NOT NULL)',
  );
  await store.dataSource.query("INSERT INTO migration VALUES (1, 1763683200000, 'Initial1763683200000')");
  return store;
}

describe('a start is refused', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tercet-start-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('when another process has the SQLite file', async () => {
    const databaseUrl = `sqlite:${join(folder, 'taken.sqlite')}`;
    const holder = await openStore(databaseUrl, 1000);
    const { code, said } = await outcomeOf('main', { TERCET_DATABASE_URL: databaseUrl });
    await holder.close();
    expect(code).toBe(1);
    expect(said).toMatch(/taken\.sqlite is in use by another process: a SQLite file belongs to one/);
  });

  test('when a file of credentials of a participant is missing, which is named', async () => {
    const path = join(folder, 'credentials.json');
    const entry = { origins: ['https://inventory.test'], bearerTokenFile: 'token' };
    await writeFile(path, JSON.stringify({ inventory: entry }));
    const { code, said } = await outcomeOf('main', {
      TERCET_DATABASE_URL: `sqlite:${join(folder, 'credentials.sqlite')}`,
      TERCET_PARTICIPANT_CREDENTIALS_FILE: path,
    });
    expect(code).toBe(1);
    expect(said).toMatch(/“inventory”: bearerTokenFile “token” cannot be read: ENOENT.*token/);
  });

  test('when the database cannot be reached', async () => {
    const { code, said } = await outcomeOf('main', {
      TERCET_DATABASE_URL: 'mysql://root@127.0.0.1:9/tercet',
    });
    expect(code).toBe(1);
    expect(said).toMatch(
      /^tercet could not start: the database of TERCET_DATABASE_URL cannot be used: connect ECONNREFUSED 127\.0\.0\.1:9/,
    );
  });

  test('when the port is taken', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
    });
    const settings = {
      TERCET_PORT: String(port),
      TERCET_DATABASE_URL: `sqlite:${join(folder, 'port.sqlite')}`,
    };
    const { code, said } = await outcomeOf('main', settings);
    await new Promise((resolve) => other.close(resolve));
    expect(code).toBe(1);
    expect(said).toMatch(new RegExp(`TERCET_PORT ${port} is in use on 127.0.0.1: .*EADDRINUSE`));
  });

  test('when the folder of the SQLite file does not exist: a misspelt path would begin an empty database', async () => {
    const { code, said } = await outcomeOf('main', {
      TERCET_DATABASE_URL: `sqlite:${join(folder, 'no', 'where.sqlite')}`,
    });
    expect(code).toBe(1);
    expect(said).toMatch(/TERCET_DATABASE_URL cannot be used: there is no folder .*no for the SQLite file/);
  });

  test('when an unreleased build made the SQLite file', async () => {
    const databaseUrl = `sqlite:${join(folder, 'unreleased.sqlite')}`;
    await (await madeByUnreleasedBuild(databaseUrl)).close();
    const { code, said } = await outcomeOf('main', { TERCET_DATABASE_URL: databaseUrl });
    expect(code).toBe(1);
    expect(said).toContain(UNRELEASED_FAULT);
  });

  test('when a setting is wrong, and all faults are told at once', async () => {
    const { code, said } = await outcomeOf('main', { TERCET_PORT: 'many', TERCET_PROT: '1' });
    expect(code).toBe(1);
    expect(said).toMatch(/TERCET_PORT “many” must be a whole number/);
    expect(said).toMatch(/TERCET_PROT is no setting/);
  });
});

describeOn(['mysql', 'mariadb'], 'a shared database', (server) => {
  test('is migrated by a command of its own, once, also when two run it together', async () => {
    const settings = { TERCET_DATABASE_URL: await server.createDatabase() };
    const refused = await outcomeOf('main', settings);
    expect(refused).toMatchObject({
      code: 1,
      said: expect.stringMatching(/lacks \d+ migrations?: run npm run migrate first/),
    });
    const both = await Promise.all([outcomeOf('migrate', settings), outcomeOf('migrate', settings)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ said }) => said).sort()).toEqual([
      expect.stringMatching(/^mysql:\/\/127\.0\.0\.1:\d+\/\w+: ran InitialSchema1796169600000, .*\n$/),
      expect.stringMatching(/^mysql:\/\/127\.0\.0\.1:\d+\/\w+: the schema is up to date\n$/),
    ]);
  });

  test('that a newer version migrated is left alone', async () => {
    const settings = { TERCET_DATABASE_URL: await server.createDatabase() };
    await outcomeOf('migrate', settings);
    const { dataSource, close } = await openStore(settings.TERCET_DATABASE_URL, 1000);
    await dataSource.query(
      "INSERT INTO migration (timestamp, name) VALUES (9999999999999, 'Later9999999999999')",
    );
    await close();
    expect(await outcomeOf('main', settings)).toMatchObject({
      code: 1,
      said: expect.stringMatching(
        /was migrated by a newer version, by Later9999999999999: update this program/,
      ),
    });
  });

  test('that a newer version only expanded is used, and left as it is by migrate', async () => {
    const settings = { TERCET_DATABASE_URL: await server.createDatabase() };
    await outcomeOf('migrate', settings);
    const { dataSource, close } = await openStore(settings.TERCET_DATABASE_URL, 1000);
    await dataSource.query(
      "INSERT INTO migration (timestamp, name) VALUES (9999999999999, 'LaterExpandOnly9999999999999')",
    );
    expect(await schemaFault(dataSource)).toBeNull();
    await close();
    expect((await outcomeOf('migrate', settings)).said).toMatch(/the schema is up to date/);
  });

  test('that an unreleased build made is left alone, by the start and by migrate', async () => {
    const settings = { TERCET_DATABASE_URL: await server.createDatabase() };
    const { dataSource, close } = await madeByUnreleasedBuild(settings.TERCET_DATABASE_URL);
    for (const command of ['main', 'migrate'] as const)
      expect(await outcomeOf(command, settings)).toMatchObject({
        code: 1,
        said: expect.stringContaining(UNRELEASED_FAULT),
      });
    const tables: unknown[] = await dataSource.query('SHOW TABLES');
    await close();
    expect(tables).toHaveLength(1);
  });

  test('that does not exist, or refuses the user, is told with its setting', async () => {
    const url = new URL(server.url);
    url.pathname = '/nowhere';
    expect(await outcomeOf('main', { TERCET_DATABASE_URL: url.href })).toMatchObject({
      code: 1,
      said: expect.stringMatching(/of TERCET_DATABASE_URL cannot be used: Unknown database 'nowhere'/),
    });
    url.username = 'nobody';
    url.password = 'hunter2';
    const { code, said } = await outcomeOf('migrate', { TERCET_DATABASE_URL: url.href });
    expect(code).toBe(1);
    expect(said).toMatch(/Access denied for user 'nobody'/);
    expect(said).not.toContain('hunter2');
  });
});
