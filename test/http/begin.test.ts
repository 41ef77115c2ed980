// Beginning a transaction over HTTP, declared and interactive, once and again.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { branch, GID, gidAt, openWorld, RETENTION_MS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const declared = {
  name: 'order',
  businessKey: 'A-17',
  branches: [branch('stock', { payload: { items: 2 } })],
};

test('a transaction may stay undecided for 366 days where the coordinator permits it', async () => {
  const patient = await openWorld({ settings: { maxTimeoutMs: 366 * 86_400_000 } });
  const begun = await patient.send('POST', '/v1/transactions', { timeoutMs: 366 * 86_400_000 });
  expect(begun.json()).toMatchObject({ status: 'trying', deadlineAt: '2027-01-02T00:00:00.000Z' });
  await patient.close();
});

describe('an interactive transaction', () => {
  test('begins with 201 and the address where it can be read', async () => {
    const begun = await world.send('POST', '/v1/transactions', { timeoutMs: 5000 });
    expect(begun.statusCode).toBe(201);
    const { gid } = begun.json();
    expect(begun.headers.location).toBe(`/v1/transactions/${gid}`);
    expect(begun.json()).toEqual({
      explanation: expect.stringMatching(/^Waiting since .* for the initiator to confirm or cancel/),
      gid,
      pattern: 'tcc',
      mode: 'interactive',
      name: null,
      businessKey: null,
      status: 'trying',
      decision: null,
      beganAt: '2026-01-01T00:00:00.000Z',
      deadlineAt: '2026-01-01T00:00:05.000Z',
      finishedAt: null,
      pivotStartedAt: null,
      cancelAskedAt: null,
      callback: null,
      isParked: false,
      waitingSince: null,
      needsAttention: false,
      traceId: null,
      traceUrl: null,
      branches: [],
    });
    const { path, ...read } = (await world.send('GET', begun.headers.location ?? '')).json();
    expect(read).toEqual(begun.json());
    expect(path).toEqual([{ what: 'began', at: '2026-01-01T00:00:00.000Z' }]);
  });

  test('that waits for nothing is answered at once, whatever the client prefers', async () => {
    const begun = await world.send('POST', '/v1/transactions', {}, { prefer: 'wait=60' });
    expect(begun.statusCode).toBe(201);
  });
});

describe('a declared transaction', () => {
  test('is under way: 202, and the address where it can be read', async () => {
    world.answer(() => null);
    const begun = await world.send('POST', '/v1/transactions', declared);
    expect(begun.statusCode).toBe(202);
    const { gid } = begun.json();
    expect(begun.headers.location).toBe(`/v1/transactions/${gid}`);
    expect(begun.json()).toMatchObject({
      mode: 'declared',
      name: 'order',
      businessKey: 'A-17',
      status: 'trying',
      branches: [
        {
          branchId: 'stock',
          participant: 'inventory',
          activity: 'reserve',
          try: {
            reply: null,
            attemptCount: 0,
            nextAttemptAt: '2026-01-01T00:00:00.000Z',
            parkedAt: null,
            acceptedAt: null,
            answer: null,
          },
          confirm: null,
          cancel: null,
          lateSuccessCount: 0,
        },
      ],
    });
    expect(begun.body).not.toContain('items');
  });

  test('that ends within the wait is answered with its end', async () => {
    const ended = await world.send('POST', '/v1/transactions', declared, { prefer: 'respond-async, wait=5' });
    expect(ended.statusCode).toBe(200);
    expect(ended.headers.location).toBeUndefined();
    expect(ended.json()).toMatchObject({
      status: 'confirmed',
      decision: { decision: 'confirm', reason: 'all_tries_succeeded', branchId: null },
      branches: [
        { try: { reply: 'succeeded', answer: '200' }, confirm: { reply: 'succeeded' }, cancel: null },
      ],
    });
    expect(world.calls.map(({ op }) => op)).toEqual(['try', 'confirm']);
  });

  test('that is cancelled within the wait is no failure: 200, and why', async () => {
    world.answer(({ op }) => (op === 'try' ? 409 : 200));
    const ended = await world.send('POST', '/v1/transactions', declared, { prefer: 'wait=5' });
    expect(ended.statusCode).toBe(200);
    expect(ended.json()).toMatchObject({
      status: 'cancelled',
      decision: { decision: 'cancel', reason: 'try_refused', branchId: 'stock' },
      branches: [
        { try: { reply: 'refused', nextAttemptAt: null }, cancel: { reply: 'succeeded' }, confirm: null },
      ],
    });
  });

  test('that outlasts the wait is answered as it is then', async () => {
    world.answer(() => null);
    const answering = world.send('POST', '/v1/transactions', declared, { prefer: 'wait=2' });
    const running = await world.time.passUntil(answering);
    expect(running.statusCode).toBe(202);
    expect(running.headers.location).toBe(`/v1/transactions/${running.json().gid}`);
    expect(world.time.now().latest - Date.parse(running.json().beganAt)).toBeGreaterThanOrEqual(2000);
  });

  test('does not keep a closing server: its wait ends', async () => {
    world.answer(() => null);
    const answering = world.send('POST', '/v1/transactions', declared, { prefer: 'wait=60' });
    await until('it is called', () => world.calls.length > 0);
    await world.app.close();
    expect((await answering).statusCode).toBe(202);
  });

  test('hands the payload on as it came', async () => {
    const payload = { z: [1, 0.1, 1e21, -0.5, null], a: { ключ: '\u0000 \ud83d\ude00 "' } };
    await world.send(
      'POST',
      '/v1/transactions',
      { branches: [branch('stock', { payload })] },
      { prefer: 'wait=5' },
    );
    expect(world.calls[0]?.payload).toBe(JSON.stringify(payload));
  });

  test('keeps a key named __proto__ in a payload as the key that it is', async () => {
    const payload = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":1}}';
    const body = `{"branches":[{"branchId":"a","participant":"inventory","activity":"reserve","payload":${payload}}]}`;
    const ended = await world.send('POST', '/v1/transactions', body, { prefer: 'wait=5' });
    expect(ended.statusCode).toBe(200);
    expect(world.calls[0]?.payload).toBe(payload);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});

describe('the same request again', () => {
  test.each([
    ['gid', { gid: GID }, {}],
    ['key', {}, { 'idempotency-key': 'order A-17' }],
  ])('with the same %s is answered the same interactive transaction', async (_what, body, headers) => {
    const first = await world.send('POST', '/v1/transactions', body, headers);
    const again = await world.send('POST', '/v1/transactions', body, headers);
    expect([first.statusCode, again.statusCode]).toEqual([201, 200]);
    expect(again.json()).toEqual(first.json());
    expect(again.headers.location).toBeUndefined();
  });

  test('is answered the end of a declared transaction, which is not run again', async () => {
    const headers = { 'idempotency-key': 'k', prefer: 'wait=5' };
    const first = await world.send('POST', '/v1/transactions', declared, headers);
    const again = await world.send('POST', '/v1/transactions', declared, { 'idempotency-key': 'k' });
    expect([first.statusCode, again.statusCode]).toEqual([200, 200]);
    expect(again.json()).toEqual(first.json());
    expect(world.calls).toHaveLength(2);
  });

  test('may name its fields in another order', async () => {
    await world.send('POST', '/v1/transactions', { gid: GID, name: 'order' });
    const again = await world.send('POST', '/v1/transactions', { name: 'order', gid: GID });
    expect(again.statusCode).toBe(200);
  });

  test('at the same time begins one transaction', async () => {
    const both = await Promise.all(
      [1, 2, 3].map(() => world.send('POST', '/v1/transactions', {}, { 'idempotency-key': 'k' })),
    );
    expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 201]);
    expect(new Set(both.map((one) => one.json().gid)).size).toBe(1);
  });
});

describe('a key that comes with a gid', () => {
  const begin = (body: object, key?: string) =>
    world.send('POST', '/v1/transactions', body, key === undefined ? {} : { 'idempotency-key': key });
  const codeOf = (answer: { json(): { code?: string } }) => answer.json().code;

  test('that stands without one names that transaction from then on, and no second one', async () => {
    await begin({ gid: GID, name: 'order' });
    const bound = await begin({ gid: GID, name: 'order' }, 'k');
    expect([bound.statusCode, bound.headers['idempotent-replayed']]).toEqual([200, 'true']);
    const alone = await begin({ name: 'order' }, 'k');
    expect([alone.statusCode, codeOf(alone)]).toEqual([409, 'transaction_differs']);
    const elsewhere = await begin({ gid: gidAt(1), name: 'order' }, 'k');
    expect([elsewhere.statusCode, codeOf(elsewhere)]).toEqual([409, 'transaction_differs']);
    expect((await begin({ gid: GID, name: 'order' }, 'k')).statusCode).toBe(200);
    expect(world.store.gids).toEqual([GID]);
  });

  test('whose beginning differs is not remembered: the refusal changes nothing', async () => {
    await begin({ gid: GID, name: 'order' });
    expect(codeOf(await begin({ gid: GID, name: 'other' }, 'k'))).toBe('transaction_differs');
    expect((await begin({ name: 'other' }, 'k')).statusCode).toBe(201);
  });

  test('that has another key has both of them', async () => {
    await begin({ gid: GID }, 'one');
    expect((await begin({ gid: GID }, 'two')).statusCode).toBe(200);
    for (const key of ['one', 'two']) {
      expect(await world.store.gidOfBeginKey(key)).toBe(GID);
      expect(codeOf(await begin({}, key))).toBe('transaction_differs');
    }
  });

  test('is remembered too where the same beginning would be refused by now', async () => {
    await begin({ gid: GID, branches: [branch('a')] });
    world.time.passUnnoticed(RETENTION_MS);
    const late = await begin({ gid: GID, branches: [branch('a')] }, 'k');
    expect(late.headers['idempotent-replayed']).toBe('true');
    expect(await world.store.gidOfBeginKey('k')).toBe(GID);
  });

  test('of several at the same moment stands for one transaction', async () => {
    await begin({ gid: GID });
    const all = await Promise.all([begin({ gid: GID }, 'k'), begin({}, 'k'), begin({ gid: GID }, 'k')]);
    const gid = await world.store.gidOfBeginKey('k');
    for (const answer of all) {
      if (answer.statusCode >= 400) expect(codeOf(answer)).toBe('transaction_differs');
      else expect(answer.json().gid).toBe(gid);
    }
  });
});

describe('the trace context of the request', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

  test('is stored, shown and passed on', async () => {
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const ended = await world.send('POST', '/v1/transactions', declared, { traceparent, prefer: 'wait=5' });
    expect(ended.json().traceId).toBe(traceId);
    expect(world.calls.map((call) => call.traceparent)).toEqual([traceparent, traceparent]);
  });

  test('of a later version is passed on as the version that everyone knows', async () => {
    const traceparent = `cc-${traceId}-00f067aa0ba902b7-03-what-comes-later`;
    await world.send('POST', '/v1/transactions', declared, { traceparent, prefer: 'wait=5' });
    expect(world.calls[0]?.traceparent).toBe(`00-${traceId}-00f067aa0ba902b7-01`);
  });

  test('is sent on with tracestate and baggage; what is too long is left out', async () => {
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const carried = { traceparent, tracestate: 'a=1', baggage: 'tenant=7', prefer: 'wait=5' };
    await world.send('POST', '/v1/transactions', declared, carried);
    expect(world.calls[0]).toMatchObject({ traceparent, tracestate: 'a=1', baggage: 'tenant=7' });
    const tooLong = { ...carried, tracestate: `a=${'1'.repeat(511)}`, baggage: `b=${'1'.repeat(8191)}` };
    await world.send('POST', '/v1/transactions', declared, tooLong);
    expect(world.calls.at(-1)).toMatchObject({ traceparent, tracestate: null, baggage: null });
    const alone = { tracestate: 'a=1', baggage: 'tenant=7', prefer: 'wait=5' };
    await world.send('POST', '/v1/transactions', declared, alone);
    expect(world.calls.at(-1)).toMatchObject({ traceparent: null, tracestate: null, baggage: 'tenant=7' });
  });

  test.each([
    'nonsense',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-00f067aa0ba902b7-01`,
    `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${traceId}-00f067aa0ba902b7-01-more`,
  ])('is ignored when it is malformed: %s', async (traceparent) => {
    const ended = await world.send('POST', '/v1/transactions', declared, { traceparent, prefer: 'wait=5' });
    expect(ended.statusCode).toBe(200);
    expect(ended.json().traceId).toBeNull();
    expect(world.calls[0]?.traceparent).toBeNull();
  });
});
