/**
 * A listener, which is called when a transaction has ended:
 *
 * - It answers 204 once its function has succeeded in all its parts, else 503.
 * - It answers 400 or 413 to what it cannot read, and accepts members that a newer coordinator adds.
 * - With a secret it answers 401 to calls that are not signed with it.
 * - It is mounted as participants are.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, jest, test } from '@jest/globals';
import { defineListener, type Listener, type ParticipantRequest } from '@tercet/sdk';
import { expressParticipant } from '@tercet/sdk/express';
import { fastifyParticipant } from '@tercet/sdk/fastify';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret, signatureHeaders } from '@tercet/sdk/signature';
import type { EndingNotice } from '@tercet/sdk/wire';
import express from 'express';
import fastify from 'fastify';

const GID = '019b76da-a800-7d40-9f3a-5e2b8c1d4f60';
const OTHER = '019b76da-a800-7d40-9f3a-5e2b8c1d4f61';
const OURS = newSecret();

const ending: EndingNotice = {
  gid: GID,
  pattern: 'saga',
  name: 'fulfil',
  businessKey: null,
  status: 'confirmed',
  decision: 'confirm',
  reason: 'pivot_succeeded',
  beganAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:01.000Z',
};

type Asked = {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly secret?: string;
  readonly isRewritten?: boolean;
};

/** The call as the coordinator sends it. */
function notice({ path = '/order-ended/notify', method = 'POST', secret, ...more }: Asked = {}) {
  const body = more.body ?? JSON.stringify(ending);
  const signed =
    secret === undefined
      ? {}
      : signatureHeaders({ gid: GID, branchId: null, op: 'notify' }, body, [secret], new Date());
  const headers = {
    'content-type': 'application/json',
    'tcc-transaction-id': GID,
    'tcc-op': 'notify',
    'tcc-attempt': '1',
    'idempotency-key': `${GID}/notify`,
    ...signed,
    ...more.headers,
  };
  return { path, method, headers, body, isRewritten: more.isRewritten ?? false } satisfies ParticipantRequest;
}

function listening(secrets?: readonly string[]) {
  const heard: EndingNotice[] = [];
  const listener = defineListener(
    'orders',
    { 'order-ended': async (one) => void heard.push(one) },
    secrets === undefined ? {} : { secrets },
  );
  return { listener, heard };
}

const holdingItself = (object: object): object => Object.assign(object, { self: object });

const problemOf = async (listener: Listener, asked: Asked) => {
  const answer = await listener.handle(notice(asked));
  return { status: answer?.status, ...JSON.parse(answer?.body ?? '') };
};

describe('a listener', () => {
  test('hears an ending, and answers 204', async () => {
    const { listener, heard } = listening();
    expect(await listener.handle(notice())).toEqual({ status: 204, headers: {}, body: '' });
    expect(heard).toEqual([ending]);
  });

  test('answers when its function has resolved, not before', async () => {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const answered = defineListener('orders', { 'order-ended': () => over }).handle(notice());
    const first = await Promise.race([answered, new Promise((resolve) => setImmediate(resolve, 'waiting'))]);
    expect(first).toBe('waiting');
    end();
    expect(await answered).toMatchObject({ status: 204 });
  });

  test('hears twice what is told twice', async () => {
    const { listener, heard } = listening();
    await listener.handle(notice());
    await listener.handle(notice({ headers: { 'tcc-attempt': '2' } }));
    expect(heard).toHaveLength(2);
  });

  test('calls its functions as members of what it was given', async () => {
    const given = {
      heard: [] as string[],
      'order-ended'(one: EndingNotice) {
        this.heard.push(one.gid);
      },
    };
    const { heard, ...rest } = given;
    const activities = Object.create({ heard }, Object.getOwnPropertyDescriptors(rest));
    await defineListener('orders', activities).handle(notice());
    expect(heard).toEqual([GID]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('the disk is full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the disk is full'))],
  ])('whose function %s answers 503, and tells why to onError alone', async (_what, listen) => {
    const told: unknown[] = [];
    const onError = (error: unknown, one: EndingNotice | null) => void told.push(error, one);
    const listener = defineListener('orders', { 'order-ended': listen }, { onError });
    const problem = await problemOf(listener, {});
    expect(problem).toMatchObject({ status: 503, code: 'internal_error' });
    expect(JSON.stringify(problem)).not.toContain('disk');
    expect(told).toEqual([new Error('the disk is full'), ending]);
  });

  test('whose function returns promises in a list answers 503: one of them may still fail', async () => {
    const told: unknown[] = [];
    const listener = defineListener(
      'orders',
      { 'order-ended': ({ gid }) => [gid].map(async () => {}) },
      { onError: (error) => void told.push(error) },
    );
    expect(await problemOf(listener, {})).toMatchObject({ status: 503 });
    expect(String(told)).toContain('await them by Promise.all');
  });

  test.each<[string, () => unknown]>([
    ['an error', () => new Error('the order is locked')],
    ['an error that it awaited', async () => new Error('the order is locked')],
    ['an iterator', () => (function* () {})()],
    ['an iterator that is awaited', () => (async function* () {})()],
    ['what was settled, one with an error', () => Promise.allSettled([1, Promise.reject(new Error('no'))])],
    ['a promise in an object', () => ({ saved: Promise.resolve(1) })],
    ['a promise in a list of lists', () => [[{ saved: [Promise.resolve(1)] }]]],
    ['a stream', () => Readable.from(['sold']).pipe(new PassThrough())],
    ['a function', () => async () => {}],
    ['functions in a list', () => ({ saved: [async () => {}] })],
    ['a web stream', () => new Blob(['sold']).stream().pipeThrough(new TextDecoderStream())],
    ['the writable side of one', () => new WritableStream()],
    ['a socket or another target of events', () => ({ sent: new EventTarget() })],
    ['a child process', () => spawn(process.execPath, ['--version'], { stdio: 'ignore' })],
    ['a timer', () => ({ later: setTimeout(() => {}) })],
    ['a promise in an object that holds itself', () => holdingItself({ saved: Promise.resolve(1) })],
  ])('whose function returns %s answers 503: its work may not be done', async (_what, returned) => {
    const errors: unknown[] = [];
    const listener = defineListener(
      'orders',
      { 'order-ended': returned },
      { onError: (error) => void errors.push(error) },
    );
    expect(await problemOf(listener, {})).toMatchObject({ status: 503 });
    expect(errors).toEqual([expect.any(Error)]);
  });

  test.each<[string, unknown]>([
    ['an object that holds itself', holdingItself({ rows: [{ id: 1 }] })],
    ['a document with methods of an emitter', { toJSON: () => ({ id: 1 }), on: () => {}, emit: () => {} }],
    ['an object with a method', { rows: [{ id: 1, save() {} }] }],
    ['an instance of a class', new Map([['saved', Promise.resolve(1)]])],
  ])('whose function returns %s answers 204', async (_what, returned) => {
    const listener = defineListener('orders', { 'order-ended': () => returned });
    expect(await listener.handle(notice())).toMatchObject({ status: 204 });
  });

  test('writes one line where nobody hears of errors, or who hears of them throws', async () => {
    const lines: unknown[] = [];
    const log = jest.spyOn(console, 'error').mockImplementation((line) => void lines.push(line));
    try {
      const listen = () => Promise.reject(new Error('full'));
      await defineListener('orders', { 'order-ended': listen }).handle(notice());
      const onError = () => Promise.reject(new Error('deaf'));
      await defineListener('orders', { 'order-ended': listen }, { onError }).handle(notice());
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      log.mockRestore();
    }
    expect(lines.map((line) => String(line).split(' | ')[0])).toEqual([
      ...[`listener orders: ${GID}/notify: Error: full`, `listener orders: ${GID}/notify: Error: full`],
      `listener orders: ${GID}/notify: Error: deaf`,
    ]);
  });

  test('has no other calls', async () => {
    const { listener, heard } = listening();
    for (const asked of [
      { path: '/order-ended/confirm' },
      { path: '/order-begun/notify' },
      { path: '/toString/notify' },
      { path: '/order-ended/notify/' },
      { method: 'GET' },
    ])
      expect(await listener.handle(notice(asked))).toBeNull();
    expect(heard).toEqual([]);
    expect(listener).toMatchObject({
      name: 'orders',
      routes: [{ activity: 'order-ended', op: 'notify' }],
    });
  });

  test('takes an ending of a newer coordinator, which says more', async () => {
    const { listener, heard } = listening();
    const body = JSON.stringify({ ...ending, weather: 'fine' });
    expect(await listener.handle(notice({ body }))).toMatchObject({ status: 204 });
    expect(heard).toMatchObject([ending]);
  });

  const unread: readonly (readonly [string, Asked, string, string])[] = [
    ['is not JSON', { body: '{' }, 'broken_json', 'The body is to be JSON'],
    ['is no ending', { body: '{}' }, 'invalid_request', '#/gid is required'],
    [
      'ends as nothing does',
      { body: JSON.stringify({ ...ending, status: 'trying' }) },
      'invalid_request',
      '#/status must be one of confirmed, cancelled',
    ],
    [
      'is about another transaction than its header',
      { headers: { 'tcc-transaction-id': OTHER } },
      'invalid_request',
      'tcc-transaction-id is to be the gid of the body',
    ],
    ['is for another op', { headers: { 'tcc-op': 'try' } }, 'invalid_request', 'tcc-op is to be notify'],
  ];
  test.each(unread)('answers 400 to what %s, and hears nothing', async (_what, asked, code, words) => {
    const { listener, heard } = listening();
    const problem = await problemOf(listener, asked);
    expect(problem).toMatchObject({ status: 400, code, detail: expect.stringContaining(words) });
    expect(heard).toEqual([]);
  });

  test('answers 413 to a body that is too large', async () => {
    const { listener, heard } = listening();
    const body = JSON.stringify({ ...ending, name: 'a'.repeat(140_000) });
    expect(await problemOf(listener, { body })).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(heard).toEqual([]);
  });
});

describe('a listener with a secret', () => {
  test('is called under an id that names the transaction and no branch', () => {
    expect(notice({ secret: OURS }).headers).toMatchObject({ 'webhook-id': `${GID}/notify` });
  });

  test('hears what is signed with it, or with the one that it replaces', async () => {
    const old = newSecret();
    const { listener, heard } = listening([OURS, old]);
    expect(await listener.handle(notice({ secret: OURS }))).toMatchObject({ status: 204 });
    expect(await listener.handle(notice({ secret: old }))).toMatchObject({ status: 204 });
    expect(heard).toHaveLength(2);
  });

  const otherBody = JSON.stringify({ ...ending, status: 'cancelled', decision: 'cancel' });
  const forged: readonly (readonly [string, ParticipantRequest, string])[] = [
    ['is not signed', notice(), 'webhook-id is missing'],
    ['is signed with another secret', notice({ secret: newSecret() }), 'the same secret'],
    ['has another body', { ...notice({ secret: OURS }), body: otherBody }, 'the same secret'],
    [
      'was signed as the call of a branch',
      notice({
        headers: signatureHeaders(
          { gid: GID, branchId: 'stock', op: 'confirm' },
          JSON.stringify(ending),
          [OURS],
          new Date(),
        ),
      }),
      'does not name the call',
    ],
    [
      'was signed for another transaction',
      notice({ secret: OURS, headers: { 'tcc-transaction-id': OTHER } }),
      'does not name the call',
    ],
  ];
  test.each(forged)('answers 401 to what %s, and hears nothing', async (_what, request, words) => {
    const { listener, heard } = listening([OURS]);
    const answer = await listener.handle(request);
    expect(answer?.status).toBe(401);
    expect(JSON.parse(answer?.body ?? '')).toMatchObject({
      code: 'invalid_signature',
      detail: expect.stringContaining(words),
    });
    expect(heard).toEqual([]);
  });

  test('answers 500 to a body that was parsed before, and says so', async () => {
    const told: unknown[] = [];
    const onError = (error: unknown) => void told.push(error);
    const listener = defineListener('orders', { 'order-ended': () => {} }, { secrets: [OURS], onError });
    const problem = await problemOf(listener, { secret: OURS, isRewritten: true });
    expect(problem).toMatchObject({ status: 500, code: 'body_not_raw' });
    expect(told).toEqual([expect.objectContaining({ message: expect.stringContaining('express.json()') })]);
  });
});

describe('a listener is not made', () => {
  const listen = () => {};
  test.each([
    ['without a name', ['', { ended: listen }], '“” is no name'],
    [
      'with an activity that no path can hold',
      ['orders', { 'order ended': listen }],
      '“order ended” is no name',
    ],
    ['of nothing', ['orders', {}], 'orders hears nothing'],
    ['of nothing at all', ['orders'], 'orders hears nothing'],
    ['with a generator function', ['orders', { *ended() {} }], 'ended of orders is a generator function'],
    ['with what is no function', ['orders', { ended: 'later' }], 'ended of orders is no function'],
    [
      'with an empty list of secrets',
      ['orders', { ended: listen }, { secrets: [] }],
      'empty list of secrets',
    ],
    [
      'with what is no secret',
      ['orders', { ended: listen }, { secrets: ['hush'] }],
      'a secret of orders is wrong',
    ],
  ])('%s', (_what, given, words) => {
    const make = () => Reflect.apply(defineListener, null, given);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(words);
    expect(make).not.toThrow('hush');
  });
});

describe('a listener is mounted as participants are', () => {
  const mounts: readonly (readonly [string, (listener: Listener) => Promise<Mounted>])[] = [
    ['on node:http', onNode],
    ['in Express', onExpress],
    ['in Fastify', onFastify],
  ];
  test.each(mounts)('%s', async (_where, mount) => {
    const { listener, heard } = listening([OURS]);
    const mounted = await mount(listener);
    try {
      const { path, ...request } = notice({ secret: OURS });
      const response = await fetch(mounted.url + path, request);
      expect([response.status, await response.text()]).toEqual([204, '']);
      expect(heard).toEqual([ending]);
      expect((await fetch(mounted.url + path, { ...request, body: otherCall })).status).toBe(401);
      expect((await fetch(`${mounted.url}/order-ended/confirm`, request)).status).toBe(404);
    } finally {
      await mounted.close();
    }
  });
});

const otherCall = JSON.stringify({ ...ending, status: 'cancelled' });

type Mounted = { readonly url: string; readonly close: () => Promise<unknown> };

async function served(server: ReturnType<typeof createServer>): Promise<Mounted> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function onNode(listener: Listener): Promise<Mounted> {
  const serve = nodeHttpParticipant(listener);
  return served(
    createServer(async (request, response) => {
      if (!(await serve(request, response))) response.writeHead(404).end();
    }),
  );
}

function onExpress(listener: Listener): Promise<Mounted> {
  return served(createServer(express().use(expressParticipant(listener))));
}

async function onFastify(listener: Listener): Promise<Mounted> {
  const app = fastify();
  await app.register(fastifyParticipant(listener), { prefix: '/tcc' });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { url: `${url}/tcc`, close: () => app.close() };
}
