/**
 * Real servers for tests. Where a server cannot be had, its tests are skipped with the reason in their title; under CI
 * the run fails instead.
 *
 * - `describeOn(['mysql', 'mariadb'], …)`: the servers that the whole run shares (global-setup.ts); a database each.
 * - `await describeOwn('mysql', …)`: for tests that kill and restart; each start is a server of its own.
 */
import { describe } from '@jest/globals';
import { createDatabase } from '../../scripts/servers/database.ts';
import { obtainServer } from '../../scripts/servers/obtain.ts';
import { type RunningServer, type StartOptions, startServer } from '../../scripts/servers/run.ts';
import type { ServerName } from '../../scripts/servers/servers.ts';
import { publishedServer } from './servers/published.ts';

export type SharedServer = {
  readonly name: ServerName;
  readonly url: string;
  readonly version: string;
  /** A new, empty database of a SQL server; its URL. In Redis, keys with a prefix of their own do instead. */
  createDatabase(): Promise<string>;
};

export type StartOwn = (options?: StartOptions) => Promise<RunningServer>;

/** Defines the suite once for each of the servers. */
export function describeOn(
  names: readonly ServerName[],
  title: string,
  suite: (server: SharedServer) => void,
): void {
  for (const name of names) {
    const found = publishedServer(name);
    const { url } = found;
    if (url === null) skipOrFail(name, found.reason, title, () => suite({ name, ...absent }));
    else {
      const server = { name, url, version: found.version, createDatabase: () => createDatabase({ url }) };
      describe(`${title} (${name})`, () => suite(server));
    }
  }
}

/** Needs `await` at the top of a test file, before its other suites. The suite stops what it starts. */
export async function describeOwn(
  name: ServerName,
  title: string,
  suite: (start: StartOwn) => void,
): Promise<void> {
  const obtained = await obtainServer(name, { own: true });
  const start: StartOwn = (options) => startServer(obtained, options);
  if (obtained.from !== 'nowhere') return describe(`${title} (${name})`, () => suite(start));
  skipOrFail(name, obtained.reason, title, () => suite(start));
}

// The tests of a skipped suite are defined, so that they are counted, but not run.
const absent = {
  url: '',
  version: '',
  createDatabase: () => Promise.reject(new Error('the server is absent')),
};

/** Whoever sets TERCET_TEST_SERVERS chose what is left out; without it nothing is left out under CI. */
function skipOrFail(name: ServerName, reason: string, title: string, suite: () => void): void {
  if (process.env.CI && process.env.TERCET_TEST_SERVERS === undefined) {
    throw new Error(`no ${name} for the tests, and CI is set: ${reason}`);
  }
  describe.skip(`${title} (${name}) skipped: ${reason}`, suite);
}
