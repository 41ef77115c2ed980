// The participant client against real servers: what is sent, what is made of each answer, and that it never rejects.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { MemoryParticipantRegistry } from '../../../src/adapters/memory/participant-registry.ts';
import { HttpParticipantClient } from '../../../src/adapters/participant/http-client.ts';
import type { ParticipantCall, ParticipantRegistry } from '../../../src/application/ports.ts';
import { CompletionUrls } from '../../../src/wire/completion-urls.ts';
import { type Participant, participantThat, type Received, rawParticipantThat } from './http-server.ts';
import { until } from '../../support/until.ts';
import { NO_TRACE } from '../../../src/application/trace-context.ts';

let registry: MemoryParticipantRegistry;
let client: HttpParticipantClient;
let open: Participant[];

beforeEach(() => {
  registry = new MemoryParticipantRegistry();
  client = new HttpParticipantClient({ registry, ca: null, maxIdleConnections: 256 });
  open = [];
});
afterEach(async () => {
  for (const participant of open) await participant.close();
  await client.close();
});

async function register(starting: Promise<Participant>, path = '', paths = {}): Promise<Participant> {
  const participant = await starting;
  open.push(participant);
  await registry.put({ name: 'inventory', baseUrls: [participant.url + path], paths, callTimeoutMs: null });
  return participant;
}

const GID = '0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60';
const call = (more: Partial<ParticipantCall> = {}): ParticipantCall => ({
  gid: GID,
  branchId: 'stock',
  op: 'try',
  kind: 'tcc',
  participant: 'inventory',
  activity: 'reserve',
  payload: '{"items":2,"наименование":"чай"}',
  attempt: 1,
  isResultWanted: false,
  timeoutMs: 60_000,
  deadlineAt: Date.UTC(2026, 0, 1, 12, 0, 0, 7),
  ...NO_TRACE,
  ...more,
});

const answers = (status: number, headers: Record<string, string> = {}, body = '') =>
  participantThat((response) => response.writeHead(status, headers).end(body));

/** Of a call that did not succeed. */
const origin = expect.stringMatching(/^https?:\/\/[^/]+$/);

describe('a call of a participant with secrets', () => {
  const [first, second] = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`) as [
    string,
    string,
  ];
  const AT = Date.now();
  const signed = async (secrets: readonly string[], more: Partial<ParticipantCall> = {}) => {
    const participant = await register(answers(200));
    const { name, ...rest } = (await registry.find('inventory'))!;
    await registry.put({ name, ...rest, secrets });
    const signing = new HttpParticipantClient({
      registry,
      ca: null,
      maxIdleConnections: 256,
      now: () => AT,
    });
    expect((await signing.call(call(more))).httpStatus).toBe(200);
    await signing.close();
    return participant.received[0] as Received;
  };
  const signatureOf = ({ headers }: Received) => ({
    'webhook-id': String(headers['webhook-id']),
    'webhook-timestamp': String(headers['webhook-timestamp']),
    'webhook-signature': String(headers['webhook-signature']),
  });

  test('is signed by Standard Webhooks, over the body as it is', async () => {
    const received = await signed([first], { op: 'confirm', attempt: 3 });
    expect(signatureOf(received)).toMatchObject({
      'webhook-id': `${GID}/stock/confirm/tcc`,
      'webhook-timestamp': String(Math.floor(AT / 1000)),
    });
    const verify = (secret: string, body = received.body) =>
      new Webhook(secret).verify(body, signatureOf(received));
    expect(verify(first)).toEqual({ items: 2, наименование: 'чай' });
    expect(() => verify(second)).toThrow('No matching signature');
    expect(() => verify(first, received.body.replace('2', '3'))).toThrow('No matching signature');
    expect(received.headers).toMatchObject({ 'tcc-op': 'confirm', 'tcc-attempt': '3' });
  });

  test('is signed with each of two, while one replaces the other', async () => {
    const received = await signed([first, second]);
    expect(signatureOf(received)['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
    for (const secret of [first, second])
      expect(new Webhook(secret).verify(received.body, signatureOf(received))).toBeDefined();
  });

  test.each([[undefined], [[]]])('and a call of one without any is not signed', async (secrets) => {
    const participant = await register(answers(200));
    const found = (await registry.find('inventory'))!;
    await registry.put({ ...found, ...(secrets && { secrets }) });
    await client.call(call());
    const names = Object.keys((participant.received[0] as Received).headers);
    expect(names.filter((name) => name.startsWith('webhook'))).toEqual([]);
  });

  test('bears the time of this attempt by the clock of this machine where no other is given', async () => {
    const participant = await register(answers(200));
    await registry.put({ ...(await registry.find('inventory'))!, secrets: [first] });
    const before = Math.floor(Date.now() / 1000);
    await client.call(call());
    const at = Number((participant.received[0] as Received).headers['webhook-timestamp']);
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(Date.now() / 1000);
  });
});

describe('a call', () => {
  test('carries the payload as it is, and who, what and until when in its headers', async () => {
    const participant = await register(answers(200));
    await client.call(call({ op: 'confirm', attempt: 3 }));
    const { method, url, headers, body } = participant.received[0] as Received;
    expect([method, url, body]).toEqual(['POST', '/reserve/confirm', '{"items":2,"наименование":"чай"}']);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'tcc-transaction-id': GID,
      'tcc-branch-id': 'stock',
      'tcc-op': 'confirm',
      'tcc-kind': 'tcc',
      'tcc-attempt': '3',
      'tcc-deadline': '2026-01-01T12:00:00.007Z',
      'idempotency-key': `${GID}/stock/confirm`,
    });
    expect(headers).not.toHaveProperty('traceparent');
  });

  test('carries the signed URL of its op where there are such, and a callback carries none', async () => {
    const completionUrls = new CompletionUrls({
      publicUrl: 'https://tercet.example/base',
      secrets: [`whsec_${Buffer.alloc(32, 1).toString('base64')}`],
    });
    const participant = await register(answers(200));
    const own = new HttpParticipantClient({ registry, ca: null, maxIdleConnections: 1, completionUrls });
    await own.call(call({ op: 'confirm' }));
    await own.call(call({ op: 'notify', branchId: null }));
    await own.close();
    await client.call(call());
    expect(participant.received.map(({ headers }) => headers['tcc-completion-url'])).toEqual([
      completionUrls.urlOf({ gid: GID, branchId: 'stock', op: 'confirm' }),
      undefined,
      undefined,
    ]);
  });

  test("continues the initiator's trace", async () => {
    const participant = await register(answers(200));
    const trace = {
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'a=1,b=2',
      baggage: 'tenant=7',
    };
    await client.call(call(trace));
    expect(participant.received[0]?.headers).toMatchObject(trace);
  });

  test.each([
    ['', '/reserve/try'],
    ['/', '/reserve/try'],
    ['/tcc', '/tcc/reserve/try'],
    ['/tcc/', '/tcc/reserve/try'],
  ])('with the base path “%s” goes to %s', async (path, url) => {
    const participant = await register(answers(200), path);
    await client.call(call());
    expect(participant.received[0]?.url).toBe(url);
  });

  test('goes to the path that is registered for its activity and op', async () => {
    const participant = await register(answers(200), '/v1', { 'reserve/try': '/stock?hold=1' });
    await client.call(call());
    await client.call(call({ op: 'cancel' }));
    expect(participant.received.map(({ url }) => url)).toEqual(['/v1/stock?hold=1', '/v1/reserve/cancel']);
  });

  test('goes where the participant is registered at the time', async () => {
    const before = await register(answers(200));
    await client.call(call());
    const after = await register(answers(200));
    await client.call(call());
    expect([before.received.length, after.received.length]).toEqual([1, 1]);
  });

  test('uses connections again', async () => {
    const ports = new Set<number | undefined>();
    await register(
      participantThat((response) => {
        ports.add(response.socket?.remotePort);
        response.end('{}');
      }),
    );
    for (let count = 0; count < 20; count += 1) await client.call(call());
    // A call that follows at once may find the first still being put away.
    expect(ports.size).toBeLessThanOrEqual(2);
  });
});

describe('an answer', () => {
  test.each([
    200, 201, 202, 204, 302, 400, 404, 409, 422, 425, 500, 503,
  ])('of %d is told as it is', async (status) => {
    await register(answers(status, {}, status === 204 ? '' : '{"anything":true}'));
    expect(await client.call(call())).toEqual({
      httpStatus: status,
      answer: String(status),
      retryAfterMs: null,
      // Who refuses may say why.
      ...([409, 422].includes(status) && { body: '{"anything":true}' }),
      ...(status >= 300 && { origin }),
    });
  });

  describe('with an error', () => {
    const answerOf = async (status: number, body: string | Buffer, keepsErrorBodies = true) => {
      await register(participantThat((response) => response.writeHead(status).end(body)));
      const keeping = new HttpParticipantClient({
        registry,
        ca: null,
        maxIdleConnections: 256,
        keepsErrorBodies,
      });
      const { errorBody } = await keeping.call(call());
      await keeping.close();
      return errorBody;
    };

    test('has the beginning of its body, where it is to be kept', async () => {
      expect(await answerOf(500, 'out of disk')).toBe('out of disk');
      expect(await answerOf(503, 'x'.repeat(5000))).toBe('x'.repeat(1024));
      expect(await answerOf(500, `${'x'.repeat(1023)}чай`)).toBe('x'.repeat(1023));
    });

    test.each<[string, number, string | Buffer, boolean?]>([
      ['it is not to be kept', 500, 'out of disk', false],
      ['it is empty', 500, ''],
      ['it is no UTF-8', 500, Buffer.from([0x1f, 0x8b, 0xff])],
      ['the participant is not at fault', 404, 'no such path'],
      ['it refuses', 409, 'sold out'],
      ['it succeeds', 200, 'done'],
    ])('has none where %s', async (_why, status, body, keeps = true) => {
      expect(await answerOf(status, body, keeps)).toBeUndefined();
    });
  });

  test('that refuses by a text is marked as one', async () => {
    await register(answers(409, { 'content-type': 'text/plain; charset=utf-8' }, 'Sold out'));
    expect(await client.call(call())).toMatchObject({ body: 'Sold out', isText: true });
    await register(answers(409, { 'content-type': 'text/html' }, '<p>Sold out'));
    expect(await client.call(call())).not.toHaveProperty('isText');
  });

  test('after an early hint is the one that counts', async () => {
    await register(
      participantThat((response) => {
        response.writeEarlyHints({ link: '</a>; rel=preload' });
        response.writeHead(201).end();
      }),
    );
    expect(await client.call(call())).toMatchObject({ httpStatus: 201 });
  });

  test('that redirects is not followed', async () => {
    const elsewhere = await answers(200);
    open.push(elsewhere);
    await register(answers(307, { location: elsewhere.url }));
    expect(await client.call(call())).toMatchObject({ httpStatus: 307, answer: '307' });
    expect(elsewhere.received).toEqual([]);
  });

  test.each([64 * 1024, 64 * 1024 + 1])('with a body of %d bytes counts up to 64 KiB', async (bytes) => {
    await register(answers(200, {}, 'x'.repeat(bytes)));
    const isWithin = bytes === 64 * 1024;
    expect(await client.call(call())).toEqual({
      httpStatus: isWithin ? 200 : null,
      answer: isWithin ? '200' : '200, but its body is over 64 KiB',
      retryAfterMs: null,
      ...(!isWithin && { origin }),
    });
  });

  test('whose body never ends is cut off', async () => {
    await register(
      participantThat((response) => {
        const pour = () => {
          while (response.write('x'.repeat(16_384)));
        };
        response.on('drain', pour);
        pour();
      }),
    );
    expect(await client.call(call())).toMatchObject({ httpStatus: null });
  });

  test('with Retry-After in seconds tells it', async () => {
    await register(answers(503, { 'retry-after': '7' }));
    expect(await client.call(call())).toEqual({ httpStatus: 503, answer: '503', retryAfterMs: 7000, origin });
  });
});

describe('a call takes no longer than its time-out', () => {
  const timeoutMs = 150;
  const timedOut = { httpStatus: null, answer: 'time-out after 150 ms', retryAfterMs: null, origin };

  test('when nobody answers', async () => {
    await register(participantThat(() => {}));
    expect(await client.call(call({ timeoutMs }))).toEqual(timedOut);
  });

  test('when the headers drip', async () => {
    await register(rawParticipantThat((socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx: ')));
    expect(await client.call(call({ timeoutMs }))).toEqual(timedOut);
  });

  test('when the body drips', async () => {
    await register(
      rawParticipantThat((socket) => drip(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n')),
    );
    expect(await client.call(call({ timeoutMs }))).toEqual(timedOut);
  });

  test('when the registry does not answer, and then nothing was attempted', async () => {
    const participant = await register(answers(200));
    let answer = (_: Awaited<ReturnType<ParticipantRegistry['find']>>) => {};
    const stuck = new HttpParticipantClient({
      ca: null,
      maxIdleConnections: 256,
      registry: Object.assign(new MemoryParticipantRegistry(), {
        find: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      }),
    });
    expect(await stuck.call(call({ timeoutMs }))).toEqual({
      httpStatus: null,
      answer: 'time-out after 150 ms',
      retryAfterMs: null,
      isUnsent: true,
    });
    answer(await registry.find('inventory'));
    await stuck.close();
    expect(participant.received).toEqual([]);
  });

  test('when the connection is not made, which is given up then', async () => {
    let closedCount = 0;
    const silent = await register(
      rawParticipantThat((socket) => {
        socket.on('close', () => {
          closedCount += 1;
        });
      }),
    );
    const baseUrls = [silent.url.replace('http:', 'https:')];
    await registry.put({ name: 'inventory', baseUrls, paths: {}, callTimeoutMs: null });
    let isOtherOver = false;
    const other = client.call(call({ timeoutMs: 2000 })).then(() => {
      isOtherOver = true;
    });
    expect(await client.call(call({ timeoutMs }))).toEqual(timedOut);
    await until('a connection is closed', () => closedCount === 1);
    expect(isOtherOver).toBe(false);
    await other;
  });

  function drip(socket: { write(text: string): void; destroyed: boolean }, head: string): void {
    socket.write(head);
    const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write('x')), 20);
  }
});

describe('several participants behind one address', () => {
  const NAMES = ['inventory', 'payment', 'shipment'];
  const PER_NAME = 40;

  test('never wait for a connection, each as slow as it may be, and few connections stay open', async () => {
    const open = new Set<object>();
    const held: (() => void)[] = [];
    const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=600\r\n\r\n';
    const gateway = await register(
      rawParticipantThat((socket, text) => {
        if (!text.startsWith('POST')) return;
        open.add(socket);
        socket.on('close', () => open.delete(socket));
        held.push(() => socket.write(answer));
      }),
    );
    for (const name of NAMES)
      await registry.put({ name, baseUrls: [gateway.url], paths: {}, callTimeoutMs: null });
    const few = new HttpParticipantClient({ registry, ca: null, maxIdleConnections: PER_NAME });
    const calls = NAMES.flatMap((participant) =>
      Array.from({ length: PER_NAME }, () => few.call(call({ participant }))),
    );
    // None is answered before all have arrived.
    await until('all have arrived', () => held.length === calls.length);
    expect(open.size).toBe(calls.length);
    for (const release of held) release();
    const statuses = (await Promise.all(calls)).map(({ httpStatus }) => httpStatus);
    expect(new Set(statuses)).toEqual(new Set([200]));
    await until('few connections are open', () => open.size <= PER_NAME);
    await few.close();
    await until('none is open', () => open.size === 0);
  });

  test('leave no connection open that is idle for long', async () => {
    let closedCount = 0;
    await register(
      rawParticipantThat((socket, text) => {
        // The head and the body of a request may come one after the other.
        if (!text.startsWith('POST')) return;
        socket.on('close', () => {
          closedCount += 1;
        });
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nkeep-alive: timeout=3\r\n\r\n');
      }),
    );
    const calls = Array.from({ length: 10 }, () => client.call(call()));
    expect((await Promise.all(calls)).map(({ httpStatus }) => httpStatus)).toEqual(Array(10).fill(200));
    await until('all are closed', () => closedCount === 10);
  });
});

describe('a name', () => {
  const timeoutMs = 150;
  let running: { name: string; answer: (error: Error | null, address?: string) => void }[];
  let byName: HttpParticipantClient;

  beforeEach(() => {
    running = [];
    byName = new HttpParticipantClient({
      registry,
      ca: null,
      maxIdleConnections: 256,
      lookup: (name, _options, callback) => {
        const answer = (error: Error | null, address = '') => callback(error, [{ address, family: 4 }]);
        running.push({ name, answer });
      },
    });
  });
  afterEach(async () => {
    for (const { answer } of running) answer(new Error('the test is over'));
    await byName.close();
  });

  const named = async (name: string, url = 'http://nowhere:80') => {
    const baseUrls = [url.replace(/127\.0\.0\.1|nowhere/, `${name}.test`)];
    await registry.put({ name, baseUrls, paths: {}, callTimeoutMs: null });
  };

  test('that is not answered is the fault of its participant, and the answer says so', async () => {
    await named('silent');
    expect(await byName.call(call({ participant: 'silent', timeoutMs }))).toEqual({
      httpStatus: null,
      answer: 'time-out after 150 ms: the name “silent.test” was not resolved',
      retryAfterMs: null,
      origin,
    });
  });

  test('that is not answered within its bound is an answer in words', async () => {
    await named('silent');
    const answer = await byName.call(call({ participant: 'silent' }));
    expect(answer).toEqual({
      httpStatus: null,
      answer: 'the name “silent.test” was not resolved within 5000 ms',
      retryAfterMs: null,
      origin,
    });
  });

  test('that waits for others to be looked up is nobody’s fault: its calls were not sent', async () => {
    for (const name of ['silent', 'other', 'inventory']) await named(name);
    const calls = ['silent', 'other', 'inventory'].map((participant) =>
      byName.call(call({ participant, timeoutMs })),
    );
    const unsent = (await Promise.all(calls)).map(({ isUnsent }) => isUnsent);
    expect(unsent).toEqual([undefined, undefined, true]);
    running[0]?.answer(new Error('queryA ENOTFOUND silent.test'));
    expect(running.map(({ name }) => name)).toEqual(['silent.test', 'other.test']);
  });

  test('is looked up once for all calls that begin meanwhile, and each connects', async () => {
    const participant = await register(answers(200));
    await named('inventory', participant.url);
    const calls = Array.from({ length: 20 }, () => byName.call(call()));
    await until('it is looked up', () => running.length > 0);
    running[0]?.answer(null, '127.0.0.1');
    expect((await Promise.all(calls)).map(({ httpStatus }) => httpStatus)).toEqual(Array(20).fill(200));
    expect(running).toHaveLength(1);
    expect(participant.received[0]?.headers.host).toMatch(/^inventory\.test:/);
  });

  test('that leads to an address which is never called is not called', async () => {
    await named('inventory');
    const answer = byName.call(call());
    await until('it is looked up', () => running.length > 0);
    running[0]?.answer(null, '169.254.169.254');
    expect(await answer).toMatchObject({
      answer: 'inventory.test: 169.254.169.254 is a link-local address, which is never called',
    });
  });

  test.each([
    'EMFILE',
    'ENFILE',
  ])('or connection for which this process has no file descriptor (%s) is not the participant’s fault', async (code) => {
    await named('inventory');
    const answer = byName.call(call());
    await until('it is looked up', () => running.length > 0);
    running[0]?.answer(Object.assign(new Error(`connect ${code}`), { code }));
    expect(await answer).toMatchObject({ answer: `connect ${code}`, isUnsent: true });
  });
});

describe('what goes wrong is an answer without a status, in words:', () => {
  const inWords = (answer: string | RegExp) => ({
    httpStatus: null,
    answer: typeof answer === 'string' ? answer : expect.stringMatching(answer),
    retryAfterMs: null,
    origin,
  });
  const notSent = (answer: string) => ({ httpStatus: null, answer, retryAfterMs: null });
  /** It never left: no attempt, and nothing said of the participant. */
  const unsent = (answer: string) => ({ ...notSent(answer), isUnsent: true });

  test('the name is not registered', async () => {
    expect(await client.call(call())).toEqual(notSent('no participant “inventory” is registered'));
  });

  test('the registry fails', async () => {
    registry.find = async () => {
      throw new Error('the database is away');
    };
    expect(await client.call(call())).toEqual(
      unsent('the participants could not be looked up: the database is away'),
    );
  });

  test('nobody listens', async () => {
    const gone = await register(answers(200));
    await gone.close();
    expect(await client.call(call())).toEqual(inWords(/^connect ECONNREFUSED 127\.0\.0\.1:\d+$/));
  });

  test('nobody listens on either address of localhost', async () => {
    const gone = await register(answers(200));
    await gone.close();
    const baseUrl = gone.url.replace('127.0.0.1', 'localhost');
    await registry.put({ name: 'inventory', baseUrls: [baseUrl], paths: {}, callTimeoutMs: null });
    expect(await client.call(call())).toEqual(inWords(/^connect ECONNREFUSED /));
  });

  test('the host is unknown', async () => {
    await registry.put({
      name: 'inventory',
      baseUrls: ['http://nobody.invalid'],
      paths: {},
      callTimeoutMs: null,
    });
    expect(await client.call(call())).toEqual(inWords(/nobody\.invalid/));
  });

  test('the registered address is none', async () => {
    await registry.put({ name: 'inventory', baseUrls: ['nonsense'], paths: {}, callTimeoutMs: null });
    expect(await client.call(call())).toMatchObject({
      httpStatus: null,
      answer: expect.stringMatching(/Invalid URL/),
    });
  });

  test('the connection is reset before the answer', async () => {
    await register(rawParticipantThat((socket) => socket.resetAndDestroy()));
    expect(await client.call(call())).toEqual(inWords(/ECONNRESET|other side closed/));
  });

  test('the connection ends in the middle of the body', async () => {
    await register(
      rawParticipantThat((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')),
    );
    expect(await client.call(call())).toEqual(inWords(/./));
  });

  test('what answers is no HTTP', async () => {
    await register(rawParticipantThat((socket) => socket.end('HELLO\r\n\r\n')));
    expect(await client.call(call())).toEqual(inWords(/./));
  });

  test('the client is closed', async () => {
    await register(answers(200));
    await client.call(call());
    await client.close();
    expect(await client.call(call())).toEqual(unsent('the coordinator is stopping: not sent'));
  });

  test('and never in more than one line of 200 characters', async () => {
    registry.find = async () => {
      throw new Error(`line\n${'x'.repeat(1000)}`);
    };
    const { answer } = await client.call(call());
    expect(answer).toMatch(/^[^\n]{200}$/);
  });
});

describe('a connection that the server closes while it idles', () => {
  test('costs at most an answer without a status, and no call is sent twice', async () => {
    const participant = await register(
      rawParticipantThat((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n');
        socket.end();
      }),
    );
    const statuses: (number | null)[] = [];
    for (let attempt = 1; attempt <= 50; attempt += 1)
      statuses.push((await client.call(call({ attempt }))).httpStatus);
    expect(statuses.filter((status) => status !== 200 && status !== null)).toEqual([]);
    const attempts = participant.received.flatMap(({ body }) => /tcc-attempt: (\d+)/.exec(body)?.[1] ?? []);
    expect(attempts).toEqual([...new Set(attempts)]);
    expect(attempts.length).toBeGreaterThanOrEqual(statuses.filter((status) => status === 200).length);
  });

  test('does not hurt the calls on other connections', async () => {
    let count = 0;
    await register(
      participantThat((response) => {
        count += 1;
        if (count % 3 === 0) response.socket?.destroy();
        else response.end('{}');
      }),
    );
    const all = await Promise.all(Array.from({ length: 60 }, () => client.call(call())));
    expect(all.filter(({ httpStatus }) => httpStatus === 200)).toHaveLength(40);
    expect(all.filter(({ httpStatus }) => httpStatus === null)).toHaveLength(20);
  });
});

test('closing waits for the calls under way', async () => {
  let finish = () => {};
  const participant = await register(
    participantThat((response) => {
      finish = () => response.end();
    }),
  );
  const answer = client.call(call());
  await until('it is called', () => participant.received.length > 0);
  const closing = client.close();
  finish();
  await closing;
  expect(await answer).toMatchObject({ httpStatus: 200 });
});
