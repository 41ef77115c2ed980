// What the client makes of HTTP itself: answers before the answer, status lines, and encoded bodies.
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import type { HttpAnswer, ParticipantCall } from '../../../src/application/ports.ts';
import { type Participant, participantThat, rawParticipantThat } from './http-server.ts';
import { participantCall } from './participant-call.ts';

let registry: MemoryParticipantRegistry;
let client: HttpParticipantClient;
let participant: Participant;

beforeEach(() => {
  registry = new MemoryParticipantRegistry();
  client = new HttpParticipantClient({
    registry,
    ca: null,
    maxIdleConnections: 1,
    userAgent: 'tercet/1.2.3',
  });
});
afterEach(async () => {
  await participant.close();
  await client.close();
});

async function callOf(
  starting: Promise<Participant>,
  more: Partial<ParticipantCall> = {},
): Promise<HttpAnswer> {
  participant = await starting;
  await registry.put({ name: 'inventory', baseUrls: [participant.url], paths: {}, callTimeoutMs: null });
  return again(more);
}

const again = (more: Partial<ParticipantCall> = {}): Promise<HttpAnswer> =>
  client.call(participantCall({ deadlineAt: Date.UTC(2026, 0, 1), ...more }));

/** Answers the text, in the pieces given, each on its own. */
const answering = (...pieces: readonly string[]) =>
  rawParticipantThat((socket, text) => {
    if (!text.startsWith('POST')) return;
    socket.setNoDelay(true);
    pieces.reduce(
      (before, piece) =>
        before.then(() => new Promise<void>((resolve) => socket.write(piece, () => setImmediate(resolve)))),
      Promise.resolve(),
    );
  });

test('a call says who calls, that JSON is preferred, and that bodies are not to be encoded', async () => {
  await callOf(participantThat((response) => response.end()));
  expect(participant.received[0]?.headers).toMatchObject({
    'user-agent': 'tercet/1.2.3',
    accept: 'application/json, */*;q=0.5',
    'accept-encoding': 'identity',
  });
});

describe('before the answer', () => {
  const ANSWER = 'HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}';
  const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
  const HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\nretry-after: 7\r\n\r\n';

  test.each([
    ['100', [CONTINUE + ANSWER]],
    ['102', [`HTTP/1.1 102 Processing\r\n\r\n${ANSWER}`]],
    ['103', [HINTS, ANSWER]],
    ['103, 100 and 103', [HINTS + CONTINUE, HINTS + ANSWER]],
    ['100, cut anywhere', [...CONTINUE, ...ANSWER]],
  ])('%s is skipped', async (_, pieces) => {
    const answer = await callOf(answering(...pieces), { isResultWanted: true });
    expect(answer).toMatchObject({ httpStatus: 201, body: '{}', retryAfterMs: null });
    // The connection is in order for the next call.
    expect(await again()).toMatchObject({ httpStatus: 201 });
  });

  test('101 is an error: no other protocol was asked for', async () => {
    const answer = await callOf(answering('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'));
    expect(answer).toMatchObject({ httpStatus: null });
  });
});

describe('a status line of', () => {
  test.each(['HTTP/2.0', 'HTTP/0.9', 'HTTP/3.0'])('%s is no success', async (version) => {
    const answer = await callOf(answering(`${version} 200 OK\r\ncontent-length: 0\r\n\r\n`));
    expect(answer).toMatchObject({ httpStatus: null, answer: `the answer is ${version}, not HTTP/1.1` });
  });

  test('HTTP/2.0 after a 103 is no success either', async () => {
    const answer = await callOf(
      answering('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n'),
    );
    expect(answer).toMatchObject({ httpStatus: null });
  });

  test('HTTP/1.0 is read', async () => {
    expect(await callOf(answering('HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n'))).toMatchObject({
      httpStatus: 200,
    });
  });

  test('HTTP/2.0 inside of a body is part of the body', async () => {
    const body = 'HTTP/2.0 200 OK\r\n\r\n';
    const answer = await callOf(answering('HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n', body), {
      isResultWanted: true,
    });
    expect(answer).toMatchObject({ httpStatus: 200, body });
  });
});

describe('a body that is encoded all the same', () => {
  const encoded = (encoding: string, body: Buffer, status = 200) =>
    callOf(
      participantThat((response) => response.writeHead(status, { 'content-encoding': encoding }).end(body)),
      { isResultWanted: true },
    );

  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', Buffer.from],
  ] as const)('with %s is decoded', async (encoding, encode) => {
    const answer = await encoded(encoding, encode(Buffer.from('{"stock":"чай"}')));
    expect(answer).toMatchObject({ httpStatus: 200, body: '{"stock":"чай"}' });
  });

  test('is decoded where it says why something is refused', async () => {
    expect(await encoded('gzip', gzipSync('{"title":"Sold out"}'), 409)).toMatchObject({
      httpStatus: 409,
      answer: '409',
      body: '{"title":"Sold out"}',
    });
  });

  test('and is no result of 4,096 bytes when it is decoded is none', async () => {
    const answer = await encoded('gzip', gzipSync(JSON.stringify('x'.repeat(5000))));
    expect(answer).toEqual({ httpStatus: 200, answer: '200', retryAfterMs: null });
  });

  test('counts up to 64 KiB as it is decoded: a bomb is not decoded further', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 20));
    expect(bomb.length).toBeLessThan(4096);
    const answer = await encoded('gzip', bomb);
    expect(answer).toEqual({
      httpStatus: null,
      answer: '200, but its body is over 64 KiB',
      retryAfterMs: null,
      origin: expect.stringMatching(/^http:/),
    });
  });

  test.each([
    ['zstd', Buffer.from('anything'), '200, but its body is encoded: zstd'],
    ['gzip, br', Buffer.from('anything'), '200, but its body is encoded: gzip, br'],
    ['gzip', Buffer.from('{}'), '200, but its body is no gzip'],
    ['gzip', gzipSync('{"stock":1}').subarray(0, 20), '200, but its body is no gzip'],
  ])('with %s that cannot be decoded is named', async (encoding, body, words) => {
    expect(await encoded(encoding, body)).toEqual({ httpStatus: 200, answer: words, retryAfterMs: null });
  });

  test('and says nothing when it is empty is empty', async () => {
    expect(await encoded('gzip', Buffer.alloc(0))).toMatchObject({ httpStatus: 200, body: '' });
  });
});
