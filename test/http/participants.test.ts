// Registering participants over HTTP.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryParticipantRegistry } from '../../src/adapters/memory/participant-registry.ts';
import { whyNeverCalled } from '../../src/adapters/participant/forbidden-addresses.ts';
import type { Coordinator } from '../../src/application/coordinator.ts';
import { buildApp } from '../../src/http/app.ts';
import type { App } from '../../src/http/typed-app.ts';

let registry: MemoryParticipantRegistry;
let app: App;
/** The participants whose circuits were closed. */
let forgiven: string[];
beforeEach(async () => {
  registry = new MemoryParticipantRegistry();
  forgiven = [];
  app = await buildApp({
    // These routes ask nothing else of it.
    coordinator: { forgive: (name: string) => forgiven.push(name) } as unknown as Coordinator,
    ...{
      registry,
      checkReady: async () => 'ready' as const,
      apiTokens: [],
      maxCallTimeoutMs: 60_000,
      whyNeverCalled,
    },
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
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
    callTimeoutMs: null,
  });

  const moved = {
    baseUrls: ['https://ship2.test', 'https://ship3.test/tcc'],
    paths: { 'open/try': '/shipments/drafts?v=2' },
    callTimeoutMs: 60_000,
  };
  const second = await put('shipping', moved);
  expect(second.statusCode).toBe(200);
  expect(await read('/shipping')).toEqual({ name: 'shipping', ...moved });
  // What its old address failed says nothing of the new one.
  expect(forgiven).toEqual(['shipping', 'shipping']);
});

test('what is read can be sent again', async () => {
  await put('shipping', { baseUrl: 'http://ship.test' });
  const { name, ...rest } = await read('/shipping');
  expect((await put(name, rest)).json()).toEqual({ name, ...rest });
});

test('all participants are listed by name', async () => {
  for (const name of ['payment', 'inventory']) await put(name, { baseUrl: 'http://a.test' });
  const { participants } = await read('');
  expect(participants.map(({ name }: { name: string }) => name)).toEqual(['inventory', 'payment']);
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
