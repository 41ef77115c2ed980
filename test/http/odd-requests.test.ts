// Requests that are unusual or ambiguous: each is kept as documented, or refused with a reason.
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { branch, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const begin = (body: string | Buffer) => world.send('POST', '/v1/transactions', body);

/** What is answered to raw requests of a client that sends no more after them. `onEnd` is called when the server knows. */
async function raw(requests: readonly string[], onEnd = () => {}): Promise<string> {
  const address = await world.app.listen({ port: 0, host: '127.0.0.1' });
  world.app.server.on('connection', (one) => one.once('end', () => setImmediate(onEnd)));
  const socket = connect({ port: Number(new URL(address).port), host: '127.0.0.1', allowHalfOpen: true });
  socket.end(requests.join(''));
  const whole = await text(socket);
  socket.destroy();
  return whole;
}

const request = (body: string, ...headers: readonly string[]) =>
  [
    'POST /v1/transactions HTTP/1.1',
    'host: tercet',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n');

describe('a client that closes its half of the connection', () => {
  test('is answered', async () => {
    expect(await raw([request('{}')])).toMatch(/^HTTP\/1\.1 201 .*"status":"trying"/s);
  });

  test('is answered at the end of its transaction, if it waits for it', async () => {
    const body = JSON.stringify({ branches: [branch('stock')] });
    let isOver = false;
    world.answer(() => (isOver ? 200 : 503));
    const answer = raw([request(body, 'prefer: wait=10')], () => {
      isOver = true;
    });
    await until('its half is closed, and the calls succeed', () => {
      world.time.pass(100);
      return isOver && world.calls.at(-1)?.op === 'confirm';
    });
    expect(await answer).toMatch(/^HTTP\/1\.1 200 .*"status":"confirmed"/s);
  });

  test('is answered each of several requests', async () => {
    expect((await raw([request('{}'), request('{}')])).match(/HTTP\/1\.1 201/g)).toHaveLength(2);
  });
});

describe('an Idempotency-Key that is sent twice is refused', () => {
  test.each([
    ['key-1', 'key-2'],
    ['key-1', 'key-1'],
  ])('%s, %s', async (first, second) => {
    const answer = await raw([request('{}', `idempotency-key: ${first}`, `Idempotency-Key: ${second}`)]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"errors":[{"header":"idempotency-key","detail":"is sent more than once"}]');
    expect(world.store.batchCount).toBe(0);
  });

  test('while one with a comma is a key', async () => {
    expect(await raw([request('{}', 'idempotency-key: key-1, key-2')])).toMatch(/^HTTP\/1\.1 201 /);
  });
});

describe('a body', () => {
  test('that begins with a byte order mark is refused', async () => {
    const answer = await begin(Buffer.from('\uFEFF{}'));
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'broken_json',
      detail: expect.stringContaining('The body begins with a byte order mark.'),
    });
  });

  test.each([
    ['{"timeoutMs":1000,"timeoutMs":2000}', '#/timeoutMs'],
    ['{"timeoutMs":1000,"timeout\\u004ds":1000}', '#/timeoutMs'],
    [
      `{"branches":[${JSON.stringify(branch('a', { payload: 1 })).replace('1', '{"x":[1,{"a":1,"a":1}]}')}]}`,
      '#/branches/0/payload/x/1/a',
    ],
  ])('that names a member twice is refused: %s', async (body, pointer) => {
    const answer = await begin(body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer, detail: 'A member stands more than once in its object.' }],
    });
    expect(world.store.batchCount).toBe(0);
  });

  test('may name a member in several objects, and in strings', async () => {
    const payload = { a: { a: [{ a: '"a":1,"a":2' }, { a: '\\":' }] }, __proto__: null };
    expect((await begin(JSON.stringify({ branches: [branch('a', { payload })] }))).statusCode).toBe(202);
  });

  test.each([
    '9223372036854775807',
    '18446744073709551615',
    '-9223372036854775807',
  ])('with the 64-bit number %s, which no double carries, is refused', async (number) => {
    const payload = `{"branches":[${JSON.stringify(branch('a', { payload: 'N' })).replace('"N"', `{"n":${number}}`)}]}`;
    expect((await begin(payload)).json()).toMatchObject({
      code: 'inexact_number',
      errors: [{ pointer: '#/branches/0/payload/n' }],
    });
  });
});

test('a base URL with a backslash is refused', async () => {
  const answer = await world.send('PUT', '/v1/participants/inventory', {
    baseUrl: 'http://inventory.test\\@evil.test',
  });
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({
    errors: [{ pointer: '#/baseUrl', detail: 'must not hold a backslash' }],
  });
});

test('a path with a backslash is refused', async () => {
  const answer = await world.send('PUT', '/v1/participants/inventory', {
    baseUrl: 'http://inventory.test',
    paths: { 'reserve/try': '/stock', 'reserve/cancel': '/stock\\..\\admin' },
  });
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({
    errors: [{ pointer: '#/paths/reserve~1cancel', detail: 'must not hold a backslash' }],
  });
});
