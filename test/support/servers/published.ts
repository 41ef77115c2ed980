/** What the run has started, told by global-setup.ts to the workers that run test files, through the environment. */
import type { ServerName } from '../../../scripts/servers/servers.ts';

export type Published =
  | { readonly url: string; readonly version: string }
  | { readonly url: null; readonly reason: string };

const variable = 'TERCET_TEST_RUN_SERVERS';

export function publish(servers: { readonly [name in ServerName]?: Published }): void {
  process.env[variable] = JSON.stringify(servers);
}

export function publishedServer(name: ServerName): Published {
  const servers: { [name in ServerName]?: Published } = JSON.parse(process.env[variable] ?? '{}');
  return servers[name] ?? { url: null, reason: 'this run did not start it; see TERCET_TEST_SERVERS' };
}
