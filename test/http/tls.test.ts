// The listener with a certificate: HTTPS, and nothing but HTTPS.
import { once } from 'node:events';
import { get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { answerClientError } from '../../src/http/plugins/problems.ts';
import { newAuthority } from '../support/certificates.ts';
import { openWorld, type World } from './world.ts';

const authority = newAuthority('authority of the listener');

let world: World;
let port: number;
beforeAll(async () => {
  world = await openWorld({ tls: authority.certify(['localhost']) });
  await world.app.listen({ port: 0, host: '127.0.0.1' });
  ({ port } = world.app.server.address() as AddressInfo);
});
afterAll(() => world.close());

async function statusOf(options: {
  ca?: string;
  maxVersion?: 'TLSv1.1' | 'TLSv1.3';
}): Promise<number | undefined> {
  const request = get({ host: 'localhost', family: 4, port, path: '/livez', agent: false, ...options });
  const [response] = await once(request, 'response');
  response.resume();
  return response.statusCode;
}

test('a client that trusts the authority is served', async () => {
  expect(await statusOf({ ca: authority.cert })).toBe(200);
});

test('a client that trusts another authority closes the connection', async () => {
  await expect(statusOf({ ca: newAuthority('another authority').cert })).rejects.toThrow(/certificate/);
});

test('a version of TLS that is no longer safe is refused', async () => {
  await expect(statusOf({ ca: authority.cert, maxVersion: 'TLSv1.1' })).rejects.toThrow();
});

test('a client that sends plain HTTP is disconnected, and others are served after it', async () => {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  expect(answer).not.toContain('HTTP/1.1');
  expect(await statusOf({ ca: authority.cert })).toBe(200);
});

test('a client that never shakes hands is disconnected', () => {
  const socket = new TLSSocket(new Socket(), { isServer: true });
  answerClientError(Object.assign(new Error('timeout'), { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' }), socket);
  expect(socket.destroyed).toBe(true);
});

test('the limits on the arrival of a request hold as for plain HTTP', () => {
  const { headersTimeout, requestTimeout } = world.app.server;
  expect([headersTimeout, requestTimeout]).toEqual([30_000, 30_000]);
});
