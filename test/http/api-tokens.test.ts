// Who may use the coordinator when it asks for tokens.
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import type { Coordinator } from '../../src/application/coordinator.ts';
import { buildApp } from '../../src/http/app.ts';
import { ApiTokens } from '../../src/http/plugins/api-tokens.ts';
import type { App } from '../../src/http/typed-app.ts';

const [TOKEN, OTHER] = ['correct-horse-battery', 'second-token-of-two'] as const;

let log: string;
const open: App[] = [];

async function appWith(apiTokens: readonly string[]): Promise<App> {
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      done();
    },
  });
  const app = await buildApp({
    // These tests ask it for nothing else.
    coordinator: { listParticipants: async () => [] } as unknown as Coordinator,
    checkReady: async () => 'ready' as const,
    apiTokens: new ApiTokens(apiTokens),
    maxCallTimeoutMs: 1000,
    participantConcurrency: 256,
    whyNeverCalled: () => null,
    metrics: async () => ({ contentType: 'text/plain', text: '' }),
    logger: Fastify({ logger: { stream, level: 'trace' } }).log,
    logsRequests: true,
  });
  open.push(app);
  return app;
}

let app: App;
beforeEach(async () => {
  log = '';
  app = await appWith([TOKEN, OTHER]);
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const get = (url: string, authorization?: string) =>
  app.inject({ method: 'GET', url, headers: { ...(authorization && { authorization }) } });

test.each([TOKEN, OTHER])('each of the tokens is accepted: %s', async (token) => {
  expect((await get('/v1/participants', `Bearer ${token}`)).statusCode).toBe(200);
  expect((await get('/v1/participants', `bearer  ${token}`)).statusCode).toBe(200);
});

describe('a request is refused that brings', () => {
  test.each([
    ['nothing', undefined],
    ['another token', 'Bearer correct-horse-batterz'],
    ['a part of the token', `Bearer ${TOKEN.slice(0, -1)}`],
    ['more than the token', `Bearer ${TOKEN}x`],
    ['the token in other letters', `Bearer ${TOKEN.toUpperCase()}`],
    ['both tokens', `Bearer ${TOKEN} ${OTHER}`],
    ['no scheme', TOKEN],
    ['another scheme', `Basic ${TOKEN}`],
    ['an empty token', 'Bearer '],
  ])('%s', async (_what, authorization) => {
    const refused = await get('/v1/participants', authorization);
    expect(refused.statusCode).toBe(401);
    expect(refused.headers['www-authenticate']).toBe('Bearer');
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(refused.json()).toMatchObject({ code: 'unauthorized', status: 401 });
  });
});

describe('without a token', () => {
  test('every route is closed, but the probes and the description of the API', async () => {
    const { paths } = (await get('/openapi.json')).json();
    const closed: string[] = [];
    for (const [path, methods] of Object.entries(paths as Record<string, object>)) {
      for (const method of Object.keys(methods)) {
        const { statusCode } = await app.inject({ method: method as 'GET', url: path });
        if (statusCode === 401) closed.push(path);
      }
    }
    expect(new Set(closed)).toEqual(
      new Set(Object.keys(paths).filter((path) => !['/livez', '/readyz'].includes(path))),
    );
  });

  test.each([
    '/livez',
    '/livez?a=1',
    '/readyz',
    '/openapi.json',
    '/docs',
    '/docs/static/swagger-ui.css',
  ])('%s is open', async (path) => {
    expect((await get(path)).statusCode).toBe(200);
  });

  test.each([
    '/nothing',
    '/',
    '/docsx',
    '/livez/..',
    '/livez/../v1/participants',
    '/docs/../v1/participants',
    '//livez',
    '/v1/participants?/livez',
    '/metrics',
  ])('%s is closed, whether there is something or not', async (path) => {
    expect((await get(path)).statusCode).toBe(401);
  });

  test('a method that a path does not have is closed too', async () => {
    expect((await app.inject({ method: 'DELETE', url: '/livez' })).statusCode).toBe(401);
  });

  test('a body is not looked at', async () => {
    const broken = { method: 'POST', url: '/v1/transactions', payload: '{' } as const;
    const headers = { 'content-type': 'application/json' };
    expect((await app.inject({ ...broken, headers })).json().code).toBe('unauthorized');
    const authorization = `Bearer ${TOKEN}`;
    expect((await app.inject({ ...broken, headers: { ...headers, authorization } })).json().code).toBe(
      'broken_json',
    );
  });

  test('the answer over a connection comes before the body has arrived', async () => {
    const address = await app.listen({ port: 0, host: '127.0.0.1' });
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1000)) });
    const answered = await fetch(`${address}/v1/transactions`, {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    });
    expect(answered.status).toBe(401);
    await answered.text();
  });
});

test('tokens are never logged', async () => {
  await get('/v1/participants', `Bearer ${TOKEN}`);
  await get('/v1/participants', 'Bearer wrong-token-of-a-stranger');
  expect(log).toMatch(/\/v1\/participants/);
  expect(log).not.toMatch(new RegExp(`${TOKEN}|${OTHER}|wrong-token`));
});

test('where no tokens are set, nobody is asked', async () => {
  app = await appWith([]);
  expect((await get('/v1/participants')).statusCode).toBe(200);
});

test('the description of the API says who is asked for a token, and where', async () => {
  const { components, security, paths } = (await get('/openapi.json')).json();
  expect(components.securitySchemes).toEqual({
    token: { type: 'http', scheme: 'bearer' },
    signature: { type: 'apiKey', in: 'query', name: 'signature' },
  });
  expect(security).toEqual([{ token: [] }]);
  expect(paths['/livez'].get.security).toEqual([]);
  expect(paths['/v1/transactions/{gid}/branches/{branchId}/complete'].post.security).toEqual([
    { token: [] },
    { signature: [] },
  ]);
  expect(paths['/v1/participants'].get).not.toHaveProperty('security');
  app = await appWith([]);
  expect((await get('/openapi.json')).json()).not.toHaveProperty('security');
});
