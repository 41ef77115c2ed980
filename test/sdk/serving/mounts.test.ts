// The same answers in every framework, over real HTTP; and what a framework could do to a body.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { newSecret, signatureHeaders } from '@tercet/sdk/signature';
import { type Asked, callFor, newGid, openShop, TEAPOTS } from '../participant/shop.ts';
import { ECHOES, MOUNTS, type Mounted } from './mounts.ts';

const OURS = newSecret();

let mounted: Mounted;
afterEach(() => mounted.close());

describe.each(Object.entries(MOUNTS))('in %s', (_framework, mount) => {
  async function open(secrets?: readonly string[]) {
    const shop = await openShop(secrets);
    mounted = await mount(shop.participant);
    return shop;
  }

  async function send(
    asked: Asked,
    others: {
      body?: string | Buffer | ReadableStream;
      headers?: Record<string, string>;
      query?: string;
    } = {},
  ) {
    const { path, headers, body } = callFor(asked);
    const answer = await fetch(`${mounted.url}${path}${others.query ?? ''}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers, ...others.headers },
      body: others.body ?? body,
      // What is streamed needs it.
      duplex: 'half',
    });
    const text = await answer.text();
    return {
      status: answer.status,
      type: answer.headers.get('content-type')?.replace('; charset=utf-8', ''),
      body: JSON.parse(text) as unknown,
    };
  }

  test('a try, its repetition and its confirm are done', async () => {
    const { stock } = await open();
    const gid = newGid();
    const done = { status: 200, type: 'application/json', body: { reservationId: 'stock-1' } };
    expect(await send({ gid })).toMatchObject(done);
    expect(await send({ gid }, { query: '?from=here' })).toMatchObject(done);
    expect(await send({ gid, op: 'confirm' })).toMatchObject({ status: 200, body: null });
    expect(stock()).toEqual([8, 0, 2]);
  });

  test('a refusal is a problem document', async () => {
    await open();
    expect(await send({ payload: { item: 'teapot', quantity: 11 } })).toMatchObject({
      status: 409,
      type: 'application/problem+json',
      body: { code: 'refused', detail: 'not enough of teapot' },
    });
  });

  test.each([
    'text/plain',
    'application/octet-stream',
    'application/json; charset=utf-8',
    'application/cloudevents+json',
  ])('a body is JSON, also as %s', async (type) => {
    await open();
    expect(await send({}, { headers: { 'content-type': type } })).toMatchObject({ status: 200 });
  });

  test('a body needs no content type', async () => {
    await open();
    const { path, headers, body } = callFor();
    // A body of bytes is sent without one.
    const answer = await fetch(`${mounted.url}${path}`, { method: 'POST', headers, body: Buffer.from(body) });
    expect(answer.status).toBe(200);
  });

  test.each([['GET'], ['PUT']])('%s is left to the application', async (method) => {
    const { stock } = await open();
    const { path, headers, body } = callFor();
    const answer = await fetch(`${mounted.url}${path}`, {
      method,
      headers,
      ...(method === 'PUT' && { body }),
    });
    expect(answer.status).toBe(404);
    expect(stock()).toEqual([10, 0, 0]);
  });

  test.each(ECHOES)('%s is left to the application, with its body unread', async (path) => {
    await open();
    const answer = await fetch(`${mounted.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":1}',
    });
    expect(await answer.json()).toEqual({ a: 1 });
  });

  test('no body is a 400', async () => {
    await open();
    const { path, headers } = callFor();
    const answer = await fetch(`${mounted.url}${path}`, { method: 'POST', headers });
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 400,
      body: { code: 'broken_json' },
    });
  });

  test('bytes that are not UTF-8 are a 400: nothing is put in their place', async () => {
    const { stock } = await open();
    const body = Buffer.concat([
      Buffer.from('{"item":"teapot","quantity":2,"note":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]);
    expect(await send({}, { body })).toMatchObject({
      status: 400,
      body: { code: 'broken_json', detail: expect.stringContaining('UTF-8') },
    });
    expect(stock()).toEqual([10, 0, 0]);
  });

  test('a byte order mark is a 400: JSON has none, and it was signed', async () => {
    await open();
    const body = Buffer.from(`\uFEFF${JSON.stringify(TEAPOTS)}`);
    expect(await send({}, { body })).toMatchObject({ status: 400, body: { code: 'broken_json' } });
  });

  const tooLong = JSON.stringify(TEAPOTS).padEnd(137 * 1024, ' ');
  test('too long a body is a 413', async () => {
    const { stock } = await open();
    expect(await send({}, { body: tooLong })).toMatchObject({
      status: 413,
      type: 'application/problem+json',
      body: { code: 'body_too_large' },
    });
    expect(stock()).toEqual([10, 0, 0]);
  });

  test('too long a body is a 413 when its length is not told before', async () => {
    await open();
    const body = new Blob([tooLong]).stream();
    expect(await send({}, { body })).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });

  test('too long a body is a 413 before its end', async () => {
    await open();
    const { hostname, port } = new URL(mounted.url);
    const socket = connect(Number(port), hostname);
    const head = 'POST /tcc/reserve/try HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n';
    socket.write(`${head}${(137 * 1024).toString(16)}\r\n${' '.repeat(137 * 1024)}\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test('a payload of 64 KiB is not too long, nor one with as much in the place of its references', async () => {
    await open();
    expect(await send({}, { body: JSON.stringify(TEAPOTS).padEnd(128 * 1024, ' ') })).toMatchObject({
      status: 200,
    });
  });

  describe('signed', () => {
    const signed = (body: string, secret: string) => {
      const gid = newGid();
      const headers = signatureHeaders({ gid, branchId: 'stock', op: 'try' }, body, [secret], new Date());
      return [{ gid }, { body, headers }] as const;
    };
    // No parser would write it so again.
    const body = '{ "quantity" : 2.0,\n "item":"teap\\u006ft", "note": "茶" }';

    test('every byte of the body is as it was signed', async () => {
      const { stock } = await open([OURS]);
      expect(await send(...signed(body, OURS))).toMatchObject({ status: 200 });
      expect(stock()).toEqual([8, 2, 0]);
    });

    test('with another secret it is a 401', async () => {
      const { stock } = await open([OURS]);
      expect(await send(...signed(body, newSecret()))).toMatchObject({
        status: 401,
        body: { code: 'invalid_signature' },
      });
      expect(stock()).toEqual([10, 0, 0]);
    });
  });

  describe('a body in parts', () => {
    /** All but some blanks at the end is there, and the server has seen it: what is there would do as a payload. */
    async function half(): Promise<{ socket: Socket; rest: string; gone: Promise<unknown> }> {
      const { path, headers, body: payload } = callFor();
      const rest = ' '.repeat(10);
      const lines = Object.entries({
        ...headers,
        host: 'here',
        'content-length': payload.length + rest.length,
      });
      const { hostname, port, pathname } = new URL(mounted.url);
      const accepted = once(mounted.server, 'connection');
      const requested = once(mounted.server, 'request');
      const socket = connect(Number(port), hostname);
      const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.write(`POST ${pathname}${path} HTTP/1.1\r\n${head}\r\n${payload}`);
      const [serverSide] = await accepted;
      const gone = new Promise((resolve) => serverSide.on('close', resolve));
      await requested;
      return { socket, rest, gone };
    }

    test('runs when it is whole', async () => {
      const { stock } = await open();
      const { socket, rest } = await half();
      expect(stock()).toEqual([10, 0, 0]);
      socket.write(rest);
      const [answer] = await once(socket, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1.1 200 /);
      expect(stock()).toEqual([8, 2, 0]);
      socket.destroy();
    });

    test('runs nothing when whoever sends it goes away', async () => {
      const { stock, told } = await open();
      const { socket, gone } = await half();
      socket.destroy();
      await gone;
      // Whatever the server does about it has come before this.
      expect(await send({})).toMatchObject({ status: 200 });
      expect(stock()).toEqual([8, 2, 0]);
      expect(told).toEqual([]);
    });
  });
});
