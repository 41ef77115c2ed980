// Calls through a real HTTP proxy: the tunnel, the complete URL, and who may be called so.
import { createServer, type IncomingMessage, request } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import type { HttpAnswer } from '../../../src/application/ports.ts';
import { newAuthority } from '../../support/certificates.ts';
import { listening, type Participant, participantThat } from './http-server.ts';
import { participantCall } from './participant-call.ts';
import { tunnel } from './tunnel.ts';

type Asked = { readonly line: string; readonly authorization: string | undefined };

let registry: MemoryParticipantRegistry;
let open: { close(): Promise<void> }[];
/** What the proxy was asked. */
let asked: Asked[];
let proxyUrl: string;
/** What the proxy answers to CONNECT. */
let connectStatus: number;

const authority = newAuthority('an authority of this test');

beforeEach(async () => {
  registry = new MemoryParticipantRegistry();
  [open, asked, connectStatus] = [[], [], 200];
  proxyUrl = (await proxy()).url;
});
afterEach(async () => {
  for (const one of open.reverse()) await one.close();
});

/** Reaches 127.0.0.1 under every name, as only a proxy could. */
async function proxy() {
  const note = ({ method, url, headers }: IncomingMessage) =>
    asked.push({ line: `${method} ${url}`, authorization: headers['proxy-authorization'] });
  const server = createServer((incoming, response) => {
    note(incoming);
    const { port, pathname } = new URL(incoming.url ?? '');
    const options = { port, path: pathname, method: incoming.method, headers: incoming.headers };
    const onwards = request({ host: '127.0.0.1', ...options }, (answer) => {
      response.writeHead(answer.statusCode ?? 0);
      answer.pipe(response);
    });
    incoming.pipe(onwards);
  });
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    note(incoming);
    if (connectStatus !== 200) return socket.end(`HTTP/1.1 ${connectStatus} No\r\ncontent-length: 0\r\n\r\n`);
    tunnel(incoming, socket);
  });
  return opened(listening(server));
}

async function opened<One extends { close(): Promise<void> }>(starting: Promise<One>): Promise<One> {
  const one = await starting;
  open.push(one);
  return one;
}

function clientWith(proxy: { url?: string; except?: string[]; allowedHosts?: string[] } = {}) {
  const client = new HttpParticipantClient({
    registry,
    ca: authority.cert,
    maxIdleConnections: 2,
    proxy: { url: proxyUrl, except: [], allowedHosts: ['*.shop.test'], ...proxy },
  });
  open.push(client);
  return client;
}

async function called(client: HttpParticipantClient, baseUrl: string): Promise<HttpAnswer> {
  await registry.put({ name: 'inventory', baseUrls: [baseUrl], paths: {}, callTimeoutMs: null });
  return client.call(participantCall());
}

const inShop = (participant: Participant) => participant.url.replace('127.0.0.1', 'stock.shop.test');

describe('through a proxy', () => {
  test('a participant without TLS is called by its complete URL, each call on the same connection', async () => {
    const participant = await opened(participantThat((response) => response.end()));
    const client = clientWith({ url: proxyUrl.replace('//', '//ann:p%40ss@') });
    for (const _ of [1, 2])
      expect(await called(client, `${inShop(participant)}/tcc/`)).toMatchObject({ httpStatus: 200 });
    const line = `POST ${inShop(participant)}/tcc/reserve/try`;
    const authorization = `Basic ${Buffer.from('ann:p@ss').toString('base64')}`;
    expect(asked).toEqual([1, 2].map(() => ({ line, authorization })));
    expect(participant.received[0]).toMatchObject({
      url: '/tcc/reserve/try',
      headers: { host: new URL(inShop(participant)).host },
    });
  });

  test('a participant with TLS is called in a tunnel: its certificate is verified, and it sees no password', async () => {
    const headers: IncomingMessage['headers'][] = [];
    const server = createSecureServer(authority.certify(['stock.shop.test']), (incoming, response) => {
      headers.push(incoming.headers);
      response.end();
    });
    const { port } = new URL((await opened(listening(server))).url);
    const client = clientWith({ url: proxyUrl.replace('//', '//ann:secret@') });
    expect(await called(client, `https://stock.shop.test:${port}`)).toMatchObject({ httpStatus: 200 });
    expect(await called(client, `https://other.shop.test:${port}`)).toMatchObject({
      httpStatus: null,
      answer: expect.stringContaining('other.shop.test'),
    });
    expect(asked.map(({ line }) => line)).toEqual([
      `CONNECT stock.shop.test:${port}`,
      `CONNECT other.shop.test:${port}`,
    ]);
    expect(asked[0]?.authorization).toMatch(/^Basic /);
    expect(headers).toHaveLength(1);
    expect(headers[0]).not.toHaveProperty('proxy-authorization');
  });

  test('a host that is not on the allow-list is not called', async () => {
    for (const url of ['http://169.254.169.254', 'http://stock.other.test:1', 'https://other.test'])
      expect(await called(clientWith(), url)).toEqual({
        httpStatus: null,
        answer: `${new URL(url).host} is not called through the proxy: TERCET_ALLOWED_HOSTS lacks it`,
        retryAfterMs: null,
      });
    expect(asked).toEqual([]);
  });

  test('a host that is excepted is called directly, and forbidden addresses are noticed', async () => {
    const participant = await opened(participantThat((response) => response.end()));
    const client = clientWith({ except: ['127.0.0.1', '169.254.1.1'] });
    expect(await called(client, participant.url)).toMatchObject({ httpStatus: 200 });
    expect(await called(client, 'http://169.254.1.1')).toMatchObject({
      answer: '169.254.1.1 is a link-local address, which is never called',
    });
    expect(asked).toEqual([]);
  });

  test('what goes wrong at the proxy is said to be its fault', async () => {
    connectStatus = 407;
    const { host } = new URL(proxyUrl);
    expect(await called(clientWith(), 'https://stock.shop.test')).toMatchObject({
      httpStatus: null,
      answer: `proxy ${host}: 407 to CONNECT stock.shop.test:443`,
    });
    await open.find((one) => 'url' in one && one.url === proxyUrl)?.close();
    for (const scheme of ['http', 'https'])
      expect(await called(clientWith(), `${scheme}://stock.shop.test`)).toMatchObject({
        answer: `proxy ${host}: connect ECONNREFUSED ${host}`,
      });
  });
});
