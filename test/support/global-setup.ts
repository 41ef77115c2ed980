/**
 * Before the first test: starts the servers that the run shares, at the same time, and publishes their URLs.
 * TERCET_TEST_SERVERS lists them (`mysql,mariadb,redis,postgres` unless set), `none` for no server at all.
 */
import { obtainServer } from '../../scripts/servers/obtain.ts';
import { type RunningServer, startServer } from '../../scripts/servers/run.ts';
import type { ServerName } from '../../scripts/servers/servers.ts';
import { type Published, publish } from './servers/published.ts';
import { type SelectedRun, wantedServers } from './servers/wanted.ts';

/** Left for global-teardown.ts, which Jest loads apart. */
declare global {
  var tercetRunServers: RunningServer[] | undefined;
}

export default async function startRunServers(run: SelectedRun): Promise<void> {
  globalThis.tercetRunServers = [];
  const names = wantedServers(run, process.env);
  const published = await Promise.all(names.map(async (name) => [name, await startOne(name)] as const));
  publish(Object.fromEntries(published));
}

async function startOne(name: ServerName): Promise<Published> {
  const obtained = await obtainServer(name);
  if (obtained.from === 'nowhere') return refuse(name, obtained.reason);
  const server = await startServer(obtained);
  globalThis.tercetRunServers?.push(server);
  return { url: server.url, version: server.version };
}

function refuse(name: ServerName, reason: string): Published {
  if (process.env.CI) throw new Error(`no ${name} for the tests, and CI is set: ${reason}`);
  process.stderr.write(`no ${name}, so the tests on it are skipped: ${reason}\n`);
  return { url: null, reason };
}
