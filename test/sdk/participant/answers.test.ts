/**
 * Every answer of a participant, and what its database holds after it:
 *
 * - 200 with the result for what is done, now or before.
 * - 400, 401 or 413 for a call that cannot be read, and nothing is done.
 * - 409 for a refusal, an expired deadline or an invalid payload of a try, and nothing of it stays.
 * - 425 for work that goes on elsewhere.
 * - 503 for everything else that is thrown, and for a result that the contract does not promise. `onError` receives the
 *   error.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  type Barrier,
  defineContract,
  defineParticipant,
  InProgress,
  type Participant,
  Refusal,
} from '@tercet/sdk';
import type { Op } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import { answerOf, callFor, inventory, newGid, openShop, problemOf, TEAPOTS } from './shop.ts';

let shop: Awaited<ReturnType<typeof openShop>>;
beforeEach(async () => {
  shop = await openShop();
});

const ask = (asked: Parameters<typeof callFor>[0]) => answerOf(shop.participant, callFor(asked));
const problem = (asked: Parameters<typeof callFor>[0]) => problemOf(shop.participant, callFor(asked));

describe('what is done is answered 200, with its result as JSON', () => {
  test('a try, and again the same when it is repeated', async () => {
    const gid = newGid();
    const done = {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: { reservationId: 'stock-1' },
    };
    expect(await ask({ gid })).toEqual(done);
    expect(await ask({ gid })).toEqual(done);
    expect(shop.stock()).toEqual([8, 2, 0]);
  });

  test('a confirm that returns nothing is null', async () => {
    const gid = newGid();
    await ask({ gid });
    expect(await ask({ gid, op: 'confirm' })).toMatchObject({ status: 200, body: null });
    expect(shop.stock()).toEqual([8, 0, 2]);
  });

  test('a cancel with nothing to undo (I7), and its try is refused from then on (I6)', async () => {
    const gid = newGid();
    expect(await ask({ gid, op: 'cancel' })).toMatchObject({ status: 200, body: null });
    expect(await problem({ gid })).toMatchObject({ httpStatus: 409, code: 'cancelled_before' });
    expect(shop.stock()).toEqual([10, 0, 0]);
  });
});

test.each([
  ['GET', '/reserve/try'],
  ['post', '/reserve/try'],
  ['POST', '/'],
  ['POST', '/reserve'],
  ['POST', '/reserve/'],
  ['POST', '/reserve/try/'],
  ['POST', '//reserve/try'],
  ['POST', 'reserve/try'],
  ['POST', '/reserve/notify'],
  ['POST', '/release/try'],
  ['POST', '/toString/try'],
  ['POST', '/reserve/toString'],
  ['POST', '/Reserve/try'],
])('%s %s is no call, and is left to others', async (method, path) => {
  expect(await shop.participant.handle({ ...callFor(), method, path })).toBeNull();
  expect(shop.stock()).toEqual([10, 0, 0]);
});

describe('a header that is missing or malformed is named in a 400', () => {
  test.each([
    'tcc-transaction-id',
    'tcc-branch-id',
    'tcc-op',
    'tcc-attempt',
    'tcc-deadline',
    'idempotency-key',
  ])('without %s', async (header) => {
    const { headers, ...call } = callFor();
    delete headers[header];
    expect(await problemOf(shop.participant, { ...call, headers })).toMatchObject({
      httpStatus: 400,
      code: 'invalid_request',
      detail: expect.stringContaining(`${header} is missing`),
      errors: [{ header }],
    });
    expect(shop.stock()).toEqual([10, 0, 0]);
  });

  test.each([
    ['tcc-transaction-id', '0198C5A2-7B1E-7D40-9F3A-5E2B8C1D4F60'],
    ['tcc-transaction-id', '0198c5a2-7b1e-4d40-9f3a-5e2b8c1d4f60'],
    ['tcc-branch-id', 'a/b'],
    ['tcc-branch-id', 'b'.repeat(65)],
    ['tcc-op', 'confirm'],
    ['tcc-attempt', '0'],
    ['tcc-attempt', '1, 1'],
    ['tcc-deadline', '1764000000000'],
    ['tcc-deadline', '2999-13-01T00:00:00Z'],
    ['tcc-deadline', '2999-01-01T00:00:00'],
    ['idempotency-key', 'another'],
  ])('with %s: %s', async (header, value) => {
    const { headers, ...call } = callFor();
    expect(
      await problemOf(shop.participant, { ...call, headers: { ...headers, [header]: value } }),
    ).toMatchObject({ httpStatus: 400, code: 'invalid_request', errors: [{ header }] });
    expect(shop.stock()).toEqual([10, 0, 0]);
  });

  test('given twice', async () => {
    const { headers, ...call } = callFor();
    const twice = { ...headers, 'tcc-branch-id': ['stock', 'stock'] };
    expect(await problemOf(shop.participant, { ...call, headers: twice })).toMatchObject({
      httpStatus: 400,
      errors: [{ header: 'tcc-branch-id' }],
    });
  });
});

describe('a body is answered', () => {
  test.each([
    '',
    '{',
    'undefined',
    '\uFEFF{}',
    "{'item': 1}",
  ])('400 when it is not JSON: %j', async (body) => {
    expect(await problemOf(shop.participant, { ...callFor(), body })).toMatchObject({
      httpStatus: 400,
      code: 'broken_json',
    });
  });

  test('413 when it is over the limit by a byte, and is taken at the limit', async () => {
    const padded = (byteCount: number) => JSON.stringify(TEAPOTS).padEnd(byteCount, ' ');
    expect(await problemOf(shop.participant, { ...callFor(), body: padded(136 * 1024 + 1) })).toMatchObject({
      httpStatus: 413,
      code: 'body_too_large',
    });
    expect(shop.stock()).toEqual([10, 0, 0]);
    expect(await answerOf(shop.participant, { ...callFor(), body: padded(136 * 1024) })).toMatchObject({
      status: 200,
    });
  });

  test('413 by its bytes, not by its characters', async () => {
    const body = JSON.stringify({ ...TEAPOTS, note: 'é'.repeat(69 * 1024) });
    expect(await problemOf(shop.participant, { ...callFor(), body })).toMatchObject({ httpStatus: 413 });
  });
});

describe('a try after its deadline is refused', () => {
  test('409 deadline_passed', async () => {
    expect(await problem({ deadlineAt: new Date(Date.now() - 1) })).toMatchObject({
      httpStatus: 409,
      code: 'deadline_passed',
    });
    expect(shop.stock()).toEqual([10, 0, 0]);
  });

  test('and says so when it was done before, and comes again', async () => {
    const gid = newGid();
    const done = await ask({ gid });
    expect(await ask({ gid, deadlineAt: new Date(0) })).toEqual(done);
    await ask({ gid, op: 'confirm' });
    expect(await ask({ gid, deadlineAt: new Date(0) })).toEqual(done);
  });

  test('as one that comes after its cancel, when it does', async () => {
    const gid = newGid();
    await ask({ gid, op: 'cancel' });
    expect(await problem({ gid, deadlineAt: new Date(0) })).toMatchObject({
      httpStatus: 409,
      code: 'cancelled_before',
    });
  });

  test.each(['confirm', 'cancel'] as const)('and a %s is not', async (op) => {
    const gid = newGid();
    await ask({ gid });
    expect(await ask({ gid, op, deadlineAt: new Date(0) })).toMatchObject({ status: 200 });
  });
});

describe('a payload that the contract does not take', () => {
  test.each([
    [{ item: 'teapot' }, '#/quantity is required'],
    [{ item: 'teapot', quantity: 0 }, '#/quantity must be >= 1'],
    [{ item: 5, quantity: 1 }, '#/item must be string'],
    ['teapot', '# must be object'],
  ])('is refused at the try with its first fault: %j', async (payload, detail) => {
    expect(await problem({ payload })).toMatchObject({ httpStatus: 409, code: 'invalid_payload', detail });
    expect(shop.told).toEqual([]);
  });

  test('is cancelled with success when its try was refused: there is nothing to undo (I7)', async () => {
    const gid = newGid();
    const payload = { item: 'teapot', quantity: 'two' };
    await ask({ gid, payload });
    expect(await ask({ gid, payload, op: 'cancel' })).toMatchObject({ status: 200, body: null });
  });

  test.each(['confirm', 'cancel'] as const)('is asked again at %s until somebody mends it', async (op) => {
    const gid = newGid();
    await ask({ gid });
    const payload = { item: 'teapot', quantity: 0 };
    expect(await problem({ gid, op, payload })).toMatchObject({
      httpStatus: 503,
      code: 'invalid_payload',
      detail: expect.stringContaining('#/quantity must be >= 1'),
    });
    expect(shop.told).toMatchObject([{ key: `${gid}/stock/${op}` }]);
    expect(shop.stock()).toEqual([8, 2, 0]);
    expect(await ask({ gid, op })).toMatchObject({ status: 200 });
  });

  test('is told in words where a schema has alternatives, fixed words or no room for more', async () => {
    const contract = defineContract('post', {
      send: {
        payload: Type.Object(
          {
            by: Type.Enum(['air', 'sea']),
            to: Type.Union([Type.Object({ street: Type.String() }), Type.Object({ box: Type.Number() })]),
          },
          { additionalProperties: false },
        ),
      },
    });
    const participant = defineParticipant(contract, {
      barrier: shop.barrier,
      activities: { send: { try() {}, confirm() {}, cancel() {} } },
    });
    const detailOf = async (payload: unknown) =>
      (await problemOf(participant, callFor({ activity: 'send', payload }))).detail;
    expect(await detailOf({ by: 'rail', to: { box: 1 } })).toBe('#/by must be one of air, sea');
    expect(await detailOf({ by: 'air', to: {} })).toBe('#/to is none of what it may be');
    expect(await detailOf({ by: 'air', to: { box: 1 }, 'a/b': 1 })).toBe(
      '# has a property that is not known here',
    );
  });
});

describe('what the business refuses is a 409 with its words', () => {
  test('and nothing of it stays', async () => {
    expect(await problem({ payload: { item: 'teapot', quantity: 11 } })).toEqual({
      type: 'urn:tercet:participant-error:refused',
      title: 'The participant refuses',
      status: 409,
      httpStatus: 409,
      detail: 'not enough of teapot',
      code: 'refused',
    });
    expect(shop.told).toEqual([]);
  });

  test.each([
    ['confirm', [], 'no_try'],
    ['confirm', ['try', 'cancel'], 'already_cancelled'],
    ['cancel', ['try', 'confirm'], 'already_confirmed'],
  ] as const)('a %s after %j is %s (I1, I8)', async (op, before, code) => {
    const gid = newGid();
    for (const earlier of before) await ask({ gid, op: earlier });
    expect(await problem({ gid, op })).toMatchObject({ httpStatus: 409, code });
  });
});

// ── Ops that go wrong ────────────────────────────────────────────────────────────────────────────────────────

/** Awaits what the op returns, as a driver does that answers by promises. It has no rows: each call is the first. */
const awaiting: Barrier<unknown> = {
  run: async (_call, work) => ({
    outcome: 'done',
    result: await work(null, { tryResult: null, actionResult: null, isStarted: false }),
  }),
  outside: () => Promise.reject(new Error('not here')),
  createTable: async () => {},
};

const told: unknown[] = [];
afterEach(() => void told.splice(0));

/** All ops do the same, of either pattern. */
function doing(work: () => unknown, barrier: Barrier<unknown> = awaiting): Participant {
  const payload = Type.Unknown();
  const contract = defineContract('inventory', { reserve: { payload }, sell: { kind: 'step', payload } });
  return defineParticipant(contract, {
    barrier,
    activities: {
      reserve: { try: work, confirm: work, cancel: work },
      sell: { action: work, compensate: work },
    },
    onError: (error) => void told.push(error),
  });
}

const activityWith = (op: Op) => (op === 'action' || op === 'compensate' ? 'sell' : 'reserve');

const secretly = new Error('password: hunter2');

describe.each<Op>([
  'try',
  'confirm',
  'cancel',
  'action',
  'compensate',
])('a %s that goes wrong is never a success:', (op) => {
  test.each<[string, unknown, () => unknown]>([
    [
      'throws',
      secretly,
      () => {
        throw secretly;
      },
    ],
    ['rejects', secretly, () => Promise.reject(secretly)],
    [
      'rejects late',
      secretly,
      async () => {
        await Promise.resolve();
        throw secretly;
      },
    ],
    [
      'throws what is no error',
      'no',
      () => {
        throw 'no';
      },
    ],
    [
      'throws nothing',
      undefined,
      () => {
        throw undefined;
      },
    ],
    ['rejects with null', null, () => Promise.reject(null)],
  ])('it %s, and is answered 503 without its words', async (_how, error, work) => {
    const answer = await problemOf(doing(work), callFor({ op, activity: activityWith(op) }));
    expect(answer).toMatchObject({ httpStatus: 503, code: 'internal_error' });
    expect(answer.detail).toBe("The participant's log says why. Send the same call again.");
    expect(told).toEqual([error]);
  });

  test('it rejects with a refusal', async () => {
    const refuse = async () => {
      await Promise.resolve();
      throw new Refusal('sold out');
    };
    expect(await problemOf(doing(refuse), callFor({ op, activity: activityWith(op) }))).toMatchObject({
      httpStatus: 409,
      detail: 'sold out',
    });
  });
});

test('what an op wrote before it threw is rolled back', async () => {
  const { db, barrier } = shop;
  const participant = doing(() => {
    db.exec('UPDATE stock SET available = 0');
    throw secretly;
  }, barrier);
  expect(await problemOf(participant, callFor())).toMatchObject({ httpStatus: 503 });
  expect(shop.stock()).toEqual([10, 0, 0]);
});

test('an op on SQLite that is asynchronous is answered 503: it is handed to the barrier as it is', async () => {
  expect(
    await problemOf(
      doing(() => Promise.resolve(1), shop.barrier),
      callFor(),
    ),
  ).toMatchObject({ httpStatus: 503 });
  expect(String(told)).toContain('synchronous');
});

describe('work that goes on elsewhere is a 425 with whole seconds to wait', () => {
  test.each([
    [undefined, '1'],
    [0, '1'],
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
    [60_000, '60'],
    [Number.NaN, '1'],
  ])('%p ms: Retry-After %s', async (retryAfterMs, seconds) => {
    const participant = doing(() => {
      throw new InProgress('the bank is asked', retryAfterMs === undefined ? {} : { retryAfterMs });
    });
    const { status, headers, body } = await answerOf(participant, callFor());
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 425, retryAfter: seconds });
    expect(body).toMatchObject({ code: 'in_progress', detail: 'the bank is asked' });
    expect(told).toEqual([]);
  });
});

describe('a result that the contract does not promise', () => {
  const returning = (result: unknown, barrier: Barrier<unknown>) =>
    defineParticipant(inventory, {
      barrier,
      // @ts-expect-error the contract promises a reservationId
      activities: { reserve: { try: () => result, confirm() {}, cancel() {} } },
      onError: (error) => void told.push(error),
    });

  test.each([
    [{}],
    [null],
    [undefined],
    [{ reservationId: 5 }],
  ])('%j is an error, and rolled back', async (result) => {
    const gid = newGid();
    expect(await problemOf(returning(result, shop.barrier), callFor({ gid }))).toMatchObject({
      httpStatus: 503,
      code: 'internal_error',
    });
    expect(String(told)).toContain('what its contract does not promise');
    // Nothing was kept: there is no try to confirm.
    expect(await problem({ gid, op: 'confirm' })).toMatchObject({ code: 'no_try' });
  });

  test('is named as the promise that it has in it', async () => {
    const result = { reservationId: Promise.resolve('r') };
    expect(await problemOf(returning(result, shop.barrier), callFor())).toMatchObject({ httpStatus: 503 });
    expect(String(told)).toContain('has a promise in it: await it');
  });

  test('is looked at after its promise, too', async () => {
    expect(await problemOf(returning(Promise.resolve({}), awaiting), callFor())).toMatchObject({
      httpStatus: 503,
    });
    const right = Promise.resolve({ reservationId: 'r' });
    expect(await answerOf(returning(right, awaiting), callFor())).toMatchObject({
      body: { reservationId: 'r' },
    });
  });

  test('is looked at as JSON keeps it', async () => {
    const asText = { reservationId: { toJSON: () => 'r' } };
    expect(await answerOf(returning(asText, shop.barrier), callFor())).toMatchObject({
      body: { reservationId: 'r' },
    });
  });

  test('is a refusal when it is one that was returned in place of thrown', async () => {
    expect(await problemOf(returning(new Refusal('sold out'), awaiting), callFor())).toMatchObject({
      httpStatus: 409,
      detail: 'sold out',
    });
  });
});

describe('onError', () => {
  const log = () => jest.spyOn(console, 'error').mockImplementation(() => {});
  afterEach(() => void jest.restoreAllMocks());

  const participantWith = (options: { onError?: () => void | Promise<void> }, error: unknown = secretly) =>
    defineParticipant(inventory, {
      barrier: awaiting,
      activities: { reserve: { try: () => Promise.reject(error), confirm() {}, cancel() {} } },
      ...options,
    });

  test('is one line on the standard error when absent, with the call and the stack', async () => {
    const lines = log();
    const gid = newGid();
    await participantWith({}).handle(callFor({ gid }));
    expect(lines.mock.calls).toHaveLength(1);
    const [line] = lines.mock.calls[0]!;
    expect(line).toMatch(
      new RegExp(`^participant inventory: ${gid}/stock/try: Error: password: hunter2 \\| at .+$`),
    );
    expect(line).not.toContain('\n');
  });

  test('has the code of a database error in place of its message, which may carry values', async () => {
    const lines = log();
    const values = { sql: "INSERT INTO t VALUES ('order-42')", sqlMessage: 'order-42', sqlState: '23000' };
    const duplicate = new Error("Duplicate entry 'order-42' for key 'orders.PRIMARY'");
    await participantWith({}, Object.assign(duplicate, values, { code: 'ER_DUP_ENTRY' })).handle(callFor());
    const [line] = lines.mock.calls[0]!;
    expect(line).toMatch(/: Error: the database answered ER_DUP_ENTRY \| at .+$/);
    expect(line).not.toContain('order-42');
  });

  const noLog = new Error('no log');
  test.each([
    [
      'throw',
      () => {
        throw noLog;
      },
    ],
    ['reject', () => Promise.reject(noLog)],
  ])('may %s: the call is answered, and both errors are logged', async (_how, onError) => {
    const lines = log();
    expect(await answerOf(participantWith({ onError }), callFor())).toMatchObject({ status: 503 });
    await Promise.resolve();
    expect(lines.mock.calls.map(([line]) => /Error: [a-z0-9: ]+/.exec(String(line))?.[0])).toEqual([
      'Error: password: hunter2 ',
      'Error: no log ',
    ]);
  });

  test('is not waited for', async () => {
    const participant = participantWith({ onError: () => new Promise(() => {}) });
    expect(await answerOf(participant, callFor())).toMatchObject({ status: 503 });
  });

  const unreadable = {
    get(): never {
      throw new Error('not to be read');
    },
  };
  test.each([
    ['has no text', Object.create(null)],
    ['fails where it is read', new Proxy({}, unreadable)],
    ['fails where it is looked at', new Proxy({}, { ...unreadable, getPrototypeOf: unreadable.get })],
    ['is an error that does not tell', Object.defineProperty(new Error('no'), 'stack', unreadable)],
    ['is a symbol', Symbol('no')],
  ])('is a line also for what %s', async (_what, thrown) => {
    const lines = log();
    expect(await answerOf(participantWith({}, thrown), callFor())).toMatchObject({ status: 503 });
    expect(lines.mock.calls).toHaveLength(1);
  });
});
