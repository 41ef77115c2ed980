/**
 * `node src/healthcheck.ts`: the HEALTHCHECK of the image. Exit code 0 if the coordinator of this container answers `/livez`,
 * else 1 with the reason.
 *
 * `/livez` and not `/readyz`: an orchestrator may replace a container that is unhealthy, and no restart of a coordinator brings
 * back a database that is away. A coordinator listens only once it has opened its database and checked the schema, so the
 * first success also means that it is ready.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { isIPv6 } from 'node:net';
import { reasonOf } from './wire/error-fields/fields.ts';
import { listenerTlsOf, readSettings } from './environment.ts';
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

function livezOf(settings: Settings): string {
  const { host, port } = settings;
  if (port === 0)
    throw new Error('TERCET_PORT is 0, so the port is not known: set the port to check it by this command');
  const address = LOOPBACK[host] ?? host;
  const scheme = listenerTlsOf(settings) === null ? 'http' : 'https';
  return `${scheme}://${isIPv6(address) ? `[${address}]` : address}:${port}/livez`;
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { get } = url.startsWith('https:') ? https : http;
    // The certificate is for the names that clients use, and nothing secret is sent.
    const options = { agent: false, timeout: TIMEOUT_MS, rejectUnauthorized: false };
    const request = get(url, options, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within ${TIMEOUT_MS} ms`)));
    request.on('error', reject);
  });
}
