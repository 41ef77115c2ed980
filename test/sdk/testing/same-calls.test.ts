// The coordinator of a test world calls its participants as a real one does over HTTP: the same requests, and the same
// understanding of what is answered.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Participant, ParticipantAnswer, ParticipantRequest } from '@tercet/sdk';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret } from '@tercet/sdk/signature';
import { ParticipantGateway } from '../../../sdk/src/testing/participant-gateway.ts';
import { newWorldTime } from '../../../sdk/src/testing/world-time.ts';
import { ParticipantCalls } from '../../../sdk/src/testing/participant-calls.ts';
import { Scripts } from '../../../sdk/src/testing/script.ts';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import type { ParticipantCall } from '../../../src/application/ports.ts';
import { everyRoute, payment } from './shop.ts';

const requests: ParticipantRequest[] = [];
let answer: ParticipantAnswer | null = null;
const participant: Participant = {
  contract: payment,
  routes: everyRoute(payment),
  async handle(request) {
    requests.push(request);
    return answer;
  },
};
const registry = new MemoryParticipantRegistry();
const scripts = new Scripts(newWorldTime());

/** What the participant answers, over either way; 'lost' when the connection breaks before that is heard. */
const answers: Readonly<Record<string, ParticipantAnswer | null | 'lost'>> = {
  'a success': { status: 200, headers: { 'content-type': 'application/json' }, body: '{"holdId":"1"}' },
  'a success without a body': { status: 204, headers: {}, body: '' },
  'that it is at work': { status: 202, headers: { 'retry-after': '3' }, body: '' },
  'a refusal': { status: 409, headers: {}, body: '{"code":"refused"}' },
  'that it cannot': { status: 503, headers: { 'retry-after': '0' }, body: 'no' },
  'a Retry-After that is none': { status: 503, headers: { 'retry-after': 'soon' }, body: '' },
  'more than is read': { status: 200, headers: {}, body: 'x'.repeat(64 * 1024 + 1) },
  'as much as is read': { status: 200, headers: {}, body: 'x'.repeat(64 * 1024) },
  'nothing, since it has no such activity': null,
  'what nobody hears': 'lost',
};

const call: ParticipantCall = {
  gid: '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60',
  branchId: 'money',
  op: 'confirm',
  kind: 'tcc',
  attempt: 3,
  participant: 'payment',
  activity: 'hold',
  payload: '{"cents":9,"note":"日本"}',
  isResultWanted: false,
  timeoutMs: 5000,
  deadlineAt: Date.UTC(2026, 0, 1),
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  tracestate: 'a=1',
  baggage: 'tenant=7',
};

let server: Server;
let http: HttpParticipantClient;
let inWorld: ParticipantCalls;

beforeAll(async () => {
  // A listener is mounted with it, as services do it.
  const routes = [...participant.routes, { activity: 'hold', op: 'notify' } as const];
  const serve = nodeHttpParticipant({ ...participant, routes });
  server = createServer(async (request, response) => {
    if (isLost) response.destroy();
    if (!(await serve(request, response))) response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  http = new HttpParticipantClient({ registry, ca: null, maxIdleConnections: 1 });
  const worldTime = newWorldTime();
  inWorld = new ParticipantCalls({
    participants: new Map([['payment', { name: 'payment', handle: participant.handle }]]),
    registry,
    clock: worldTime.clock,
    gateway: new ParticipantGateway({ worldTime, scripts }),
  });
});

afterAll(async () => {
  await http.close();
  await new Promise((resolve) => server.close(resolve));
});

let isLost = false;

beforeEach(() => {
  requests.length = 0;
  isLost = false;
  scripts.at('payment', 'confirm', null).succeed();
});

async function register(secrets: readonly string[]): Promise<void> {
  const { port } = server.address() as { port: number };
  const baseUrls = [`http://127.0.0.1:${port}`];
  await registry.put({ name: 'payment', baseUrls, paths: {}, callTimeoutMs: null, secrets });
}

/** Less what HTTP alone is about. */
const seen = ({ method, path, headers, body }: ParticipantRequest) => {
  const { host, connection, accept, 'content-length': _length, ...rest } = headers;
  const { 'user-agent': _agent, 'accept-encoding': _encoding, ...own } = rest;
  return { method, path, headers: own, body };
};

describe('what a participant answers is understood the same:', () => {
  for (const [name, given] of Object.entries(answers)) {
    test(name, async () => {
      await register([]);
      isLost = given === 'lost';
      answer = given === 'lost' ? { status: 200, headers: {}, body: '' } : given;
      if (isLost) scripts.at('payment', 'confirm', null).loseReply();
      const activity = given === null ? 'unknown' : call.activity;
      const heard = await inWorld.call({ ...call, activity });
      const { origin: _origin, ...heardOverHttp } = await http.call({ ...call, activity });
      expect(heard).toEqual(heardOverHttp);
    });
  }
});

describe('the text of a result is heard the same, where it is wanted:', () => {
  test.each([
    ['a result', '{"holdId":"日本"}'],
    ['as much as is kept', 'x'.repeat(4096)],
    ['more than is kept, in bytes', 'é'.repeat(2049)],
    ['nothing', ''],
  ])('%s', async (_what, body) => {
    await register([]);
    answer = { status: 200, headers: {}, body };
    const wanted = { ...call, op: 'action', isResultWanted: true } as const;
    const heard = await inWorld.call(wanted);
    expect(heard).toEqual(await http.call(wanted));
    expect('body' in heard).toBe(Buffer.byteLength(body) <= 4096);
  });
});

describe('what a participant is sent is the same', () => {
  test('where it is told of the end, which is about no branch', async () => {
    await register([]);
    answer = { status: 200, headers: {}, body: '' };
    const notice = { ...call, op: 'notify', branchId: null } as const;
    await inWorld.call(notice);
    await http.call(notice);
    const [ofWorld, ofHttp] = requests.map(seen);
    expect(ofWorld).toEqual(ofHttp);
    expect(ofWorld).toMatchObject({
      path: '/hold/notify',
      headers: { 'idempotency-key': `${call.gid}/notify` },
    });
  });

  test('where calls are not signed', async () => {
    await register([]);
    answer = { status: 200, headers: {}, body: '' };
    await inWorld.call(call);
    await http.call({ ...call });
    const [ofWorld, ofHttp] = requests.map(seen);
    expect(ofWorld).toEqual(ofHttp);
    expect(Object.keys(ofWorld?.headers ?? {})).toHaveLength(11);
  });

  test('where they are signed, but for the instant', async () => {
    await register([newSecret(), newSecret()]);
    await inWorld.call(call);
    await http.call(call);
    const [ofWorld, ofHttp] = requests.map((request) => Object.keys(request.headers));
    expect(ofHttp).toEqual(expect.arrayContaining(ofWorld ?? []));
    expect(ofWorld).toEqual(expect.arrayContaining(['webhook-id', 'webhook-timestamp', 'webhook-signature']));
  });
});
