/**
 * `node src/healthcheck.ts`: the HEALTHCHECK of the image. Exit code 0 if the coordinator of this container answers `/livez`,
 * else 1 with the reason.
 *
 * `/livez` and not `/readyz`: an orchestrator may replace a container that is unhealthy, and no restart of a coordinator brings
 * back a database that is away. A coordinator listens only once it has opened its database and checked the schema, so the
 * first success also means that it is ready.
 */
import { get } from 'node:http';
import { isIPv6 } from 'node:net';
import { reasonOf } from './wire/error-fields/fields.ts';
import { readSettings } from './environment.ts';
import type { Settings } from './settings.ts';

/** Shorter than the `--timeout` of the HEALTHCHECK, so that the reason is printed. */
const TIMEOUT_MS = 3000;

/** Where a process of the same container reaches an address that listens on all interfaces. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

try {
  const url = livezOf(readSettings());
  const status = await statusOf(url);
  if (status !== 200) throw new Error(`${url} answered ${status}`);
} catch (error) {
  process.stderr.write(`unhealthy: ${reasonOf(error)}\n`);
  process.exit(1);
}

function livezOf({ host, port }: Settings): string {
  if (port === 0)
    throw new Error('TERCET_PORT is 0, so the port is not known: set the port to check it by this command');
  const address = LOOPBACK[host] ?? host;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}/livez`;
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within ${TIMEOUT_MS} ms`)));
    request.on('error', reject);
  });
}
