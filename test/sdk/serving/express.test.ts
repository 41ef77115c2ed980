// Express beside body parsers, which may have read the stream before the participant sees the request.
import { afterEach, describe, expect, test } from '@jest/globals';
import { expressParticipant } from '@tercet/sdk/express';
import { newSecret, signatureHeaders } from '@tercet/sdk/signature';
import express from 'express';
import { type Mounted, mountedOn } from './mounts.ts';
import { callFor, newGid, openShop } from '../participant/shop.ts';

const OURS = newSecret();
const BODY = '{ "quantity" : 2.0, "item":"teapot" }';

let mounted: Mounted;
afterEach(() => mounted.close());

/** What comes of a call, unsigned or signed, where this parser comes first. */
async function sentThrough(
  parser: express.RequestHandler,
  secrets?: readonly string[],
  type = 'application/json',
) {
  const shop = await openShop(secrets);
  const app = express();
  app.use(parser);
  app.use('/tcc', expressParticipant(shop.participant));
  mounted = await mountedOn(app);
  const gid = newGid();
  const call = { gid, branchId: 'stock', op: 'try' } as const;
  const headers = {
    ...callFor({ gid }).headers,
    ...(secrets && signatureHeaders(call, BODY, secrets, new Date())),
    'content-type': type,
  };
  const answer = await fetch(`${mounted.url}/reserve/try`, { method: 'POST', headers, body: BODY });
  return { status: answer.status, body: await answer.json(), stock: shop.stock(), told: shop.told };
}

const done = { status: 200, body: { reservationId: 'stock-1' }, stock: [8, 2, 0], told: [] };

describe('after express.json()', () => {
  test('an unsigned call is served from what was parsed', async () => {
    expect(await sentThrough(express.json())).toEqual(done);
  });

  test('a signed call is answered 500, which says what to mount where, and onError hears of it', async () => {
    const { told, ...answered } = await sentThrough(express.json(), [OURS]);
    expect(answered).toMatchObject({
      status: 500,
      body: { code: 'body_not_raw', detail: expect.stringContaining('before express.json()') },
      stock: [10, 0, 0],
    });
    expect(String(told[0]?.error)).toContain('before express.json()');
  });

  test('a signed call is served when the bytes were kept as rawBody', async () => {
    const verify = (request: object, _response: unknown, bytes: Buffer) =>
      void Object.assign(request, { rawBody: bytes });
    expect(await sentThrough(express.json({ verify }), [OURS])).toEqual(done);
  });

  test('a call of another content type, which it leaves unread, is read', async () => {
    expect(await sentThrough(express.json(), [OURS], 'text/plain')).toEqual(done);
  });
});

describe('a signed call is served', () => {
  test('after a parser that left the body unread and an empty object in its place, as in Express 4', async () => {
    const leave: express.RequestHandler = (request, _response, next) => {
      request.body = {};
      next();
    };
    expect(await sentThrough(leave, [OURS])).toEqual(done);
  });

  test('after express.raw(), which keeps the bytes', async () => {
    expect(await sentThrough(express.raw({ type: '*/*' }), [OURS])).toEqual(done);
  });

  test('after express.text(), which keeps the text', async () => {
    expect(await sentThrough(express.text({ type: '*/*' }), [OURS])).toEqual(done);
  });
});

test('a call whose body was read and not kept is answered 500', async () => {
  const swallow: express.RequestHandler = (request, _response, next) => {
    request.on('data', () => {}).on('end', () => next());
  };
  expect(await sentThrough(swallow)).toMatchObject({
    status: 500,
    body: { code: 'body_not_raw', detail: expect.stringContaining('mount the participant before') },
    stock: [10, 0, 0],
  });
});
