/** The listener of a real process: HTTPS by files of the settings, the names that it serves, and its health check. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newAuthority } from './support/certificates.ts';
import { CoordinatorProcess } from './support/coordinator-process.ts';
import { until } from './support/until.ts';

const authority = newAuthority('authority of the listener');
const { cert, key } = authority.certify(['localhost']);

let folder: string;
let settings: Record<string, string>;
let coordinator: CoordinatorProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tercet-listener-'));
  settings = {
    TERCET_PORT: '0',
    TERCET_DATABASE_URL: `sqlite:${join(folder, 'tercet.sqlite')}`,
    TERCET_TLS_CERT_FILE: written('cert.pem', cert),
    TERCET_TLS_KEY_FILE: written('key.pem', key),
    TERCET_API_TOKENS_FILE: written('tokens', 'first-token-of-the-file'),
  };
  coordinator = new CoordinatorProcess(settings);
  await coordinator.start();
});
afterAll(async () => {
  await coordinator.remove();
  rmSync(folder, { recursive: true });
});

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

let servedFingerprint = '';

const port = () => new URL(coordinator.url).port;

async function statusOf(path: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const options = {
    host: 'localhost',
    servername: 'localhost',
    family: 4,
    port: port(),
    path,
    agent: false,
    ca: authority.cert,
    headers,
  };
  const [response] = await once(get(options), 'response');
  const { socket } = response as { socket: TLSSocket };
  servedFingerprint = socket.getPeerCertificate().fingerprint256;
  response.resume();
  return response.statusCode;
}

test('HTTPS is served by the certificate of the settings, and said so', async () => {
  expect(await statusOf('/livez')).toBe(200);
  expect(coordinator.printed).toContain(`tercet is ready on https://127.0.0.1:`);
});

test('a Host that is not of this machine is refused', async () => {
  expect(await statusOf('/livez', { host: 'attacker.example' })).toBe(421);
});

test('the health check asks by HTTPS', async () => {
  const file = join(import.meta.dirname, '../src/healthcheck.ts');
  const env = { ...settings, TERCET_PORT: port() };
  await expect(promisify(execFile)(process.execPath, [file], { env })).resolves.toMatchObject({ stderr: '' });
});

test('tokens and certificate are replaced without a restart', async () => {
  const statusBy = (token: string) => statusOf('/v1/transactions', { authorization: `Bearer ${token}` });
  expect(await statusBy('first-token-of-the-file')).toBe(200);
  written('tokens', 'second-token-of-the-file');
  await until('the new token is accepted', async () => (await statusBy('second-token-of-the-file')) === 200);
  expect(await statusBy('first-token-of-the-file')).toBe(401);
  const next = authority.certify(['localhost']);
  written('key.pem', next.key);
  written('cert.pem', next.cert);
  const { fingerprint256 } = new X509Certificate(next.cert);
  await until('the new certificate is served', async () => {
    await statusOf('/livez');
    return servedFingerprint === fingerprint256;
  });
});
