// What is around the API: probes, the description of the API, what is logged, and how the server stops.
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import { branch, openWorld, type World } from './world.ts';
import { until } from '../support/until.ts';
import * as wire from '../../src/wire/index.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

test('a process is alive and ready', async () => {
  expect((await world.send('GET', '/livez')).json()).toEqual({ status: 'live' });
  expect((await world.send('GET', '/readyz')).json()).toEqual({ status: 'ready' });
});

test('a process whose database is away is alive and not ready', async () => {
  world.store.failure = new Error('away');
  expect((await world.send('GET', '/livez')).statusCode).toBe(200);
  expect((await world.send('GET', '/readyz')).statusCode).toBe(503);
});

test('a request may not take for ever to arrive', () => {
  expect(world.app.server.requestTimeout).toBe(30_000);
});

type Described = {
  readonly description?: string;
  readonly $ref?: string;
  readonly anyOf?: readonly Described[];
};

/** Its own, or that of the component to which it refers. */
function descriptionOf(given: unknown, components: { schemas: Record<string, Described> }): string {
  const { description, $ref, anyOf } = given as Described;
  const name = ($ref ?? anyOf?.[0]?.$ref)?.split('/').at(-1);
  return description ?? (name === undefined ? '' : (components.schemas[name]?.description ?? ''));
}

describe('the description of the API', () => {
  test('is OpenAPI 3.1 and has every route', async () => {
    const { openapi, paths } = (await world.send('GET', '/openapi.json')).json();
    expect(openapi).toBe('3.1.0');
    const routes = Object.entries(paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'DELETE /v1/participants/{name}',
      'GET /livez',
      'GET /readyz',
      'GET /v1/participants',
      'GET /v1/participants/{name}',
      'GET /v1/transactions',
      'GET /v1/transactions/{gid}',
      'GET /v1/transactions/{gid}/events',
      'POST /v1/participants/{name}/retry',
      'POST /v1/transactions',
      'POST /v1/transactions/finality',
      'POST /v1/transactions/{gid}/branches',
      'POST /v1/transactions/{gid}/branches/{branchId}/complete',
      'POST /v1/transactions/{gid}/cancel',
      'POST /v1/transactions/{gid}/confirm',
      'POST /v1/transactions/{gid}/release',
      'POST /v1/transactions/{gid}/retry',
      'PUT /v1/participants/{name}',
    ]);
  });

  test('has words for every field, and says which bodies may be left out', async () => {
    const { paths, components } = (await world.send('GET', '/openapi.json')).json();
    const begin = paths['/v1/transactions'].post;
    expect(begin.requestBody.content['application/json'].schema.$ref).toBe(
      '#/components/schemas/BeginRequest',
    );
    const { properties } = components.schemas.BeginRequest;
    for (const field of Object.values(properties)) expect(descriptionOf(field, components)).not.toBe('');
    expect(begin.requestBody.required).toBe(true);
    expect(paths['/v1/transactions/{gid}/confirm'].post.requestBody.required).toBe(false);
    expect(begin.responses['4XX'].content).toHaveProperty(['application/problem+json']);
  });

  test('has words for each kind of entry in the path of a transaction, and for each of their fields', async () => {
    const { components } = (await world.send('GET', '/openapi.json')).json();
    expect(components.schemas.TransactionDetails.properties.path.items.$ref).toBe(
      '#/components/schemas/PathEntry',
    );
    const kinds = components.schemas.PathEntry.anyOf as {
      properties: Record<string, { description?: string; enum?: string[] }>;
    }[];
    expect(kinds.flatMap(({ properties }) => properties.what?.enum)).toEqual([
      ...['began', 'registered', 'called', 'pivot_started', 'cancel_asked', 'decided', 'ended'],
    ]);
    for (const { properties } of kinds)
      for (const field of Object.values(properties)) expect(descriptionOf(field, components)).not.toBe('');
  });

  test('names every schema of the wire, and each operation', async () => {
    const { paths, components } = (await world.send('GET', '/openapi.json')).json();
    const served = Object.values(paths as Record<string, Record<string, { operationId?: string }>>);
    const operations = served.flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(operations.length);
    expect(ids).not.toContain(undefined);
    const named = Object.entries(wire).filter(
      ([name, one]) => typeof one === 'object' && 'title' in one && name === one.title,
    );
    const queries = ['TransactionsQuery', 'EventsQuery', 'ParticipantsQuery', 'ParticipantRemovalQuery'];
    const notServed = ['EndingNotice', 'AlertPost', 'AlertView', ...queries];
    expect(Object.keys(components.schemas).sort()).toEqual(
      named
        .map(([name]) => name)
        .filter((name) => !notServed.includes(name))
        .sort(),
    );
    for (const schema of Object.values(components.schemas))
      expect(descriptionOf(schema, components)).not.toBe('');
  });

  test('has a page', async () => {
    const page = await world.send('GET', '/docs');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
  });
});

describe('the log', () => {
  async function logOf(act: (logged: World) => Promise<unknown>): Promise<string> {
    let log = '';
    const stream = new Writable({
      write(chunk, _encoding, done) {
        log += chunk;
        done();
      },
    });
    const logged = await openWorld({ logger: Fastify({ logger: { stream } }).log });
    await act(logged);
    await logged.close();
    return log;
  }

  test('has the reason of an unexpected failure', async () => {
    const log = await logOf(async (logged) => {
      logged.store.failure = new Error('the reason');
      await logged.send('GET', '/readyz');
      await logged.send('GET', '/v1/transactions/0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60');
    });
    expect(log.match(/the reason/g)?.length).toBeGreaterThanOrEqual(2);
  });

  test('has no line for a request that is served or refused, and never a payload', async () => {
    const log = await logOf(async (logged) => {
      const body = { branches: [branch('a', { payload: 'secret' })] };
      await logged.send('POST', '/v1/transactions', body, { prefer: 'wait=5' });
      await logged.send('POST', '/v1/transactions', { ...body, name: 'secret\n' });
      await logged.send('GET', '/nothing');
    });
    expect(log).toBe('');
  });
});

test('a request that is still being saved when the server closes is answered then, and does not begin to wait', async () => {
  const closing = await openWorld();
  closing.answer(() => null);
  const address = await closing.app.listen({ port: 0, host: '127.0.0.1' });
  const write = closing.store.writeBatch.bind(closing.store);
  let isUnderWay = () => {};
  let acknowledge = () => {};
  const underWay = new Promise<void>((resolve) => {
    isUnderWay = resolve;
  });
  closing.store.writeBatch = async (saves) => {
    isUnderWay();
    await new Promise<void>((resolve) => {
      acknowledge = resolve;
    });
    return write(saves);
  };
  const answered = fetch(`${address}/v1/transactions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=60' },
    body: JSON.stringify({ branches: [branch('a')] }),
  });
  await underWay;
  const closed = closing.close();
  const isRefused = () =>
    fetch(`${address}/livez`).then(
      () => false,
      () => true,
    );
  await until('connections are refused', isRefused);
  acknowledge();
  expect((await answered).status).toBe(202);
  await closed;
});

test('what a proxy adds to a request changes nothing: links are paths', async () => {
  const added = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'attacker.example',
    forwarded: 'for=203.0.113.7;host=attacker.example;proto=https',
  };
  const { statusCode, headers } = await world.send('POST', '/v1/transactions', {}, added);
  expect(statusCode).toBe(201);
  expect(headers.location).toMatch(/^\/v1\/transactions\/[0-9a-f-]{36}$/);
});

test('over a real connection, kept alive, the same answers come', async () => {
  const address = await world.app.listen({ port: 0, host: '127.0.0.1' });
  const post = (path: string, body?: object) =>
    fetch(address + path, {
      method: 'POST',
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  const begun = await post('/v1/transactions', {});
  expect(begun.status).toBe(201);
  const at = begun.headers.get('location');
  expect((await post(`${at}/branches`, branch('a'))).status).toBe(201);
  const decided = await post(`${at}/cancel`);
  expect(decided.status).toBe(202);
  expect(await decided.json()).toMatchObject({ status: 'cancelling' });
});
