// Sagas that are handed over, and what their initiator is told of them.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ActionRefused,
  branch,
  OutcomeUnknown,
  RequestRejected,
  saga,
  TransactionCancelled,
  TransactionDiverged,
} from '@tercet/sdk';
import { inventorySteps, payment, paymentPivot } from './shop.ts';
import { openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const start = saga('fulfil').step('stock', inventorySteps.reserve, tea);
const fulfil = start
  .pivot('pay', paymentPivot.hold, ({ stock }) => ({ account: stock.reservationId, cents: 900 }))
  .step('gift', inventorySteps.reserve, ({ stock }) => ({ item: stock.reservationId, quantity: 1 }));
const order = { saga: fulfil };

const refusing = (branchId: string) => (arrival: { readonly op: string; readonly branchId: string }) =>
  arrival.op === 'action' && arrival.branchId === branchId ? { status: 409 } : null;

describe('a submitted saga', () => {
  test('is run by the coordinator, step after step, with what the steps before it answered', async () => {
    const outcome = await world.initiator().submit(order);
    expect(outcome).toEqual({
      gid: expect.any(String),
      status: 'confirmed',
      isRepeated: false,
      explanation: expect.stringMatching(/^Confirmed at /),
    });
    expect(world.shop.effects).toEqual(['action stock', 'action pay', 'action gift']);
    expect(world.shop.arrivals.map(({ path, body }) => [path, JSON.parse(body)])).toEqual([
      ['/inventory/reserve/action', tea],
      ['/payment/hold/action', { account: 'r-stock', cents: 900 }],
      ['/inventory/reserve/action', { item: 'r-stock', quantity: 1 }],
    ]);
    expect(await world.truth(outcome.gid)).toMatchObject({ pattern: 'saga', name: 'fulfil' });
  });

  test('gives literals that look like references to the participant as they were written', async () => {
    const item = JSON.stringify({ $from: 'stock' });
    const payload = { ...tea, item, $from: 'stock', deep: { $$from: 1 } };
    await world.initiator().submit({ saga: start.step('more', inventorySteps.reserve, payload) });
    expect(JSON.parse(world.shop.arrivals.at(-1)?.body ?? '')).toEqual(payload);
  });

  test('that a participant refuses is cancelled and compensated, and who refused is told', async () => {
    world.shop.answer(refusing('pay'));
    const error = await rejection(world.initiator().submit(order));
    expect(error).toBeInstanceOf(TransactionCancelled);
    const { refusal, status, message, cause } = error as TransactionCancelled;
    expect(status).toBe('cancelled');
    expect(refusal).toBeInstanceOf(ActionRefused);
    expect(refusal).toMatchObject({
      name: 'ActionRefused',
      participant: 'payment',
      activity: 'hold',
      branchId: 'pay',
      detail: null,
    });
    expect(cause).toBe(refusal);
    expect(message).toContain('is cancelled: hold of payment (branch “pay”) was refused. Begin');
    expect(world.shop.effects).toEqual(['action stock', 'compensate stock']);
  });

  test.each([
    ['409: too few mugs', 'too few mugs'],
    ['422: 409: of 2 there are 1', '409: of 2 there are 1'],
    ['409: ', null],
    ['409', null],
    [null, null],
    ['sold out', 'sold out'],
  ])('whose refusal is kept as %j is told that reason alone', async (answer, detail) => {
    const { name, branchId } = { name: 'fulfil', branchId: 'stock' };
    const tercet = world.initiator({
      fetch: async () =>
        Response.json({
          gid: 'g',
          name,
          status: 'cancelled',
          isParked: false,
          explanation: 'Cancelled.',
          beganAt: '2026-01-01T00:00:00.000Z',
          deadlineAt: '2026-01-01T00:01:00.000Z',
          decision: { decision: 'cancel', reason: 'action_refused', branchId },
          branches: [
            { branchId, participant: 'inventory', activity: 'reserve', try: null, action: { answer } },
          ],
        }),
    });
    const { refusal, reason } = (await rejection(tercet.submit({ saga: start }))) as TransactionCancelled;
    expect(refusal).toMatchObject({ name: 'ActionRefused', code: 'refused', detail });
    const why = detail === null ? '' : `: “${detail}”`;
    expect(reason).toBe(`reserve of inventory (branch “stock”) was refused${why}.`);
  });

  test('that outlasts the wait goes on without us', async () => {
    world.shop.answer(({ branchId }) => (branchId === 'pay' ? 'never' : null));
    const outcome = await world.initiator().submit({ ...order, waitMs: 0 });
    expect(outcome).toMatchObject({ status: 'trying', isRepeated: false });
  });

  test('whose pivot is parked waits for an operator, and nothing is decided', async () => {
    world.shop.answer(({ branchId }) => (branchId === 'pay' ? { status: 503 } : null));
    const keyed = { ...order, idempotencyKey: 'k' };
    const { gid } = await world.initiator().submit({ ...keyed, waitMs: 0 });
    await world.until(async () => (await world.truth(gid))?.branches[1]?.phaseOne.parkedAt != null);
    const error = await rejection(world.initiator().submit({ ...keyed, waitMs: 0 }));
    expect(error).toBeInstanceOf(TransactionDiverged);
    expect(error).toMatchObject({ gid, decision: null, status: 'trying', isParked: true });
    expect((error as Error).message).toContain(`Transaction ${gid} is not decided, and a branch is parked`);
    expect((error as Error).message).toContain('Take it for neither');
  });

  test('with a step after the pivot that is parked is confirmed, and waits for an operator', async () => {
    world.shop.answer(({ branchId }) => (branchId === 'gift' ? { status: 409 } : null));
    const keyed = { ...order, idempotencyKey: 'k' };
    const { gid } = await world.initiator().submit({ ...keyed, waitMs: 0 });
    await world.until(async () => (await world.truth(gid))?.branches[2]?.phaseOne.parkedAt != null);
    const error = await rejection(world.initiator().submit({ ...keyed, waitMs: 0 }));
    expect(error).toBeInstanceOf(TransactionDiverged);
    expect(error).toMatchObject({ decision: 'confirm', status: 'confirming' });
  });

  test('under the same key is the same transaction', async () => {
    const keyed = { ...order, idempotencyKey: 'A-17', businessKey: 'order 17', timeoutMs: 5000 };
    const first = await world.initiator().submit(keyed);
    expect(await world.initiator().submit(keyed)).toMatchObject({ gid: first.gid, isRepeated: true });
    expect(world.shop.effects).toHaveLength(3);
    expect(await world.truth(first.gid)).toMatchObject({ businessKey: 'order 17' });
  });

  test('may be submitted many times, each a transaction of its own', async () => {
    const tercet = world.initiator();
    const [one, other] = await Promise.all([tercet.submit(order), tercet.submit(order)]);
    expect(one.gid).not.toBe(other.gid);
    expect(world.shop.effects).toHaveLength(6);
  });

  test('that nobody acknowledged may have been run: that is not known', async () => {
    world.onTheWay(() => 'answer_lost');
    const error = await rejection(world.initiator().submit({ ...order, idempotencyKey: 'A-17' }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ gid: null, idempotencyKey: 'A-17' });
  });

  test('is refused with the coordinator’s code', async () => {
    const seventeen = start.step('many', inventorySteps.reserve, ({ stock }) => ({
      ...tea,
      more: Array.from({ length: 17 }, () => stock),
    }));
    const error = await rejection(world.initiator().submit({ saga: seventeen }));
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({ code: 'too_many_references' });
  });

  test.each([[undefined], [null], [{}], ['fulfil']])('that is %j is refused, and not sent', async (given) => {
    const { submit } = world.initiator();
    const tercet = world.initiator();
    const error = await rejection(Reflect.apply(submit, tercet, [{ saga: given }]));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toBe('saga is no saga: give what saga(…) has built');
    expect(world.requests).toEqual([]);
  });

  const branches = [branch(payment, 'hold', { account: 'ada', cents: 900 })];
  test.each([
    [
      { name: 'order', branches },
      'name and branches cannot stand beside saga, which has its own: leave them out',
    ],
    [{ name: 'order' }, 'name cannot stand beside saga, which has its own: leave it out'],
    [{ branches: [] }, 'branches cannot stand beside saga'],
  ])('that stands beside %j is refused, and nothing is sent', async (beside, words) => {
    const tercet = world.initiator();
    const error = await rejection(Reflect.apply(tercet.submit, tercet, [{ ...order, ...beside }]));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(words);
    expect(world.requests).toEqual([]);
  });

  test('compiles without a name and branches beside it, and not with them', () => {
    const tercet = world.initiator();
    const neverRun = () => [
      tercet.submit({ saga: fulfil }),
      tercet.submit({ name: 'order', branches }),
      // @ts-expect-error a saga has a name
      tercet.submit({ saga: fulfil, name: 'order' }),
      // @ts-expect-error a saga has its steps
      tercet.submit({ saga: fulfil, branches }),
      // @ts-expect-error nothing would come of the branches
      tercet.submit({ saga: fulfil, name: 'order', branches }),
    ];
    expect(neverRun).toBeInstanceOf(Function);
  });
});

describe('a callback', () => {
  const callback = { participant: 'inventory', activity: 'ended' };

  test('is sent with each kind of beginning', async () => {
    const tercet = world.initiator();
    const { gid: first } = await tercet.submit({ ...order, callback });
    const { gid: second } = await tercet.run({ name: 'order', callback }, (tx) => tx.inventory.reserve(tea));
    const { gid: third } = await tercet.run({ name: 'order' }, (tx) => tx.inventory.reserve(tea));
    expect(await world.truth(first)).toMatchObject({ callback });
    expect(await world.truth(second)).toMatchObject({ callback });
    expect(await world.truth(third)).toMatchObject({ callback: null });
  });

  test.each([
    [{ participant: 'inventory' }, '#/activity is required'],
    [{ participant: 'http://127.0.0.1', activity: 'ended' }, '#/participant'],
    [{ ...callback, url: '/' }, 'has a property that is not known here (“#/url”)'],
  ])('%j is refused before anything is sent', async (given, words) => {
    const tercet = world.initiator();
    for (const begin of [
      () => Reflect.apply(tercet.submit, tercet, [{ ...order, callback: given }]),
      () => Reflect.apply(tercet.run, tercet, [{ name: 'order', callback: given }, () => 'called']),
    ]) {
      const error = await rejection(begin());
      expect(error).toMatchObject({ name: 'RequestRejected', code: 'invalid_request' });
      expect((error as Error).message).toContain(words);
    }
    expect(world.requests).toEqual([]);
  });
});
