/** Credentials of participants in a real process: sent, replaced without a restart, and shown nowhere. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listening } from './adapters/participant/http-server.ts';
import { tracingTo } from './observability/otel/trace-reader.ts';
import { newAuthority } from './support/certificates.ts';
import { CoordinatorProcess } from './support/coordinator-process.ts';
import { MARKS, marksIn } from './support/marks.ts';
import { until } from './support/until.ts';

const authority = newAuthority('authority of the participant');
const clients = newAuthority('authority of its clients');

type Seen = { readonly serial: string; readonly headers: IncomingMessage['headers'] };

let folder: string;
let coordinator: CoordinatorProcess;
let open: { close(): Promise<void> }[];
let origin: string;
let seen: Seen[];
/** What the participant answers; its body repeats every header that it was sent. */
let status: number;
/** All that was sent to the collector of traces. */
let traced: string;

const written = (name: string, content: string): string => {
  const path = join(folder, name);
  // No reader finds half a file.
  writeFileSync(`${path}.next`, content);
  renameSync(`${path}.next`, path);
  return path;
};

function writeCertificate(): void {
  const { cert, key } = clients.certify(['tercet']);
  written('key.pem', key);
  written('cert.pem', cert);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-credentials-'));
  [seen, status, traced, open] = [[], 200, '', []];
  const options = { ...authority.certify(['127.0.0.1']), requestCert: true, ca: clients.cert };
  const participant = await listening(
    createSecureServer(options, (request, response) => {
      const { serialNumber: serial } = (request.socket as TLSSocket).getPeerCertificate();
      seen.push({ serial, headers: request.headers });
      response.writeHead(status, { 'content-type': 'text/plain' }).end(JSON.stringify(request.headers));
    }),
  );
  const collector = await listening(
    createServer(async (request, response) => {
      traced += await text(request);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    }),
  );
  open.push(participant, collector);
  origin = participant.url.replace('http:', 'https:');
  writeCertificate();
  written('token', MARKS.token);
  written('api-key', MARKS.header);
  const entry = {
    origins: [origin],
    bearerTokenFile: 'token',
    headerFiles: { 'X-Api-Key': 'api-key' },
    clientCertificateFile: 'cert.pem',
    clientKeyFile: 'key.pem',
    caFile: written('ca.pem', authority.cert),
  };
  coordinator = new CoordinatorProcess({
    TERCET_PORT: '0',
    TERCET_DATABASE_URL: `sqlite:${join(folder, 'tercet.sqlite')}`,
    TERCET_LOG_LEVEL: 'trace',
    TERCET_KEEP_ERROR_BODIES: 'true',
    TERCET_RETRY_FIRST_DELAY_MS: '10',
    TERCET_RETRY_MAX_DELAY_MS: '50',
    TERCET_PARTICIPANT_CREDENTIALS_FILE: written(
      'credentials.json',
      JSON.stringify({ inventory: entry, nobody: { origins: ['https://nobody.test'] } }),
    ),
    ...tracingTo(collector.url, 'tercet'),
  });
  await coordinator.start();
  await register(origin);
});
afterAll(async () => {
  // It throws when a mark was printed.
  await coordinator.remove();
  for (const one of open) await one.close();
  rmSync(folder, { recursive: true });
});

async function ask(method: string, path: string, body?: object) {
  const response = await fetch(`${coordinator.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return response.text();
}

const register = (baseUrl: string) => ask('PUT', '/v1/participants/inventory', { baseUrl });

async function begin(): Promise<string> {
  const branches = [{ branchId: 'stock', participant: 'inventory', activity: 'reserve' }];
  const callback = { participant: 'inventory', activity: 'order' };
  return JSON.parse(await ask('POST', '/v1/transactions', { branches, callback })).gid;
}

const view = async (gid: string) => JSON.parse(await ask('GET', `/v1/transactions/${gid}`));

const confirmed = (gid: string) =>
  until(`${gid} is confirmed`, async () => (await view(gid)).status === 'confirmed');

test('calls and the callback carry headers, token and certificate', async () => {
  const gid = await begin();
  await until('it is notified', () => seen.some(({ headers }) => headers['tcc-op'] === 'notify'));
  await confirmed(gid);
  for (const { serial, headers } of seen) {
    expect(serial).not.toBe('');
    expect(headers).toMatchObject({ authorization: `Bearer ${MARKS.token}`, 'x-api-key': MARKS.header });
  }
  expect(coordinator.printed).toMatch(
    /"participant":"nobody".*credentials of a participant that is not registered/,
  );
});

test('token and certificate are replaced without a restart, while calls run', async () => {
  const [first] = seen;
  written('token', `next-${MARKS.token}`);
  writeCertificate();
  await until('the new ones are used', async () => {
    await confirmed(await begin());
    const { serial, headers } = seen.at(-1) as Seen;
    return serial !== first?.serial && headers.authorization === `Bearer next-${MARKS.token}`;
  });
  rmSync(join(folder, 'token'));
  await until('the fault is logged', () => /participants cannot be reloaded/.test(coordinator.printed));
  await confirmed(await begin());
  expect(seen.at(-1)?.headers.authorization).toBe(`Bearer next-${MARKS.token}`);
});

test('no view, event, problem, metric, span or log has a secret, also where the participant repeats it', async () => {
  status = 409;
  const refused = await begin();
  await until('it is refused', async () => (await view(refused)).decision?.decision === 'cancel');
  status = 500;
  const failing = await begin();
  await until('a body is kept', async () =>
    (await ask('GET', `/v1/transactions/${failing}/events`)).includes('[hidden]'),
  );
  await register('https://127.0.0.1:1');
  const wrong = await begin();
  await until('the origin is named', async () =>
    (await ask('GET', `/v1/transactions/${wrong}/events`)).includes('are not for https://127.0.0.1:1'),
  );
  await register(origin);
  status = 200;
  const shown = [
    await ask('PUT', '/v1/participants/inventory', { baseUrl: 'nonsense' }),
    await ask('POST', '/v1/participants/inventory/retry'),
    ...(await Promise.all(
      ['/v1/participants', '/v1/participants/inventory', '/v1/transactions', '/metrics', '/readyz'].map(
        (path) => ask('GET', path),
      ),
    )),
    ...(await Promise.all(
      [refused, failing, wrong].flatMap((gid) =>
        ['', '/events', '/path'].map((rest) => ask('GET', `/v1/transactions/${gid}${rest}`)),
      ),
    )),
  ];
  await until('spans are received', () => traced.includes(failing));
  expect([...shown, traced, coordinator.printed].flatMap(marksIn)).toEqual([]);
});
