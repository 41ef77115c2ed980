// Calls with credentials, to real HTTPS servers that demand a client certificate.
import type { IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { type Credentials, withoutSecrets } from '../../../src/adapters/participant/credentials.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import type { ParticipantCall } from '../../../src/application/ports.ts';
import { newAuthority } from '../../support/certificates.ts';
import { MARKS, marksIn } from '../../support/marks.ts';
import { listening, participantThat } from './http-server.ts';
import { participantCall } from './participant-call.ts';
import { tunnel } from './tunnel.ts';

const authority = newAuthority('an authority of this test');
const clients = newAuthority('an authority of clients');
const certificate = () => clients.certify(['tercet']);

type Seen = {
  readonly socket: TLSSocket;
  /** The serial number of the client's certificate; undefined without one. */
  readonly serial: string | undefined;
  readonly headers: IncomingMessage['headers'];
};

let registry: MemoryParticipantRegistry;
let open: { close(): Promise<void> }[];
let seen: Seen[];
beforeEach(() => {
  registry = new MemoryParticipantRegistry();
  [open, seen] = [[], []];
});
afterEach(async () => {
  for (const one of open.reverse()) await one.close();
});

async function opened<One extends { close(): Promise<void> }>(starting: Promise<One>): Promise<One> {
  const one = await starting;
  open.push(one);
  return one;
}

/** @param answer when given, answers in place of an empty 200 */
async function secureServer({
  isRequired = true,
  hosts = ['127.0.0.1'],
  certifier = authority,
  answer = async () => {},
}: {
  isRequired?: boolean;
  hosts?: string[];
  certifier?: typeof authority;
  answer?: (seen: Seen) => Promise<void>;
} = {}): Promise<string> {
  const options = { requestCert: true, rejectUnauthorized: isRequired, ca: clients.cert };
  const server = createSecureServer(
    { ...certifier.certify(hosts), ...options },
    async (request, response) => {
      const socket = request.socket as TLSSocket;
      const one = {
        socket,
        serial: socket.getPeerCertificate()?.serialNumber,
        headers: request.headers,
      };
      seen.push(one);
      await answer(one);
      response.end();
    },
  );
  const { url } = await opened(listening(server));
  return url.replace('http:', 'https:');
}

const credentials = (origin: string, more: Partial<Credentials> = {}): Credentials => ({
  origins: [origin],
  headers: [],
  secrets: [],
  tls: { onlyCa: null, cert: null, key: null },
  ...more,
});

const withCertificate = (origin: string, { cert, key } = certificate()) =>
  credentials(origin, { tls: { onlyCa: null, cert, key } });

function clientWith(
  byName: Record<string, Credentials | null>,
  more: Partial<ConstructorParameters<typeof HttpParticipantClient>[0]> = {},
) {
  const client = new HttpParticipantClient({
    registry,
    ca: authority.cert,
    maxIdleConnections: 4,
    credentials: new Map(Object.entries(byName)),
    ...more,
  });
  open.push(client);
  return client;
}

async function register(baseUrl: string | readonly string[], name = 'inventory') {
  await registry.put({ name, baseUrls: [baseUrl].flat(), paths: {}, callTimeoutMs: null });
}

const callTo = (client: HttpParticipantClient, more: Partial<ParticipantCall> = {}) =>
  client.call(participantCall(more));

describe('a client certificate', () => {
  test('is presented to its participant, on connections that are kept', async () => {
    const url = await secureServer();
    await register(url);
    const own = certificate();
    const client = clientWith({ inventory: withCertificate(url, own) });
    for (const op of ['try', 'confirm', 'notify'] as const)
      expect(await callTo(client, { op })).toMatchObject({ httpStatus: 200 });
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
    expect(seen[0]?.serial).toBeTruthy();
  });

  test('is not that of another participant on the same origin, nor of its connections', async () => {
    const url = await secureServer({ isRequired: false });
    for (const name of ['inventory', 'payment', 'shipping']) await register(url, name);
    const client = clientWith({ inventory: withCertificate(url), payment: withCertificate(url) });
    // Each finds the idle connections of those before it.
    for (const participant of ['inventory', 'shipping', 'payment', 'inventory', 'shipping', 'payment'])
      expect(await callTo(client, { participant })).toMatchObject({ httpStatus: 200 });
    const serials = seen.map(({ serial }) => serial);
    expect(serials.slice(3)).toEqual(serials.slice(0, 3));
    expect(serials[1]).toBeUndefined();
    expect(new Set(serials).size).toBe(3);
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(3);
  });

  test('that is demanded and absent, or of another authority, is an unknown reply', async () => {
    const url = await secureServer();
    await register(url);
    const stranger = newAuthority('a stranger').certify(['tercet']);
    for (const client of [clientWith({}), clientWith({ inventory: withCertificate(url, stranger) })])
      expect(await callTo(client)).toMatchObject({ httpStatus: null });
    expect(seen).toEqual([]);
  });

  test('that is replaced is used by the next call, while calls under way end with the former', async () => {
    let release = () => {};
    const isHeld = new Promise<void>((resolve) => {
      release = resolve;
    });
    let hold: ((one: Seen) => void) | null = null;
    const isSeen = new Promise<Seen>((resolve) => {
      hold = resolve;
    });
    const url = await secureServer({
      async answer(one) {
        hold?.(one);
        if (hold !== null) await isHeld;
      },
    });
    await register(url);
    const client = clientWith({ inventory: withCertificate(url) });
    const former = callTo(client);
    const { serial } = await isSeen;
    hold = null;
    client.useCredentials(new Map([['inventory', withCertificate(url)]]));
    expect(await callTo(client)).toMatchObject({ httpStatus: 200 });
    release();
    expect(await former).toMatchObject({ httpStatus: 200 });
    expect(await callTo(client)).toMatchObject({ httpStatus: 200 });
    const serials = seen.map((one) => one.serial);
    expect(serials[0]).toBe(serial);
    expect(serials[1]).not.toBe(serial);
    expect(serials[2]).toBe(serials[1]);
    // Connections that were made with the former carry nothing more.
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(2);
  });

  test('that does not change keeps its connections when others do', async () => {
    const url = await secureServer();
    await register(url);
    const own = withCertificate(url);
    const client = clientWith({ inventory: own });
    await callTo(client);
    client.useCredentials(
      new Map([
        ['inventory', structuredClone(own)],
        ['payment', withCertificate(url)],
      ]),
    );
    await callTo(client);
    expect(new Set(seen.map(({ socket }) => socket)).size).toBe(1);
  });
});

test('with an authority of its own, a certificate of any other is not accepted', async () => {
  const own = newAuthority('the own authority of inventory');
  const [fine, other] = [await secureServer({ certifier: own, isRequired: false }), await secureServer()];
  const client = clientWith({
    inventory: credentials(fine, {
      origins: [fine, other],
      tls: { onlyCa: own.cert, cert: null, key: null },
    }),
  });
  await register(fine);
  expect(await callTo(client)).toMatchObject({ httpStatus: 200 });
  await register(other);
  expect(await callTo(client)).toMatchObject({ httpStatus: null });
});

describe('headers', () => {
  const secret = `Bearer ${MARKS.token}`;
  const withHeaders = (origin: string) =>
    credentials(origin, {
      headers: ['X-Tenant', 'acme', 'authorization', secret],
      secrets: [MARKS.token],
    });

  test('are sent with each call of the participant, signed or not, and with no other call', async () => {
    const participant = await opened(participantThat((response) => response.end()));
    for (const name of ['inventory', 'payment']) await register(participant.url, name);
    const client = clientWith({ inventory: withHeaders(participant.url) });
    for (const op of ['try', 'cancel', 'notify'] as const) await callTo(client, { op });
    await callTo(client, { participant: 'payment' });
    const sent = participant.received.map(({ headers }) => [headers.authorization, headers['x-tenant']]);
    expect(sent).toEqual([...Array(3).fill([secret, 'acme']), [undefined, undefined]]);
    // What the protocol says is as it was.
    expect(participant.received[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'tcc-op': 'try',
    });
  });

  test('that are replaced are sent from the next call on, and none once they are removed', async () => {
    const participant = await opened(participantThat((response) => response.end()));
    await register(participant.url);
    const client = clientWith({ inventory: withHeaders(participant.url) });
    await callTo(client);
    const next = credentials(participant.url, { headers: ['authorization', 'Bearer next'] });
    client.useCredentials(new Map([['inventory', next]]));
    await callTo(client);
    client.useCredentials(new Map());
    await callTo(client);
    expect(participant.received.map(({ headers }) => headers.authorization)).toEqual([
      secret,
      'Bearer next',
      undefined,
    ]);
  });

  test.each([
    ['a reason', 409, 'text/plain'],
    ['a result', 200, 'application/json'],
    ['the body of an error', 500, 'text/plain'],
  ])('that the participant repeats in %s are hidden there', async (_what, status, type) => {
    const participant = await opened(
      participantThat((response, { headers }) =>
        response
          .writeHead(status, { 'content-type': type })
          .end(JSON.stringify({ got: headers.authorization })),
      ),
    );
    await register(participant.url);
    const client = clientWith({ inventory: withHeaders(participant.url) }, { keepsErrorBodies: true });
    const answer = await callTo(client, { isResultWanted: true });
    expect(marksIn(JSON.stringify(answer))).toEqual([]);
    expect(JSON.stringify(answer)).toContain('[hidden]');
  });
});

test('a secret that an answer was cut off in is hidden too', () => {
  const secret = 'abcdefghijklmnop';
  expect(withoutSecrets(`${secret} ${secret.slice(0, 12)}`, [secret])).toBe('[hidden] [hidden]');
  expect(withoutSecrets(`not ${secret.slice(0, 7)}`, [secret])).toBe('not abcdefg');
  expect(withoutSecrets(`${secret.slice(0, 12)}…`, [secret])).toBe('[hidden]…');
});

describe('a secret that an answer repeats in JSON is hidden', () => {
  const secret = 'abc/def+ghi=jkl"mno';

  test.each([
    ['as JSON.stringify writes it', 'abc/def+ghi=jkl\\"mno'],
    ['as PHP writes it', 'abc\\/def+ghi=jkl\\"mno'],
    ['as .NET writes it', 'abc/def\\u002Bghi=jkl\\u0022mno'],
    ['as Gson writes it', 'abc/def+ghi\\u003djkl\\"mno'],
    ['in JSON within JSON', 'abc\\\\\\/def\\\\u002bghi=jkl\\\\\\"mno'],
  ])('%s', (_, written) => {
    const body = (value: string) => `{"detail":"the key ${value} is \\"old\\"","at":"C:\\\\x"}`;
    expect(withoutSecrets(body(written), [secret])).toBe(body('[hidden]'));
  });

  test('also where it was cut off within an escape', () => {
    expect(withoutSecrets('{"detail":"abc\\/def\\u00', [secret])).toBe('{"detail":"abc\\/def\\u00');
    expect(withoutSecrets('{"detail":"abc\\/def\\u002bg\\', [secret])).toBe('{"detail":"[hidden]');
  });
});

test('a secret that begins as another does leaves nothing of that one', () => {
  expect(withoutSecrets('abcdefghijkl', ['abcdefgh', 'abcdefghijkl'])).toBe('[hidden]');
});

describe('a call to an origin that the credentials are not for', () => {
  test('is not sent, and the reply names the origin', async () => {
    const [fine, other] = [
      await opened(participantThat((response) => response.end())),
      await opened(participantThat((response) => response.end())),
    ];
    const client = clientWith({ inventory: credentials(fine.url, { headers: ['x-key', 'some'] }) });
    await register(`${other.url}/tcc`);
    expect(await callTo(client)).toEqual({
      httpStatus: null,
      answer: `the credentials of participant “inventory” are not for ${other.url}: not sent`,
      retryAfterMs: null,
    });
    expect(other.received).toEqual([]);
    await register(`${fine.url}/tcc`);
    expect(await callTo(client)).toMatchObject({ httpStatus: 200 });
  });

  test('counts against its address, so that others are called', async () => {
    const fine = await opened(participantThat((response) => response.end()));
    const own = credentials(fine.url, { headers: ['x-key', 'some'] });
    const client = clientWith({ inventory: own }, { elapsedMs: () => 0 });
    await register(['http://127.0.0.1:1', fine.url]);
    const statuses = [];
    for (let calls = 0; calls < 20; calls += 1) statuses.push((await callTo(client)).httpStatus);
    expect(statuses.filter((status) => status !== 200)).toHaveLength(3);
  });

  test('is not sent either where only its scheme, its port or the dot of its host differ', async () => {
    const client = clientWith({ inventory: credentials('https://stock.test') });
    for (const url of ['http://stock.test', 'https://stock.test:8443', 'https://stock.test.']) {
      await register(url);
      expect((await callTo(client)).answer).toContain('are not for');
    }
  });
});

test('nothing is sent to a participant whose credentials cannot be used', async () => {
  const participant = await opened(participantThat((response) => response.end()));
  await register(participant.url);
  expect(await callTo(clientWith({ inventory: null }))).toMatchObject({
    httpStatus: null,
    answer: 'the credentials of participant “inventory” cannot be used: not sent',
  });
  expect(participant.received).toEqual([]);
});

describe('through a proxy with TLS', () => {
  let asked: { serial: string | undefined; authorization: string | undefined }[];
  let url: string;
  beforeEach(async () => {
    asked = [];
    const options = { requestCert: true, rejectUnauthorized: false, ca: clients.cert };
    const server = createSecureServer({ ...authority.certify(['127.0.0.1']), ...options });
    server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
      const { serialNumber: serial } = (incoming.socket as TLSSocket).getPeerCertificate();
      asked.push({ serial, authorization: incoming.headers.authorization });
      tunnel(incoming, socket);
    });
    url = (await opened(listening(server))).url.replace('http:', 'https:');
  });

  test('certificate and headers reach the participant, and not the proxy', async () => {
    const direct = await secureServer({ hosts: ['stock.shop.test'] });
    const origin = direct.replace('127.0.0.1', 'stock.shop.test');
    await register(origin);
    const { tls } = withCertificate(origin);
    const client = clientWith(
      { inventory: credentials(origin, { tls, headers: ['authorization', 'Bearer some'] }) },
      { proxy: { url, except: [], allowedHosts: ['*.shop.test'] } },
    );
    expect(await callTo(client)).toMatchObject({ httpStatus: 200 });
    expect(seen).toMatchObject([{ serial: expect.any(String), headers: { authorization: 'Bearer some' } }]);
    expect(asked).toEqual([{ serial: undefined, authorization: undefined }]);
  });
});
