// Declared transactions, and what can be asked of the coordinator.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  branch,
  CoordinatorUnavailable,
  OutcomeUnknown,
  RequestRejected,
  TransactionCancelled,
  TransactionDiverged,
} from '@tercet/sdk';
import { inventory, payment } from './shop.ts';
import { money, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const BEGIN = 'POST /v1/transactions';
const branches = [
  branch(inventory, 'reserve', tea),
  branch(inventory, 'reserve', { item: 'cups', quantity: 1 }),
  branch(payment, 'hold', money, { branchId: 'money' }),
];
const order = { name: 'order', branches };

describe('a submitted transaction', () => {
  test('is run by the coordinator, and answered with its end', async () => {
    const outcome = await world.initiator().submit(order);
    expect(outcome).toEqual({
      gid: expect.any(String),
      status: 'confirmed',
      isRepeated: false,
      explanation: expect.stringMatching(/^Confirmed at /),
    });
    const tried = world.shop.arrivals.filter(({ op }) => op === 'try');
    expect(tried.map(({ branchId }) => branchId).sort()).toEqual([
      'inventory-reserve-1',
      'inventory-reserve-2',
      'money',
    ]);
    expect(tried.find(({ branchId }) => branchId === 'money')?.body).toBe(JSON.stringify(money));
  });

  test('that a participant refuses is cancelled, and who refused is told', async () => {
    world.shop.answer(({ op, branchId }) => (op === 'try' && branchId === 'money' ? { status: 409 } : null));
    const error = await rejection(world.initiator().submit(order));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({
      status: 'cancelled',
      refusal: { participant: 'payment', activity: 'hold', branchId: 'money', detail: null },
    });
  });

  test('that a participant refuses in words is told them', async () => {
    const body = JSON.stringify({ code: 'refused', detail: 'ada has only 5.00' });
    world.shop.answer(({ op, branchId }) =>
      op === 'try' && branchId === 'money' ? { status: 409, body } : null,
    );
    const error = await rejection(world.initiator().submit(order));
    expect(error).toMatchObject({ refusal: { name: 'TryRefused', detail: 'ada has only 5.00' } });
    expect((error as Error).message).toContain(
      'hold of payment (branch “money”) was refused: “ada has only 5.00”.',
    );
  });

  test('that a participant refuses as too late before its deadline names the clock', async () => {
    const body = JSON.stringify({ code: 'deadline_passed', detail: 'the deadline of this try has passed' });
    world.shop.answer(({ op, branchId }) =>
      op === 'try' && branchId === 'money' ? { status: 409, body } : null,
    );
    const error = await rejection(world.initiator().submit(order));
    expect((error as Error).message).toContain(
      'although the deadline is 30 s ahead: check the clock of its database',
    );
    const tx = await world.initiator().find((error as TransactionCancelled).gid);
    expect(tx?.explanation).toContain(
      'because branch “money” refused its try (payment answered 409, although the deadline is 30 s ahead: check the clock of its database)',
    );
  });

  test('that outlasts the wait goes on without us', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? 'never' : null));
    const outcome = await world.initiator().submit({ ...order, waitMs: 0 });
    expect(outcome).toMatchObject({ status: 'trying', isRepeated: false });
  });

  test('whose answer is lost is not begun twice', async () => {
    world.onTheWay((request, times) => (request === BEGIN && times === 1 ? 'answer_lost' : 'passes'));
    const outcome = await world.initiator().submit(order);
    expect(outcome).toMatchObject({ status: 'confirmed', isRepeated: false });
    expect(world.shop.effects).toHaveLength(6);
  });

  test('under the same key is the same transaction', async () => {
    const keyed = { ...order, idempotencyKey: 'A-17' };
    const first = await world.initiator().submit(keyed);
    const again = await world.initiator().submit(keyed);
    expect(again.gid).toBe(first.gid);
    expect(world.shop.effects).toHaveLength(6);
  });

  test('under the same key says so', async () => {
    const keyed = { ...order, idempotencyKey: 'A-17' };
    expect(await world.initiator().submit(keyed)).toMatchObject({ isRepeated: false });
    expect(await world.initiator().submit(keyed)).toMatchObject({ isRepeated: true });
  });

  test('that had to be sent twice, under a key that nobody else has, was not submitted before', async () => {
    world.onTheWay((request, times) => (request === BEGIN && times === 1 ? 'answer_lost' : 'passes'));
    expect(await world.initiator().submit(order)).toMatchObject({ isRepeated: false });
  });

  test('that nobody acknowledged may have been run: that is not known', async () => {
    world.onTheWay(() => 'answer_lost');
    const error = await rejection(world.initiator().submit({ ...order, idempotencyKey: 'A-17' }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ gid: null, idempotencyKey: 'A-17' });
    expect(await rejection((error as OutcomeUnknown).check())).toBe(error);
    world.onTheWay(() => 'passes');
    expect(await world.initiator().submit({ ...order, idempotencyKey: 'A-17' })).toMatchObject({
      status: 'confirmed',
    });
  });

  test('with a parked branch is told', async () => {
    world.shop.answer(({ op }) => (op === 'confirm' ? { status: 400 } : null));
    const keyed = { name: 'order', idempotencyKey: 'k', branches: branches.slice(2) };
    const { gid } = await world.initiator().submit({ ...keyed, waitMs: 0 });
    await world.until(async () => (await world.truth(gid))?.branches[0]?.phaseTwo.parkedAt != null);
    const error = await rejection(world.initiator().submit({ ...keyed, waitMs: 0 }));
    expect(error).toBeInstanceOf(TransactionDiverged);
  });

  test('that names two branches alike is refused, and not sent', async () => {
    const twice = branch(payment, 'hold', money, { branchId: 'money' });
    const error = await rejection(world.initiator().submit({ name: 'order', branches: [twice, twice] }));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain('“money”');
    expect(world.requests).toEqual([]);
  });

  test('without branches, and without a saga, is refused, and not sent', async () => {
    const tercet = world.initiator();
    const error = await rejection(Reflect.apply(tercet.submit, tercet, [{ name: 'order' }]));
    expect(error).toEqual(new TypeError('branches is missing: list what branch(…) has made, or give a saga'));
    expect(world.requests).toEqual([]);
  });

  test('is refused with the coordinator’s code', async () => {
    const error = await rejection(world.initiator().submit({ name: 'order', branches: [] }));
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({ code: 'invalid_request' });
  });
});

describe('a branch of a declared transaction', () => {
  test('is typed and checked by its contract', () => {
    // @ts-expect-error there is no such activity
    expect(() => branch(inventory, 'steal', tea)).toThrow('inventory has no activity “steal”');
    // @ts-expect-error the cents are a number
    expect(() => branch(payment, 'hold', { account: 'ada', cents: '900' })).toThrow(TypeError);
  });

  test('may be of a participant in place of its contract', () => {
    const participant = { contract: payment, handle: async () => null };
    expect(branch(participant, 'hold', money)).toMatchObject({ participant: 'payment', activity: 'hold' });
  });
});

describe('a question', () => {
  test('for a transaction answers the coordinator’s view, or null', async () => {
    const tercet = world.initiator();
    const { gid } = await tercet.submit(order);
    expect(await tercet.find(gid)).toMatchObject({ gid, status: 'confirmed', mode: 'declared' });
    expect(await tercet.find('019b76da-a800-7d40-9f3a-000000000000')).toBeNull();
    expect(await rejection(tercet.find('no gid'))).toBeInstanceOf(RequestRejected);
    world.onTheWay(() => 'request_lost');
    expect(await rejection(tercet.find(gid))).toBeInstanceOf(CoordinatorUnavailable);
  });

  test('for a transaction of a newer coordinator, which says more, is answered too', async () => {
    const tercet = world.initiator({
      fetch: async (input, init) => {
        const view = (await (await world.network(input, init)).json()) as object;
        return Response.json({ ...view, weather: 'fine' });
      },
    });
    const { gid } = await world.initiator().submit(order);
    expect(await tercet.find(gid)).toMatchObject({ gid, weather: 'fine' });
  });

  test('for what is final is answered for all that the coordinator has', async () => {
    const tercet = world.initiator();
    const { gid } = await tercet.submit(order);
    expect(await tercet.finality([gid])).toEqual({
      now: '2026-01-01T00:00:00.000Z',
      retentionMs: expect.any(Number),
      transactions: [{ gid, isFinal: true, deadlineAt: expect.any(String), finishedAt: expect.any(String) }],
    });
    expect(await rejection(tercet.finality([]))).toBeInstanceOf(RequestRejected);
  });
});
