// Registering participants over HTTP.
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import type { Logger } from 'pino';
import { MemoryParticipantRegistry } from '../../src/adapters/memory/participant-registry.ts';
import { whyNeverCalled } from '../../src/adapters/participant/forbidden-addresses.ts';
import { Coordinator, type CoordinatorParts } from '../../src/application/coordinator.ts';
import { StoreUnavailable } from '../../src/application/ports.ts';
import { buildApp } from '../../src/http/app.ts';
import { ApiTokens } from '../../src/http/plugins/api-tokens.ts';
import type { App } from '../../src/http/typed-app.ts';
import { StateLog } from '../../src/observability/state-log.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Standard Webhooks: whsec_ and base64. */
const secretOf = (byteCount: number) => `whsec_${randomBytes(byteCount).toString('base64')}`;

let registry: MemoryParticipantRegistry;
let app: App;
/** The participants whose circuits were closed. */
let closedCircuits: string[];
/** The participants that count as recovered. */
let recovered: string[];
let clock: VirtualClock;
/** All that is logged, at the finest level. */
let logged: string;
beforeEach(async () => {
  registry = new MemoryParticipantRegistry();
  [closedCircuits, recovered] = [[], []];
  clock = new VirtualClock();
  logged = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk;
      done();
    },
  });
  const logger = Fastify({ logger: { stream, level: 'trace' } }).log;
  // These routes need nothing else of it.
  const parts = {
    registry,
    observer: new StateLog(logger as Logger),
    gate: { close: (name: string) => closedCircuits.push(name) },
    time: clock,
    onRecovered: (name: string) => recovered.push(name),
  };
  const coordinator = new Coordinator(parts as unknown as CoordinatorParts);
  app = await buildApp({
    coordinator,
    checkReady: async () => 'ready' as const,
    apiTokens: new ApiTokens([]),
    maxCallTimeoutMs: 60_000,
    participantConcurrency: 256,
    whyNeverCalled,
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    logger,
    logsRequests: true,
  });
});
afterEach(() => app.close());

const put = (name: string, body: object | string) =>
  app.inject({
    method: 'PUT',
    url: `/v1/participants/${name}`,
    headers: { 'content-type': 'application/json' },
    payload: body,
  });
const read = async (path: string) =>
  (await app.inject({ method: 'GET', url: `/v1/participants${path}` })).json();

test('a participant is registered, read and replaced', async () => {
  const first = await put('shipping', { baseUrl: 'http://ship.test:8080/tcc/' });
  expect(first.statusCode).toBe(201);
  expect(first.headers.location).toBe('/v1/participants/shipping');
  expect(first.json()).toEqual({
    name: 'shipping',
    baseUrls: ['http://ship.test:8080/tcc/'],
    paths: {},
    activities: {},
    callTimeoutMs: null,
    maxConcurrentCalls: null,
    maxCallsPerSecond: null,
    secretCount: 0,
  });

  const moved = {
    baseUrls: ['https://ship2.test', 'https://ship3.test/tcc'],
    paths: { 'open/try': '/shipments/drafts?v=2' },
    activities: { open: 'tcc', send: 'final' },
    callTimeoutMs: 60_000,
    maxConcurrentCalls: 256,
    maxCallsPerSecond: 50,
  };
  const second = await put('shipping', moved);
  expect(second.statusCode).toBe(200);
  expect(await read('/shipping')).toEqual({ name: 'shipping', ...moved, secretCount: 0 });
  // What its old address failed says nothing of the new one.
  expect(closedCircuits).toEqual(['shipping', 'shipping']);
  // Once every replica has read the new one.
  expect(recovered).toEqual([]);
  clock.pass(1500);
  expect(recovered).toEqual(['shipping']);
});

test('what is read can be sent again, and its secrets stay as they are', async () => {
  await put('shipping', { baseUrl: 'http://ship.test', secrets: [secretOf(24)] });
  const { name, secretCount, ...rest } = await read('/shipping');
  expect((await put(name, rest)).json()).toEqual({ name, ...rest, secretCount: 1 });
  expect(secretCount).toBe(1);
});

test('limits of calls stay when an address is corrected, and go when they are null', async () => {
  const limits = { maxConcurrentCalls: 3, maxCallsPerSecond: 20 };
  await put('shipping', { baseUrl: 'http://a.test', ...limits });
  expect((await put('shipping', { baseUrl: 'http://b.test' })).json()).toMatchObject(limits);
  const changed = { maxConcurrentCalls: null, maxCallsPerSecond: 5 };
  expect((await put('shipping', { baseUrl: 'http://b.test', ...changed })).json()).toMatchObject(changed);
  expect(await read('/shipping')).toMatchObject(changed);
});

test('paths and the call time-out stay when an address is corrected, and go when none are wanted', async () => {
  const own = { paths: { 'open/try': '/drafts' }, callTimeoutMs: 700 };
  await put('shipping', { baseUrl: 'http://a.test', ...own });
  expect((await put('shipping', { baseUrl: 'http://b.test' })).json()).toMatchObject(own);
  expect((await put('shipping', { baseUrl: 'http://b.test', paths: {} })).json()).toMatchObject({
    paths: {},
    callTimeoutMs: 700,
  });
  expect((await put('shipping', { baseUrl: 'http://b.test', callTimeoutMs: null })).json()).toMatchObject({
    paths: {},
    callTimeoutMs: null,
  });
});

describe('the participants are listed', () => {
  const pageOf = async (query: string) => {
    const { participants, nextCursor } = await read(query);
    return { names: participants.map(({ name }: { name: string }) => name), nextCursor };
  };
  beforeEach(async () => {
    for (const name of ['payment', 'inventory', 'Bank']) await put(name, { baseUrl: 'http://a.test' });
  });

  test('by name', async () => {
    expect(await pageOf('')).toEqual({ names: ['Bank', 'inventory', 'payment'], nextCursor: null });
  });

  test('in pages, each of which starts after the last name of the one before', async () => {
    const first = await pageOf('?limit=2');
    expect(first.names).toEqual(['Bank', 'inventory']);
    await put('inventory-2', { baseUrl: 'http://a.test' });
    const second = await pageOf(`?limit=2&cursor=${first.nextCursor}`);
    expect(second).toEqual({ names: ['inventory-2', 'payment'], nextCursor: null });
  });

  test('50 a page when no limit is given', async () => {
    for (let n = 0; n < 50; n += 1) await put(`many-${n}`, { baseUrl: 'http://a.test' });
    const { names, nextCursor } = await pageOf('');
    expect(names.length).toBe(50);
    expect((await pageOf(`?cursor=${nextCursor}`)).names.length).toBe(3);
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['cursor=x', 'cursor'],
    ['cursor=', 'cursor'],
    ['page=2', 'page'],
  ])('but not with ?%s', async (query, parameter) => {
    const refused = await app.inject({ method: 'GET', url: `/v1/participants?${query}` });
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ code: 'invalid_request', errors: [{ parameter }] });
  });
});

describe('a registration', () => {
  /** A body of this many bytes. */
  const bodyOf = (byteCount: number): string => {
    const paths: Record<string, string> = {};
    const body = () => JSON.stringify({ baseUrl: 'http://a.test', paths });
    for (let n = 0; body().length < byteCount - 1100; n += 1)
      paths[`reserve${n}/try`] = `/${'x'.repeat(900)}`;
    paths['last/try'] = '/';
    paths['last/try'] += 'x'.repeat(byteCount - body().length);
    return body();
  };

  test('of 16 KiB is taken', async () => {
    expect((await put('shipping', bodyOf(16 * 1024))).statusCode).toBe(201);
  });

  test('over 16 KiB is refused, and nothing is stored', async () => {
    const refused = await put('shipping', bodyOf(16 * 1024 + 1));
    expect(refused.statusCode).toBe(413);
    expect(refused.json()).toMatchObject({
      code: 'registration_too_large',
      title: 'The registration of the participant is over 16 KiB',
    });
    expect(await registry.find('shipping')).toBeNull();
  });
});

async function expectRefused(body: object, fault: object): Promise<void> {
  const refused = await put('shipping', body);
  expect(refused.statusCode).toBe(400);
  expect(refused.json()).toMatchObject({ code: 'invalid_request', errors: [fault] });
  expect(await registry.find('shipping')).toBeNull();
}

describe('an address is refused, and nothing is stored, when it', () => {
  test.each([
    ['is no address', 'inventory:8080'],
    ['is not http', 'ftp://inventory.test'],
    ['names a user', 'http://user:secret@inventory.test'],
    ['has a query', 'http://inventory.test/?a=1'],
    ['has a fragment', 'http://inventory.test/#a'],
    ['has an impossible port', 'http://inventory.test:99999'],
    ['holds a blank', 'http://inventory.test/a b'],
    ['holds a line break', 'http://inventory.test/\r\nx: y'],
    ['is not ASCII', 'http://склад.test'],
    ['is never called', 'http://169.254.169.254/latest'],
  ])('%s', async (_why, baseUrl) => {
    await expectRefused({ baseUrl }, { pointer: '#/baseUrl' });
    await expectRefused({ baseUrls: ['http://a.test', baseUrl] }, { pointer: '#/baseUrls/1' });
  });
});

test('an address that is never called is refused in words', async () => {
  await expectRefused(
    { baseUrl: 'http://0xA9FEA9FE' },
    { detail: '169.254.169.254 is a link-local address, which is never called' },
  );
});

describe('a request is refused when it has', () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => `http://a${at}.test`);

  test.each([
    ['no address', {}, '#/baseUrl', 'is required, or baseUrls for several addresses'],
    [
      'both baseUrl and baseUrls',
      { baseUrl: 'http://a.test', baseUrls: ['http://a.test'] },
      '#/baseUrl',
      'must not be given together with baseUrls',
    ],
    ['an empty list of addresses', { baseUrls: [] }, '#/baseUrls', /fewer than 1/],
    ['more than 16 addresses', { baseUrls: many(17) }, '#/baseUrls', /more than 16/],
    ['an address twice', { baseUrls: ['http://a.test', 'http://a.test'] }, '#/baseUrls', /duplicate/],
    ['a limit of 0', { baseUrl: 'http://a.test', maxConcurrentCalls: 0 }, '#/maxConcurrentCalls', />= 1/],
    ['a rate of 0', { baseUrl: 'http://a.test', maxCallsPerSecond: 0 }, '#/maxCallsPerSecond', />= 1/],
    [
      'more concurrent calls than the coordinator makes',
      { baseUrl: 'http://a.test', maxConcurrentCalls: 257 },
      '#/maxConcurrentCalls',
      /at most 256/,
    ],
    ['a call time-out of 0', { baseUrl: 'http://a.test', callTimeoutMs: 0 }, '#/callTimeoutMs', />= 1/],
    [
      'a call time-out that the coordinator does not allow',
      { baseUrl: 'http://a.test', callTimeoutMs: 60_001 },
      '#/callTimeoutMs',
      'is longer than the coordinator allows: at most 60000',
    ],
  ])('%s', async (_what, body, pointer, detail) => {
    await expectRefused(body, {
      pointer,
      detail: typeof detail === 'string' ? detail : expect.stringMatching(detail),
    });
  });

  test('but 16 addresses are taken', async () => {
    expect((await put('shipping', { baseUrls: many(16) })).statusCode).toBe(201);
  });
});

describe('secrets', () => {
  test.each([24, 64])('of %d bytes are taken, and never shown', async (byteCount) => {
    const secrets = [secretOf(byteCount), secretOf(byteCount)];
    const answers = [
      await put('shipping', { baseUrl: 'http://a.test', secrets }),
      await put('shipping', { baseUrl: 'http://a.test', secrets }),
      await app.inject({ method: 'GET', url: '/v1/participants/shipping' }),
      await app.inject({ method: 'GET', url: '/v1/participants' }),
    ];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 200, 200, 200]);
    for (const { body } of answers) {
      expect(body).toContain('"secretCount":2');
      for (const secret of secrets) expect(body).not.toContain(secret.slice('whsec_'.length));
    }
    expect((await registry.find('shipping'))?.secrets).toEqual(secrets);
  });

  test('stay when an address is mended, are replaced by others, and go when none are wanted', async () => {
    const [one, other] = [secretOf(32), secretOf(32)];
    const countAfter = async (more: object) =>
      (await put('shipping', { baseUrl: 'http://a.test', ...more })).json().secretCount;
    expect(await countAfter({ secrets: [one] })).toBe(1);
    expect(await countAfter({ baseUrl: 'http://b.test' })).toBe(1);
    expect((await registry.find('shipping'))?.secrets).toEqual([one]);
    expect(await countAfter({ secrets: [other, one] })).toBe(2);
    expect(await countAfter({ secrets: [] })).toBe(0);
    expect(await countAfter({})).toBe(0);
  });

  test.each<[string, (good: string) => unknown[], string]>([
    ['one has another beginning', (good) => [good, good.replace('whsec_', 'shhh')], '#/secrets/1'],
    ['one is not base64', (good) => [`${good.slice(0, -6)}!${good.slice(-5)}`], '#/secrets/0'],
    ['one is too short', () => [secretOf(23)], '#/secrets/0'],
    ['one is too long', () => [secretOf(65)], '#/secrets/0'],
    ['one is endless', () => [secretOf(1000)], '#/secrets/0'],
    ['one is no text', () => [424_242_424_242_424], '#/secrets/0'],
    ['there are three', () => [secretOf(24), secretOf(24), secretOf(24)], '#/secrets'],
    ['one is there twice', (good) => [good, good], '#/secrets'],
  ])('are refused when %s, and the refusal repeats none of them', async (_why, given, pointer) => {
    const secrets = given(secretOf(32));
    const refused = await put('shipping', { baseUrl: 'http://a.test', secrets });
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    for (const secret of secrets) expect(refused.body).not.toContain(String(secret).slice(6, 20));
    for (const secret of secrets) expect(logged).not.toContain(String(secret).slice(6, 20));
    expect(await registry.find('shipping')).toBeNull();
  });

  test('are in no line of the log, also when they cannot be stored', async () => {
    const secret = secretOf(32);
    await put('shipping', { baseUrl: 'http://a.test', secrets: [secret] });
    registry.put = async () => {
      const cause = Object.assign(new Error('Data too long'), { parameters: [secret] });
      throw new StoreUnavailable('the database could not answer: Data too long', { cause });
    };
    const failed = await put('shipping', { baseUrl: 'http://a.test', secrets: [secret] });
    expect(failed.statusCode).toBe(503);
    expect(failed.body).not.toContain(secret.slice(6));
    expect(logged).toContain('Data too long');
    expect(logged).not.toContain(secret.slice(6));
  });
});

describe('paths are refused when', () => {
  test.each([
    ['the op is unknown', { 'reserve/undo': '/x' }, '#/paths/reserve~1undo'],
    ['the path is relative', { 'reserve/try': 'x' }, '#/paths/reserve~1try'],
    ['the path has a fragment', { 'reserve/try': '/x#y' }, '#/paths/reserve~1try'],
  ])('%s', async (_why, paths, pointer) => {
    await expectRefused({ baseUrl: 'http://a.test', paths }, { pointer });
  });

  test('their key is __proto__', async () => {
    const body = '{"baseUrl":"http://a.test","paths":{"__proto__":"/x"}}';
    const refused = await put('shipping', body);
    expect(refused.json().errors).toEqual([{ pointer: '#/paths/__proto__', detail: 'is not known here' }]);
  });
});

test('the log has a line for each new address of a participant, with the former one, and none for the same again', async () => {
  const register = (baseUrl: string) =>
    app.inject({ method: 'PUT', url: '/v1/participants/bank', payload: { baseUrl } });
  await register('http://bank.example/v1');
  await register('http://bank.example/v1');
  await register('http://bank.example/v2');
  const lines = logged
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ msg }) => msg === 'participant registered')).toMatchObject([
    { participant: 'bank', base_urls: 'http://bank.example/v1' },
    { base_urls: 'http://bank.example/v2', former_base_urls: 'http://bank.example/v1' },
  ]);
});
