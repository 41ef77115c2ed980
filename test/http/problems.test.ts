// Every problem that HTTP can be answered with, reached as a client would reach it; and none of them changes anything.
import { JOURNAL_VERSION } from '../../src/application/journal.ts';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import { StoreUnavailable } from '../../src/application/ports.ts';
import { type ErrorCode, errors, errorType } from '../../src/errors.ts';
import { BROKEN_PLANS } from './broken-plans.ts';
import { branch, DAY_MS, GID, gidAt, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

type Answer = { statusCode: number; headers: Record<string, unknown>; body: string };
type Case = { readonly code: ErrorCode; readonly story: string; readonly send: () => Promise<Answer> };

const begin = (body: unknown, headers?: Record<string, string>) =>
  world.send('POST', '/v1/transactions', body, headers);
const newAddress = async (body: object = {}) => `/v1/transactions/${(await begin(body)).json().gid}`;
const at = `/v1/transactions/${GID}`;
const withNumber = (number: string) =>
  begin(
    `{"branches":[{"branchId":"a","participant":"payment","activity":"pay","payload":{"sum":[${number}]}}]}`,
  );

async function raw(request: string): Promise<Answer> {
  const address = await world.app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect(Number(new URL(address).port), '127.0.0.1');
  socket.write(request);
  return answerOn(socket);
}

async function answerOn(socket: Socket): Promise<Answer> {
  const whole = await text(socket);
  const [head = '', body = ''] = whole.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => line.toLowerCase().split(': ')));
  expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
  expect(headers.connection).toBe('close');
  return { statusCode: Number(statusLine.split(' ')[1]), headers, body };
}

const cases: Case[] = [
  // ── Form ───────────────────────────────────────────────────────────────────────────────────────────────────
  { code: 'invalid_request', story: 'a field is unknown', send: () => begin({ timeout: 5 }) },
  { code: 'invalid_request', story: 'a number comes as text', send: () => begin({ timeoutMs: '5000' }) },
  { code: 'invalid_request', story: 'a time-out is no whole number', send: () => begin({ timeoutMs: 1.5 }) },
  { code: 'invalid_request', story: 'a time-out is nothing', send: () => begin({ timeoutMs: 0 }) },
  {
    code: 'invalid_request',
    story: 'a time-out is longer than 366 days',
    send: () => begin({ timeoutMs: 366 * DAY_MS + 1 }),
  },
  {
    code: 'timeout_too_long',
    story: 'a time-out is 366 days, and the coordinator permits fewer',
    send: () => begin({ timeoutMs: 366 * DAY_MS }),
  },
  { code: 'invalid_request', story: 'there is no body', send: () => begin(undefined) },
  { code: 'invalid_request', story: 'the body is a list', send: () => begin([]) },
  { code: 'invalid_request', story: 'the pattern is unknown', send: () => begin({ pattern: 'xa' }) },
  { code: 'invalid_request', story: 'branches are none', send: () => begin({ branches: [] }) },
  { code: 'invalid_request', story: 'a key is __proto__', send: () => begin('{"__proto__":{"gid":"x"}}') },
  {
    code: 'invalid_request',
    story: 'a name holds half a character',
    send: () => begin('{"name":"\\ud83d"}'),
  },
  { code: 'invalid_request', story: 'a name holds a line break', send: () => begin({ name: 'a\nb' }) },
  { code: 'invalid_request', story: 'a name is too long', send: () => begin({ name: 'x'.repeat(129) }) },
  {
    code: 'invalid_request',
    story: 'a gid is no UUIDv7',
    send: () => begin({ gid: GID.replace('-7d', '-4d') }),
  },
  { code: 'invalid_request', story: 'a gid is in capitals', send: () => begin({ gid: GID.toUpperCase() }) },
  ...(['tcc', 'saga'] as const).map((pattern) => ({
    code: 'too_many_branches' as const,
    story: `more than 100 branches of a ${pattern} are declared`,
    send: () => begin({ pattern, branches: Array.from({ length: 101 }, (_, index) => branch(`b${index}`)) }),
  })),
  {
    code: 'invalid_request',
    story: 'an Idempotency-Key is not ASCII',
    send: () => begin({}, { 'idempotency-key': 'ключ' }),
  },
  {
    code: 'invalid_request',
    story: 'an Idempotency-Key is too long',
    send: () => begin({}, { 'idempotency-key': 'x'.repeat(256) }),
  },
  {
    code: 'invalid_request',
    story: 'an Idempotency-Key is empty',
    send: () => begin({}, { 'idempotency-key': '' }),
  },
  {
    code: 'invalid_request',
    story: 'a gid in the path is none',
    send: () => world.send('GET', '/v1/transactions/42'),
  },
  {
    code: 'invalid_request',
    story: 'a gid in the path is endless',
    send: () => world.send('GET', `/v1/transactions/${'f'.repeat(5000)}`),
  },
  {
    code: 'invalid_request',
    story: 'a decision has a body that says something',
    send: () => world.send('POST', `${at}/confirm`, { force: true }),
  },
  { code: 'broken_json', story: 'the body breaks off', send: () => begin('{"name":') },
  { code: 'broken_json', story: 'the body is not UTF-8', send: () => begin(Buffer.from([0x22, 0xff, 0x22])) },
  {
    code: 'inexact_number',
    story: 'a number has too many digits',
    send: () => withNumber('12345678901234567890'),
  },
  {
    code: 'inexact_number',
    story: 'a number is finer than it can be',
    send: () => withNumber('0.1000000000000000055'),
  },
  { code: 'inexact_number', story: 'a number is too large', send: () => withNumber('1e400') },
  { code: 'inexact_number', story: 'a number is too small', send: () => withNumber('1E-400') },
  {
    code: 'nested_too_deep',
    story: 'the body is a well',
    send: () => begin(`{"branches":${'['.repeat(200_000)}${']'.repeat(200_000)}}`),
  },
  {
    code: 'unsupported_media_type',
    story: 'the body is a form',
    send: () => begin('a=1', { 'content-type': 'application/x-www-form-urlencoded' }),
  },
  {
    code: 'unsupported_media_type',
    story: 'the body is compressed',
    send: () => begin('{}', { 'content-type': 'application/json', 'content-encoding': 'gzip' }),
  },
  {
    code: 'body_too_large',
    story: 'the body is endless',
    send: () => begin(`"${'x'.repeat(1.5 * 1024 * 1024)}"`),
  },
  {
    code: 'headers_too_large',
    story: 'a header is endless',
    send: () => raw(`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`),
  },
  { code: 'malformed_request', story: 'it is no HTTP', send: () => raw('HELLO TERCET\r\n\r\n') },
  {
    code: 'malformed_request',
    story: 'the path cannot be decoded',
    send: () => world.send('GET', '/v1/transactions/%zz'),
  },
  {
    code: 'request_timeout',
    story: 'the request never ends',
    // Node looks for such requests every half minute; here it is told of one at once.
    async send() {
      world.app.server.once('connection', (socket) => {
        const error = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
        world.app.server.emit('clientError', error, socket);
      });
      return raw('GET /livez HTTP/1.1\r\n');
    },
  },

  { code: 'invalid_request', story: 'a call may take no time', send: () => begin({ callTimeoutMs: 0 }) },
  {
    code: 'invalid_request',
    story: 'a setting of retries is unknown',
    send: () => begin({ branches: [branch('a', { retry: { maxDelay: 5 } })] }),
  },
  {
    code: 'unauthorized',
    story: 'there is no token',
    async send() {
      const closed = await openWorld({ apiTokens: ['secret'] });
      const answer = await closed.send('GET', at);
      await closed.close();
      return answer;
    },
  },

  // ── What there is not ──────────────────────────────────────────────────────────────────────────────────────
  { code: 'unknown_route', story: 'the path is unknown', send: () => world.send('GET', '/v2/transactions') },
  {
    code: 'unknown_route',
    story: 'the method is unknown there',
    send: () => world.send('PUT', '/v1/transactions', {}),
  },
  { code: 'unknown_transaction', story: 'it is read', send: () => world.send('GET', at) },
  {
    code: 'unknown_transaction',
    story: 'its journal is read',
    send: () => world.send('GET', `${at}/events`),
  },
  { code: 'unknown_transaction', story: 'it is confirmed', send: () => world.send('POST', `${at}/confirm`) },
  { code: 'unknown_transaction', story: 'it is cancelled', send: () => world.send('POST', `${at}/cancel`) },
  { code: 'unknown_transaction', story: 'it is retried', send: () => world.send('POST', `${at}/retry`) },
  {
    code: 'unknown_transaction',
    story: 'a branch is registered',
    send: () => world.send('POST', `${at}/branches`, branch('a')),
  },
  {
    code: 'participant_not_registered',
    story: 'it is read',
    send: () => world.send('GET', '/v1/participants/nobody'),
  },
  {
    code: 'participant_not_registered',
    story: 'it is retried',
    send: () => world.send('POST', '/v1/participants/nobody/retry'),
  },

  // ── What cannot be done ────────────────────────────────────────────────────────────────────────────────────
  {
    code: 'unknown_participant',
    story: 'a declared branch names it',
    send: () => begin({ branches: [branch('a', { participant: 'nobody' })] }),
  },
  {
    code: 'address_not_allowed',
    story: 'a declared branch names one',
    send: () => begin({ branches: [branch('a', { participant: 'http://elsewhere.test' })] }),
  },
  { code: 'timeout_too_long', story: 'a day is asked for', send: () => begin({ timeoutMs: 86_400_000 }) },
  {
    code: 'invalid_request',
    story: 'no transaction is asked about',
    send: () => world.send('POST', '/v1/transactions/finality', { gids: [] }),
  },
  {
    code: 'invalid_request',
    story: 'more than 500 transactions are asked about',
    send: () =>
      world.send('POST', '/v1/transactions/finality', {
        gids: Array.from({ length: 501 }, (_, index) => gidAt(index)),
      }),
  },
  {
    code: 'invalid_request',
    story: 'a transaction is asked about twice',
    send: () => world.send('POST', '/v1/transactions/finality', { gids: [GID, GID] }),
  },
  {
    code: 'invalid_request',
    story: 'what is asked about is no transaction',
    send: () => world.send('POST', '/v1/transactions/finality', { gids: ['finality'] }),
  },
  {
    code: 'setting_over_maximum',
    story: 'calls may take an hour',
    send: () => begin({ callTimeoutMs: 3_600_000 }),
  },
  {
    code: 'setting_over_maximum',
    story: 'a branch would be called for ever',
    send: () => begin({ branches: [branch('a', { retry: { budgetMs: 2_147_483_647 } })] }),
  },
  {
    code: 'gid_too_old',
    story: 'it was made 15 days and a moment ago',
    send: () => begin({ gid: gidAt(world.time.now().latest - 15 * DAY_MS - 1) }),
  },
  {
    code: 'gid_in_future',
    story: 'it is made more than a day ahead',
    send: () => begin({ gid: gidAt(world.time.now().latest + DAY_MS + 1) }),
  },
  { code: 'no_branches', story: 'a saga has no steps', send: () => begin({ pattern: 'saga' }) },
  {
    code: 'unknown_participant',
    story: 'the callback names it',
    send: () => begin({ callback: { participant: 'nobody', activity: 'orders' } }),
  },
  {
    code: 'invalid_request',
    story: 'the callback is to an address',
    send: () => begin({ callback: { participant: 'http://elsewhere.test', activity: 'orders' } }),
  },
  ...Object.entries(BROKEN_PLANS).map(
    ([code, { body }]): Case => ({
      code: code as ErrorCode,
      story: 'it is in the plan of a begin',
      send: () => begin(body),
    }),
  ),
  {
    code: 'duplicate_branch',
    story: 'two are alike',
    send: () => begin({ branches: [branch('a'), branch('a')] }),
  },
  {
    code: 'payload_too_large',
    story: 'one payload is over 64 KiB',
    send: () => begin({ branches: [branch('a', { payload: 'x'.repeat(65_535) })] }),
  },
  {
    code: 'transaction_too_large',
    story: 'all payloads are over 1 MiB',
    send: () =>
      begin({
        branches: Array.from({ length: 17 }, (_, i) => branch(`b${i}`, { payload: 'x'.repeat(65_000) })),
      }),
  },
];

/** Refusals of what stands: they begin with something that stands. */
const declareKinds = (activities: Readonly<Record<string, string>>) =>
  world.send('PUT', '/v1/participants/inventory', { baseUrl: 'http://inventory.test', activities });

const conflicts: Case[] = [
  {
    code: 'kind_mismatch',
    story: 'a declared branch uses a pivot as a branch of a tcc',
    send: async () => {
      await declareKinds({ reserve: 'pivot' });
      return begin({ branches: [branch('a')] });
    },
  },
  {
    code: 'kind_mismatch',
    story: 'a saga uses a step as its pivot',
    send: async () => {
      await declareKinds({ reserve: 'step' });
      return begin({ pattern: 'saga', branches: [branch('a', { isPivot: true })] });
    },
  },
  {
    code: 'kind_mismatch',
    story: 'a branch is registered that its participant declared as a step',
    send: async () => {
      await declareKinds({ reserve: 'step' });
      const { gid } = (await begin({})).json();
      return world.send('POST', `/v1/transactions/${gid}/branches`, branch('a'));
    },
  },
  {
    code: 'transaction_differs',
    story: 'a gid is used again',
    async send() {
      await begin({ gid: GID });
      return begin({ gid: GID, name: 'other' });
    },
  },
  {
    code: 'transaction_differs',
    story: 'a key is used again',
    async send() {
      await begin({}, { 'idempotency-key': 'k' });
      return begin({ name: 'other' }, { 'idempotency-key': 'k' });
    },
  },
  {
    code: 'branch_differs',
    story: 'a branchId is used again',
    async send() {
      const address = await newAddress();
      await world.send('POST', `${address}/branches`, branch('a'));
      return world.send('POST', `${address}/branches`, branch('a', { activity: 'other' }));
    },
  },
  {
    code: 'too_many_branches',
    story: 'one more than 100 is registered',
    async send() {
      const address = await newAddress();
      for (let index = 0; index < 100; index += 1)
        await world.send('POST', `${address}/branches`, branch(`b${index}`));
      return world.send('POST', `${address}/branches`, branch('one-more'));
    },
  },
  {
    code: 'too_many_branches',
    story: 'more than 100 branches are to be confirmed',
    async send() {
      const branchIds = Array.from({ length: 101 }, (_, index) => `b${index}`);
      return world.send('POST', `${await newAddress()}/confirm`, { branchIds });
    },
  },
  {
    code: 'not_interactive',
    story: 'a declared transaction is confirmed',
    async send() {
      world.answer(() => null);
      return world.send('POST', `${await newAddress({ branches: [branch('a')] })}/confirm`);
    },
  },
  ...['confirm', 'branches'].map(
    (what): Case => ({
      code: 'not_interactive',
      story: `a saga is asked for ${what}`,
      async send() {
        world.answer(() => null);
        const address = await newAddress({ pattern: 'saga', branches: [branch('a')] });
        return world.send('POST', `${address}/${what}`, what === 'branches' ? branch('b') : {});
      },
    }),
  ),
  {
    code: 'pivot_in_flight',
    story: 'a saga is cancelled while only its pivot can decide',
    async send() {
      world.answer(() => null);
      const address = await newAddress({ pattern: 'saga', branches: [branch('a', { isPivot: true })] });
      return world.send('POST', `${address}/cancel`);
    },
  },
  {
    code: 'other_branches',
    story: 'one is confirmed for fewer branches than stand',
    async send() {
      const address = await newAddress();
      for (const branchId of ['a', 'b']) await world.send('POST', `${address}/branches`, branch(branchId));
      return world.send('POST', `${address}/confirm`, { branchIds: ['a'] });
    },
  },
  {
    code: 'decided_cancel',
    story: 'a cancelled one is confirmed',
    async send() {
      const address = await newAddress();
      await world.send('POST', `${address}/cancel`);
      return world.send('POST', `${address}/confirm`);
    },
  },
  {
    code: 'decided_confirm',
    story: 'a confirmed one is cancelled',
    async send() {
      const address = await newAddress();
      await world.send('POST', `${address}/confirm`);
      return world.send('POST', `${address}/cancel`);
    },
  },
  {
    code: 'deadline_passed',
    story: 'a branch comes when the time is over',
    async send() {
      const address = await newAddress({ timeoutMs: 200 });
      world.time.passUnnoticed(200);
      return world.send('POST', `${address}/branches`, branch('a'));
    },
  },
  {
    code: 'nothing_to_retry',
    story: 'a finished one is retried',
    async send() {
      const address = await newAddress();
      await world.send('POST', `${address}/cancel`);
      return world.send('POST', `${address}/retry`);
    },
  },
];

/** A world that is full: it holds one transaction, whose participant does not answer. */
async function fullWorld(given: Parameters<typeof openWorld>[0] = {}): Promise<void> {
  await world.close();
  world = await openWorld({ ...given, settings: { maxActiveTransactions: 1 } });
  world.answer(() => null);
  await begin({ branches: [branch('a')] });
}

const failures: Case[] = [
  {
    code: 'overloaded',
    story: 'as much is under way as there may be',
    async send() {
      await fullWorld();
      return begin({ branches: [branch('a')] });
    },
  },
  {
    code: 'store_unavailable',
    story: 'the database is away',
    async send() {
      world.store.failure = new StoreUnavailable('connect ECONNREFUSED db.internal:3306');
      return begin({});
    },
  },
  {
    code: 'internal_error',
    story: 'something nobody expected happens',
    async send() {
      world.store.failure = new Error('db.internal: SELECT * FROM accounts');
      return world.send('GET', at);
    },
  },
  {
    code: 'not_ready',
    story: 'the probe asks and the database is away',
    async send() {
      world.store.failure = new Error('db.internal is away');
      return world.send('GET', '/readyz');
    },
  },
  {
    code: 'upgrade_in_progress',
    story: 'a cancel has a note and a replica does not read it yet',
    async send() {
      const { gid } = (await begin({})).json();
      world.journalVersionIs(JOURNAL_VERSION - 1);
      return world.send('POST', `/v1/transactions/${gid}/cancel`, { note: 'duplicate order' });
    },
  },
  {
    code: 'stopping',
    story: 'the probe asks and the process drains',
    async send() {
      world.drains(true);
      return world.send('GET', '/readyz');
    },
  },
];

function expectProblem({ code }: Case, { statusCode, headers, body }: Answer): void {
  const { status, title, advice } = errors[code];
  const problem = JSON.parse(body);
  expect(problem).toMatchObject({ code, type: errorType(code), status, title });
  expect(problem.detail).toContain(advice);
  expect(statusCode).toBe(status);
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
}

describe('bad input is refused, clearly, and changes nothing:', () => {
  test.each(cases)('$code when $story', async (one) => {
    const participants = await world.registry.list();
    expectProblem(one, await one.send());
    expect(world.store.batchCount).toBe(0);
    expect(await world.registry.list()).toEqual(participants);
    expect(world.calls).toEqual([]);
  });
});

describe('what contradicts a transaction is refused:', () => {
  test.each(conflicts)('$code when $story', async (one) => expectProblem(one, await one.send()));
});

describe('what fails is told without internals:', () => {
  test.each(failures)('$code when $story', async (one) => {
    const answer = await one.send();
    expectProblem(one, answer);
    expect(answer.body).not.toMatch(/db\.internal|SELECT|ECONNREFUSED/);
    expect(answer.headers['retry-after']).toBe(answer.statusCode === 503 ? '1' : undefined);
  });
});

test('overload is not logged one request at a time: that would only add to it', async () => {
  let log = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      done();
    },
  });
  await fullWorld({ logger: Fastify({ logger: { stream } }).log });
  expect((await begin({ branches: [branch('a')] })).statusCode).toBe(503);
  expect(log).toBe('');
});

test('a setting over the maximum is named, with the maximum', async () => {
  const { detail } = (await begin({ callTimeoutMs: 3_600_000 })).json();
  expect(detail).toMatch(/^callTimeoutMs is at most 60000\. /);
});

describe('a fault names its place:', () => {
  test.each([
    ['#/branches/1/activity', { branches: [branch('a'), { branchId: 'b', participant: 'payment' }] }],
    ['#/branches/0/~0a~1b', { branches: [branch('a', { '~a/b': 1 })] }],
    ['#/branches/0/branchId', { branches: [branch('a b')] }],
    ['#', []],
  ])('%s', async (pointer, body) => {
    const problem = (await begin(body)).json();
    expect(problem.errors).toEqual([{ pointer, detail: expect.stringMatching(/./) }]);
    expect(problem.detail).toContain(`${pointer} ${problem.errors[0].detail}`);
  });

  test('the number that cannot be carried', async () => {
    expect((await withNumber('0.1000000000000000055')).json().errors).toEqual([
      { pointer: '#/branches/0/payload/sum/0', detail: '0.1000000000000000055 would change its value.' },
    ]);
  });

  test('the header, and the part of the path', async () => {
    const byHeader = await begin({}, { 'idempotency-key': '' });
    expect(byHeader.json().errors).toEqual([
      { header: 'idempotency-key', detail: expect.stringContaining('1 to 255 printable ASCII') },
    ]);
    const byPath = await world.send('GET', '/v1/transactions/42');
    expect(byPath.json().errors).toEqual([{ parameter: 'gid', detail: expect.stringContaining('UUIDv7') }]);
  });
});

/** By `completion.test.ts`, `quarantine.test.ts` and `host-check.test.ts`. */
const ELSEWHERE = [
  'unknown_branch',
  'op_not_open',
  'cannot_refuse',
  'completed_differently',
  'result_unusable',
  'unknown_host',
  'wrong_signature',
  'participant_in_use',
  'registration_too_large',
  'quarantined',
];

test('every code is reached above or elsewhere, but those that a schema or the coordinator itself comes before', () => {
  const reached = new Set([...cases, ...conflicts, ...failures].map(({ code }) => code));
  const unreached = Object.keys(errors).filter((code) => !reached.has(code as ErrorCode));
  expect(unreached).toEqual(['deadline_not_reached', ...ELSEWHERE]);
});
