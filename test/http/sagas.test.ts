// Sagas over HTTP: how they are begun and begun again, which plans are refused, and what can be asked of one.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { errors } from '../../src/errors.ts';
import { BROKEN_PLANS } from './broken-plans.ts';
import { branch, GID, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const begin = (body: object, headers: Record<string, string> = { prefer: 'wait=5' }) =>
  world.send('POST', '/v1/transactions', body, headers);
const saga = (...branches: object[]) => ({ pattern: 'saga', branches });
const read = async (gid: string) => (await world.send('GET', `/v1/transactions/${gid}`)).json();
/** What was called so far, as `action a`. */
const called = () => world.calls.map(({ op, branchId }) => `${op} ${branchId}`);

/** Reads the transaction again and again while time passes. */
async function readUntil(gid: string, isReached: (view: { [field: string]: unknown }) => boolean) {
  for (let looks = 0; ; looks += 1) {
    const view = await read(gid);
    if (isReached(view)) return view;
    expect(looks).toBeLessThan(1000);
    world.time.pass(50);
  }
}

describe('a saga', () => {
  test('runs its steps one after the other, and tells its plan with its defaults', async () => {
    const ended = await begin(saga(branch('a'), branch('b', { isPivot: true }), branch('c')));
    expect(ended.statusCode).toBe(200);
    expect(ended.json()).toMatchObject({
      pattern: 'saga',
      mode: 'declared',
      status: 'confirmed',
      decision: { decision: 'confirm', reason: 'pivot_succeeded', branchId: null },
      pivotStartedAt: '2026-01-01T00:00:00.000Z',
      branches: [
        { branchId: 'a', step: { dependsOn: [], isPivot: false, isCompensated: true } },
        { branchId: 'b', step: { dependsOn: ['a'], isPivot: true, isCompensated: false } },
        { branchId: 'c', step: { dependsOn: ['b'], isPivot: false, isCompensated: false } },
      ],
    });
    for (const view of ended.json().branches)
      expect(view).toMatchObject({
        action: { reply: 'succeeded', nextAttemptAt: null },
        compensate: null,
        try: null,
        confirm: null,
        cancel: null,
      });
    expect(called()).toEqual(['action a', 'action b', 'action c']);
  });

  test('is undone from its end to its beginning, the refused step too, but for steps without effect', async () => {
    world.answer(({ op, branchId }) => (op === 'action' && branchId === 'd' ? 409 : 200));
    const look = { isCompensated: false };
    const ended = await begin(saga(branch('a'), branch('b', look), branch('c'), branch('d'), branch('e')));
    expect(ended.statusCode).toBe(200);
    expect(ended.json()).toMatchObject({
      status: 'cancelled',
      decision: { decision: 'cancel', reason: 'action_refused', branchId: 'd' },
      branches: [
        { action: { reply: 'succeeded' }, compensate: { reply: 'succeeded' } },
        { action: { reply: 'succeeded' }, compensate: null },
        { action: { reply: 'succeeded' }, compensate: { reply: 'succeeded' } },
        { action: { reply: 'refused', answer: '409' }, compensate: { reply: 'succeeded' } },
        { action: { reply: null, nextAttemptAt: null }, compensate: null },
      ],
    });
    expect(called().slice(4)).toEqual(['compensate d', 'compensate c', 'compensate a']);
  });

  test('under way is 202, and its steps to come have no planned call', async () => {
    world.answer(() => null);
    const begun = await begin(saga(branch('a'), branch('b')), {});
    expect(begun.statusCode).toBe(202);
    expect(begun.headers.location).toBe(`/v1/transactions/${begun.json().gid}`);
    expect(begun.json()).toMatchObject({
      status: 'trying',
      explanation: expect.stringMatching(
        /to carry out step “a”: no answer yet; then 1 more step to carry out;/,
      ),
      branches: [
        { action: { nextAttemptAt: '2026-01-01T00:00:00.000Z' } },
        { action: { nextAttemptAt: null } },
      ],
    });
  });

  test('is cancelled when somebody asks for it before its pivot', async () => {
    world.answer(({ op }) => (op === 'action' ? null : 200));
    const { gid } = (await begin(saga(branch('a'), branch('b')), {})).json();
    const asked = await world.send('POST', `/v1/transactions/${gid}/cancel`);
    expect(asked.statusCode).toBe(202);
    expect(asked.json()).toMatchObject({
      status: 'cancelling',
      decision: { reason: 'cancel_requested', branchId: null },
      branches: [{ compensate: { reply: null } }, { compensate: null }],
    });
  });

  test('is listed with the rest, by its status', async () => {
    const { gid } = (await begin(saga(branch('a')))).json();
    await begin({ branches: [branch('a')] });
    world.answer(() => null);
    const open = (await begin(saga(branch('a')), {})).json().gid;
    const gidsOf = async (query: string) =>
      (await world.send('GET', `/v1/transactions?${query}`))
        .json()
        .transactions.map((tx: { gid: string }) => tx.gid);
    expect(await gidsOf('status=trying')).toEqual([open]);
    expect(await gidsOf('status=confirmed&participant=inventory')).toEqual(expect.arrayContaining([gid]));
    expect(await gidsOf('status=confirmed')).toHaveLength(2);
  });
});

describe('a plan is refused with its place:', () => {
  test.each(Object.entries(BROKEN_PLANS))('%s', async (code, { body, pointer, named }) => {
    const refused = await begin(body);
    expect(refused.statusCode).toBe(422);
    const { title, advice } = errors[code as keyof typeof BROKEN_PLANS];
    const place = named === undefined ? pointer : `${pointer} names “${named}”`;
    expect(refused.json()).toMatchObject({ code, title, detail: `${place}: ${advice}` });
    expect(refused.json().errors).toEqual([{ pointer, detail: title }]);
    expect(world.store.batchCount).toBe(0);
  });

  test.each([
    ['dependsOn', []],
    ['isPivot', false],
    ['isCompensated', false],
  ])('%s in a branch of a tcc, whatever it says', async (field, value) => {
    const refused = (await begin({ branches: [branch('a', { [field]: value })] })).json();
    expect(refused).toMatchObject({ code: 'only_for_sagas', errors: [{ pointer: `#/branches/0/${field}` }] });
  });

  test('a step that stands beside the pivot by its place in the list', async () => {
    const refused = (
      await begin(saga(branch('a', { isPivot: true }), branch('b', { dependsOn: [] })))
    ).json();
    expect(refused).toMatchObject({
      code: 'pivot_not_dominant',
      errors: [{ pointer: '#/branches/1/dependsOn' }],
    });
  });

  test('a step that stands beside the pivot, and says nothing of what it depends on', async () => {
    const pivot = branch('b', { isPivot: true, dependsOn: [] });
    expect((await begin(saga(branch('a'), pivot))).json()).toMatchObject({
      code: 'pivot_not_dominant',
      errors: [{ pointer: '#/branches/0' }],
    });
  });

  test('a pivot that is to be compensated', async () => {
    const refused = (await begin(saga(branch('a', { isPivot: true, isCompensated: true })))).json();
    expect(refused.code).toBe('compensation_after_pivot');
  });

  test.each([
    ['#/branches/1/payload/a~1b/%C3%A4%20%25', { 'a/b': { 'ä %': { $from: 7 } } }],
    ['#/branches/1/payload/%EF%BF%BD', { '\ud800': { $from: 'a..b' } }],
    ['#/branches/1/payload', { $from: '' }],
    ['#/branches/1/payload/0', [{ $from: `a.${'x'.repeat(255)}` }]],
    ['#/branches/1/payload/0', [{ $from: 'a.', $$from: 1 }]],
  ])('a reference that cannot be read, at %s', async (pointer, payload) => {
    const refused = await begin(saga(branch('a'), branch('b', { payload })));
    expect(refused.json()).toMatchObject({ code: 'malformed_reference', errors: [{ pointer }] });
  });

  test('a reference to the step itself', async () => {
    const refused = await begin(saga(branch('a'), branch('b', { payload: { $from: 'b' } })));
    expect(refused.json().code).toBe('reference_not_upstream');
  });

  test('the participant of a step that nobody has registered, before its plan is looked at', async () => {
    const refused = await begin(saga(branch('a', { participant: 'nobody', dependsOn: ['z'] })));
    expect(refused.json()).toMatchObject({
      code: 'unknown_participant',
      detail: expect.stringContaining('“nobody”'),
    });
  });
});

test('a begin with steps but without a pattern is a tcc, whose branches know no order', async () => {
  const refused = await begin({ branches: [branch('a'), branch('b', { dependsOn: ['a'] })] });
  expect(refused.json().code).toBe('only_for_sagas');
  await begin({ branches: [branch('a'), branch('b')] });
  expect(new Set(called())).toEqual(new Set(['try a', 'try b', 'confirm a', 'confirm b']));
});

test('a saga without branches is refused, and one with an empty list has not the right form', async () => {
  const without = await begin({ pattern: 'saga' });
  expect([without.statusCode, without.json().code]).toEqual([422, 'no_branches']);
  const empty = await begin({ pattern: 'saga', branches: [] });
  expect([empty.statusCode, empty.json().code]).toEqual([400, 'invalid_request']);
});

describe('a saga begun again', () => {
  const key = { 'idempotency-key': 'order', prefer: 'wait=5' };
  const body = saga(branch('a'), branch('b'));

  test('with the same request is the same saga, which is not run again', async () => {
    const first = await begin(body, key);
    const again = await begin(body, key);
    expect([again.statusCode, again.headers['idempotent-replayed']]).toEqual([200, 'true']);
    expect(again.json()).toEqual(first.json());
    expect(called()).toEqual(['action a', 'action b']);
  });

  test.each<[string, object]>([
    ['a dependency said that was the default', saga(branch('a'), branch('b', { dependsOn: ['a'] }))],
    ['a compensation said that was the default', saga(branch('a', { isCompensated: true }), branch('b'))],
    ['its steps in another order', saga(branch('b'), branch('a'))],
    ['a callback', { ...body, callback: { participant: 'payment', activity: 'orders' } }],
    ['another pattern', { branches: body.branches }],
    ['a plan that is refused', saga(branch('a'), branch('b', { dependsOn: ['z'] }))],
  ])('with %s is another one, and refused', async (_what, other) => {
    await begin(body, key);
    const refused = await begin(other, key);
    expect([refused.statusCode, refused.json().code]).toEqual([409, 'transaction_differs']);
    expect(called()).toEqual(['action a', 'action b']);
  });

  test('with the pattern said that is the default is another request, too', async () => {
    await begin({ branches: [branch('a')] }, key);
    const refused = await begin({ pattern: 'tcc', branches: [branch('a')] }, key);
    expect(refused.json().code).toBe('transaction_differs');
  });
});

describe('while only its pivot can decide', () => {
  let at: string;
  beforeEach(async () => {
    world.answer(({ branchId }) => (branchId === 'pay' ? null : 200));
    at = `/v1/transactions/${GID}`;
    await begin({ gid: GID, ...saga(branch('a'), branch('pay', { isPivot: true }), branch('c')) }, {});
    await readUntil(GID, ({ pivotStartedAt }) => pivotStartedAt !== null);
  });

  test('a cancel is refused and noted, and the same when it is asked again', async () => {
    world.time.pass(1000);
    const refused = await world.send('POST', `${at}/cancel`);
    expect([refused.statusCode, refused.json().code]).toEqual([409, 'pivot_in_flight']);
    const noted = await read(GID);
    expect(noted).toMatchObject({
      status: 'trying',
      decision: null,
      cancelAskedAt: '2026-01-01T00:00:01.000Z',
    });
    expect(noted.explanation).toContain('though cancel was requested at 2026-01-01T00:00:01Z');

    world.time.pass(1000);
    const rowCount = world.store.batchCount;
    const again = await world.send('POST', `${at}/cancel`);
    expect(again.json()).toEqual(refused.json());
    expect((await read(GID)).cancelAskedAt).toBe(noted.cancelAskedAt);
    expect(world.store.batchCount).toBe(rowCount);
  });

  test('its deadline passes in vain', async () => {
    world.time.pass(60_000);
    const late = await read(GID);
    expect(late).toMatchObject({ status: 'trying', decision: null });
    expect(late.explanation).toContain('though the deadline passed at 2026-01-01T00:00:30Z');
  });
});

describe('a parked step', () => {
  const steps = saga(branch('a'), branch('pay', { isPivot: true }), branch('mail'));

  test('that is the pivot leaves the saga trying, and is called again when a person says so', async () => {
    world.answer(({ branchId }) => (branchId === 'pay' ? 503 : 200));
    const { gid } = (await begin(steps, {})).json();
    const parked = await readUntil(gid, ({ isParked }) => isParked === true);
    expect(parked).toMatchObject({
      status: 'trying',
      decision: null,
      branches: [
        {},
        {
          action: {
            attemptCount: 10,
            answer: '503',
            nextAttemptAt: expect.any(String),
            parkedAt: expect.any(String),
          },
        },
        {},
      ],
    });
    expect(parked.explanation).toMatch(/^Parked since .* step “pay”, attempt 10 answered 503/);

    world.answer(() => 200);
    const retried = await world.send('POST', `/v1/transactions/${gid}/retry`);
    expect(retried.statusCode).toBe(200);
    expect(retried.json()).toMatchObject({
      isParked: false,
      branches: [{}, { action: { attemptCount: 0 } }, {}],
    });
    expect((await readUntil(gid, ({ finishedAt }) => finishedAt !== null)).status).toBe('confirmed');
  });

  test('after the pivot is asked again though it refuses, and is called again when a person says so', async () => {
    world.answer(({ branchId }) => (branchId === 'mail' ? 409 : 200));
    const { gid } = (await begin(steps, {})).json();
    const parked = await readUntil(gid, ({ isParked }) => isParked === true);
    expect(parked).toMatchObject({
      status: 'confirming',
      decision: { decision: 'confirm', reason: 'pivot_succeeded' },
      branches: [{}, {}, { action: { reply: 'unknown', answer: '409', attemptCount: 10 } }],
    });
    world.answer(() => 200);
    expect((await world.send('POST', `/v1/transactions/${gid}/retry`)).statusCode).toBe(200);
    expect((await readUntil(gid, ({ finishedAt }) => finishedAt !== null)).status).toBe('confirmed');
  });
});

describe('a result that later steps refer to', () => {
  const referring = (payload: unknown) => saga(branch('a'), branch('b', { payload }));
  const resultOfA = (body: string) =>
    world.answer(({ branchId }) => (branchId === 'a' ? { status: 200, body } : 200));

  test('stands in their payload, as it was answered', async () => {
    resultOfA('{"id":"r-1","seats":[{"row":7}],"n":null}');
    const payload = { id: { $from: 'a.id' }, row: [{ $from: 'a.seats.0.row' }], all: { $from: 'a' } };
    await begin(referring({ ...payload, escaped: { $$from: 'a' }, null: { $from: 'a.n' } }));
    expect(JSON.parse(world.calls[1]?.payload ?? '')).toEqual({
      id: 'r-1',
      row: [7],
      all: { id: 'r-1', seats: [{ row: 7 }], n: null },
      escaped: { $from: 'a' },
      null: null,
    });
  });

  test('is shown nowhere', async () => {
    resultOfA('{"id":"secret"}');
    const ended = await begin(referring({ $from: 'a.id' }));
    const { gid } = ended.json();
    expect(ended.json().status).toBe('confirmed');
    const shown = [ended, await world.send('GET', `/v1/transactions/${gid}`)];
    shown.push(
      await world.send('GET', '/v1/transactions'),
      await world.send('GET', `/v1/transactions/${gid}/events`),
    );
    expect(shown.map(({ body }) => body).join()).not.toContain('secret');
  });

  test.each([
    ['that lacks it', '{"no":1}', 'its result lacks what a later step refers to: a.id'],
    ['that is no JSON', 'ok', 'its result is not JSON'],
    ['that is empty', '', 'its result is not JSON'],
    [
      'with a number that cannot be carried',
      '{"id":12345678901234567890}',
      'its result has a number that JSON cannot carry exactly: it must be a string',
    ],
    ['over 4 KiB', JSON.stringify({ id: 'x'.repeat(4096) }), 'its result is over 4096 bytes, or no UTF-8'],
  ])('%s is asked for again, and told in words', async (_what, body, fault) => {
    resultOfA(body);
    const { gid } = (await begin(referring({ $from: 'a.id' }), {})).json();
    const waiting = await readUntil(gid, ({ path }) => (path as unknown[]).length > 1);
    expect(waiting).toMatchObject({
      status: 'trying',
      branches: [{ action: { reply: 'unknown', answer: `200, but ${fault}` } }, {}],
      path: [{}, { attempts: [{ httpStatus: 200, reply: 'unknown', error: fault }] }],
    });
    expect(waiting.explanation).toContain(`attempt 1 ended with “200, but ${fault}”`);
    resultOfA('{"id":1}');
    expect((await readUntil(gid, ({ finishedAt }) => finishedAt !== null)).status).toBe('confirmed');
  });

  test('of exactly 4 KiB is taken', async () => {
    resultOfA(JSON.stringify({ id: 'x'.repeat(4096 - '{"id":""}'.length) }));
    expect((await begin(referring({ $from: 'a.id' }))).json().status).toBe('confirmed');
  });

  test('is not looked at where no step refers to it', async () => {
    resultOfA('not JSON');
    expect((await begin(referring({}))).json().status).toBe('confirmed');
  });

  test('stays what it is in the payload of a tcc, which refers to nothing', async () => {
    await begin({ branches: [branch('a', { payload: { $from: 'b.id' } })] });
    expect(world.calls[0]?.payload).toBe('{"$from":"b.id"}');
  });
});
