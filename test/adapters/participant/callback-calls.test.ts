// Sagas and their ends over real HTTP: what who takes part, and who hears of the end, really receives.
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EndingNotice } from '@tercet/sdk/wire';
import { Webhook } from 'standardwebhooks';
import { Value } from 'typebox/value';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { MemoryTransactionStore } from '../../../src/adapters/memory/transaction-store.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import { systemChance, systemTime } from '../../../src/adapters/system.ts';
import type { Engine } from '../../../src/application/engine.ts';
import type { BeginRequest } from '../../../src/application/requests.ts';
import { noObserver, testEngine } from '../../support/engine.ts';
import { policy } from '../../support/saves.ts';
import { type Participant, participantThat, type Received } from './http-server.ts';
import { NO_TRACE } from '../../../src/application/trace-context.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

let server: Participant;
let answer: (response: ServerResponse, received: Received) => void;
let store: MemoryTransactionStore;
let registry: MemoryParticipantRegistry;
let client: HttpParticipantClient;
let engine: Engine;
/** Told of each change that is durable. */
let onSaved: () => void;

beforeEach(async () => {
  answer = (response) => response.end('{"id":"r-1"}');
  server = await participantThat((response, received) => answer(response, received));
  [store, registry] = [new MemoryTransactionStore(), new MemoryParticipantRegistry()];
  onSaved = () => {};
  client = new HttpParticipantClient({ registry, ca: null, maxIdleConnections: 256 });
  for (const [name, secrets] of [
    ['shop', []],
    ['billing', [SECRET]],
  ] as const)
    await registry.put({
      name,
      baseUrls: [`${server.url}/${name}`],
      paths: {},
      callTimeoutMs: null,
      secrets,
    });
  const retry = { firstDelayMs: 10, maxDelayMs: 10, budgetMs: 3000 };
  engine = testEngine({
    store,
    registry,
    participants: client,
    time: systemTime,
    chance: systemChance,
    observer: { ...noObserver, saved: () => onSaved() },
    settings: { policy: { ...policy, callTimeoutMs: 60_000, retry } },
  });
});
afterEach(async () => {
  await engine.stop();
  await server.close();
  await client.close();
});

const step = (branchId: string, payload: unknown = {}) => ({
  branchId,
  participant: 'shop',
  activity: branchId,
  payload,
});

/** Begins a transaction, and answers it when nothing is owed for it any more. */
async function runOut(request: BeginRequest) {
  const atRest = new Promise<void>((resolve) => {
    onSaved = () => {
      if (store.isAtRest) resolve();
    };
  });
  const outcome = await engine.coordinator.begin(request, null, { ...NO_TRACE, traceparent: TRACEPARENT });
  if (!outcome.accepted) throw new Error(outcome.code);
  const { gid } = outcome.saved.tx;
  await atRest;
  const tx = (await store.load(gid))?.tx;
  if (tx === undefined) throw new Error('it is gone');
  return { gid, tx };
}

const notices = () => server.received.filter(({ url }) => url?.endsWith('/notify'));

describe('who hears of the end', () => {
  const callback = { participant: 'billing', activity: 'orders' };
  const branches = [step('reserve')];

  test('is called about the whole, and of no branch and no deadline', async () => {
    const { gid } = await runOut({ branches, callback });
    expect(notices()).toHaveLength(1);
    const { method, url, headers, body } = notices()[0] as Received;
    expect([method, url]).toEqual(['POST', '/billing/orders/notify']);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'tcc-transaction-id': gid,
      'tcc-op': 'notify',
      'tcc-attempt': '1',
      'idempotency-key': `${gid}/notify`,
      traceparent: TRACEPARENT,
    });
    for (const absent of ['tcc-branch-id', 'tcc-deadline', 'authorization'])
      expect(headers).not.toHaveProperty(absent);
    expect([...Value.Errors(EndingNotice, JSON.parse(body))]).toEqual([]);
  });

  test('is called by a path of its own where it has registered one', async () => {
    const billing = await registry.find('billing');
    if (billing === null) throw new Error('it is registered');
    await registry.put({ ...billing, paths: { 'orders/notify': '/hooks/tercet' } });
    await runOut({ branches, callback });
    expect(server.received.at(-1)?.url).toBe('/billing/hooks/tercet');
  });

  test('has a signed notice, each attempt anew under one id, where it has a secret', async () => {
    const answers = [500, 200];
    answer = (response, { url }) => {
      if (url?.endsWith('/notify')) response.statusCode = answers.shift() ?? 200;
      response.end();
    };
    const { gid } = await runOut({ branches, callback });
    expect(notices().map(({ headers }) => headers['tcc-attempt'])).toEqual(['1', '2']);
    for (const { headers, body } of notices()) {
      expect(headers['webhook-id']).toBe(`${gid}/notify`);
      const signed = new Webhook(SECRET).verify(body, {
        'webhook-id': String(headers['webhook-id']),
        'webhook-timestamp': String(headers['webhook-timestamp']),
        'webhook-signature': String(headers['webhook-signature']),
      });
      expect(signed).toMatchObject({ gid, status: 'confirmed' });
    }
    expect(server.received[0]?.headers).not.toHaveProperty('webhook-id');
  });

  test('and answers 202 has heard', async () => {
    answer = (response, { url }) => {
      response.statusCode = url?.endsWith('/notify') ? 202 : 200;
      response.end();
    };
    const { tx } = await runOut({ branches, callback });
    expect(notices()).toHaveLength(1);
    expect(tx.notification).toMatchObject({ reply: 'succeeded', answer: '202', attemptCount: 1 });
  });

  test('and does not answer in time is called again', async () => {
    let isSilent = true;
    answer = (response, { url }) => {
      if (url?.endsWith('/notify') && isSilent) isSilent = false;
      else response.end();
    };
    const billing = await registry.find('billing');
    if (billing === null) throw new Error('it is registered');
    // Longer than an answer takes on a slow machine.
    await registry.put({ ...billing, callTimeoutMs: 1500 });
    const { tx } = await runOut({ branches, callback });
    expect(notices().length).toBeGreaterThanOrEqual(2);
    expect(new Set(notices().map(({ body }) => body)).size).toBe(1);
    expect(tx.notification).toMatchObject({ reply: 'succeeded', attemptCount: notices().length });
  });

  test('is told of a cancel, too', async () => {
    answer = (response, { url }) => {
      response.statusCode = url?.endsWith('/try') ? 409 : 200;
      response.end();
    };
    await runOut({ branches, callback });
    expect(JSON.parse(notices()[0]?.body ?? '')).toMatchObject({
      status: 'cancelled',
      reason: 'try_refused',
    });
  });
});

describe('a step of a saga', () => {
  const saga = (...branches: object[]) => ({ pattern: 'saga', branches }) as BeginRequest;

  test('is called with the results that it refers to, in its action and in its compensation', async () => {
    answer = (response, { url }) => {
      response.statusCode = url === '/shop/pay/action' ? 409 : 200;
      response.end('{"id":"r-1"}');
    };
    const { gid, tx } = await runOut(saga(step('reserve'), step('pay', { for: { $from: 'reserve.id' } })));
    expect(tx.status).toBe('cancelled');
    expect(server.received.map(({ url, body }) => `${url} ${body}`)).toEqual([
      '/shop/reserve/action {}',
      '/shop/pay/action {"for":"r-1"}',
      '/shop/pay/compensate {"for":"r-1"}',
      '/shop/reserve/compensate {}',
    ]);
    expect(server.received[2]?.headers).toMatchObject({
      'tcc-op': 'compensate',
      'tcc-branch-id': 'pay',
      'idempotency-key': `${gid}/pay/compensate`,
      'tcc-deadline': new Date(tx.deadlineAt).toISOString(),
    });
  });

  test.each([
    [
      'over 4 KiB',
      JSON.stringify({ id: 'x'.repeat(4096) }),
      '200, but its result is over 4096 bytes, or no UTF-8',
    ],
    ['that is no JSON', '<p>done</p>', '200, but its result is not JSON'],
    ['that lacks it', '{"ID":1}', '200, but its result lacks what a later step refers to: reserve.id'],
  ])('whose result is one %s has not succeeded, and is asked again', async (_what, body, told) => {
    const bodies = [body];
    answer = (response) => response.end(bodies.shift() ?? '{"id":1}');
    const { gid, tx } = await runOut(saga(step('reserve'), step('pay', { for: { $from: 'reserve.id' } })));
    expect(tx.status).toBe('confirmed');
    expect(server.received.map(({ url }) => url)).toEqual([
      '/shop/reserve/action',
      '/shop/reserve/action',
      '/shop/pay/action',
    ]);
    const attempts = (await store.journalOf(gid)).flatMap(({ entries }) => entries.attempts ?? []);
    expect(attempts[0]).toMatchObject({
      httpStatus: 200,
      reply: 'unknown',
      error: told.replace('200, but ', ''),
    });
  });

  test('may answer more than 4 KiB where nobody refers to it', async () => {
    answer = (response) => response.end('x'.repeat(10_000));
    expect((await runOut(saga(step('reserve'), step('pay')))).tx.status).toBe('confirmed');
  });
});
