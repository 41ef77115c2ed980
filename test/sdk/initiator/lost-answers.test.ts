/**
 * Requests and answers that are lost between the initiator and the coordinator:
 *
 * - A lost answer is asked for again, and nothing begins twice.
 * - A coordinator that stays away leaves the outcome unknown, which is never reported as cancelled.
 * - Replicas are asked in turn.
 * - Where decisions cross, the one that stands is reported.
 * - A rejected request is reported with its code.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  branch,
  CoordinatorUnavailable,
  OutcomeUnknown,
  RequestRejected,
  TransactionCancelled,
  TransactionTimedOut,
} from '@tercet/sdk';
import { inventory } from './shop.ts';
import { money, NOBODY, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const order = { name: 'order' };
const BEGIN = 'POST /v1/transactions';
const REGISTER = 'POST /v1/transactions/:gid/branches';
const CONFIRM = 'POST /v1/transactions/:gid/confirm';
const CANCEL = 'POST /v1/transactions/:gid/cancel';

const reserve = () => world.initiator().run(order, (tx) => tx.inventory.reserve(tea));
const count = (request: string) => world.requests.filter((one) => one === request).length;

describe('an answer that is lost', () => {
  test('of the beginning does not begin twice, also without a key of the initiator’s', async () => {
    world.onTheWay((request, times) => (request === BEGIN && times === 1 ? 'answer_lost' : 'passes'));
    const outcome = await reserve();
    expect(outcome.status).toBe('confirmed');
    expect(count(BEGIN)).toBe(2);
    const listed = await fetch(`${world.url}/v1/transactions`);
    expect(await listed.json()).toMatchObject({ transactions: [{ gid: outcome.gid }], nextCursor: null });
  });

  test('of a registration is asked for again, and the try is called once it came', async () => {
    world.onTheWay((request, times) => (request === REGISTER && times === 1 ? 'answer_lost' : 'passes'));
    expect((await reserve()).status).toBe('confirmed');
    expect(count(REGISTER)).toBe(2);
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'confirm inventory-reserve-1']);
  });

  test('of the confirm is asked for again, and tells the truth', async () => {
    world.onTheWay((request, times) => (request === CONFIRM && times === 1 ? 'answer_lost' : 'passes'));
    expect(await reserve()).toMatchObject({ status: 'confirmed', isRepeated: false });
    expect(count(CONFIRM)).toBe(2);
    expect(count(CANCEL)).toBe(0);
  });
});

describe('a coordinator that is gone', () => {
  test('after the confirm leaves the outcome unknown, which is never made an abort', async () => {
    let isGone = false;
    world.onTheWay((request) => {
      isGone ||= request === CONFIRM;
      return isGone ? 'answer_lost' : 'passes';
    });
    const error = await rejection(reserve());
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ code: 'outcome_unknown', gid: expect.any(String) });
    expect((error as Error).message).toContain('is not known');
    expect(count(CANCEL)).toBe(0);

    const unknown = error as OutcomeUnknown;
    expect(await rejection(unknown.check())).toBeInstanceOf(CoordinatorUnavailable);
    world.onTheWay(() => 'passes');
    expect(await unknown.check()).toMatchObject({ gid: unknown.gid, status: 'confirmed' });
    // The key it ran with asks for the same.
    const again = await world
      .initiator()
      .run({ ...order, idempotencyKey: unknown.idempotencyKey ?? '' }, () => 'called again');
    expect(again).toMatchObject({ gid: unknown.gid, isRepeated: true });
  });

  test('before the confirm was heard leaves it unknown too, and the deadline cancels', async () => {
    world.onTheWay((request) => (request === CONFIRM ? 'request_lost' : 'passes'));
    const unknown = (await rejection(reserve())) as OutcomeUnknown;
    expect(unknown).toBeInstanceOf(OutcomeUnknown);
    expect(await unknown.check()).toMatchObject({ status: 'trying' });
    await world.passUntil(async () => (await world.truth(unknown.gid ?? ''))?.status === 'cancelled');
    expect(await unknown.check()).toMatchObject({ status: 'cancelled' });
  });

  test('when it should cancel says that the deadline will', async () => {
    world.onTheWay((request) => (request === CANCEL ? 'request_lost' : 'passes'));
    const reason = new Error('changed my mind');
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        throw reason;
      }),
    );
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect((error as Error).message).toContain(
      'it is cancelled at its deadline, 2026-01-01T00:00:30.000Z, unless a run with the same idempotencyKey confirms it',
    );
    expect((error as Error).cause).toBe(reason);
  });

  test('at the beginning is told within ten seconds, and nothing was tried', async () => {
    world.onTheWay(() => 'request_lost');
    const error = await rejection(
      world.initiator().run({ ...order, idempotencyKey: 'A-17' }, () => 'called'),
    );
    expect(error).toBeInstanceOf(CoordinatorUnavailable);
    expect(error).toMatchObject({ idempotencyKey: 'A-17', gid: null, code: 'coordinator_unavailable' });
    expect((error as Error).message).toContain('connect ECONNREFUSED');
    expect(count(BEGIN)).toBeGreaterThan(5);
    expect(world.timing.elapsedMs()).toBeLessThanOrEqual(10_000);
  });

  test('during a registration cancels, and the try was never called', async () => {
    world.onTheWay((request) => (request === REGISTER ? 'answer_lost' : 'passes'));
    const error = await rejection(reserve());
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({ cause: { name: 'TryUnknown' } });
    expect(world.shop.arrivals.map(({ op }) => op)).toEqual(['cancel']);
  });
});

describe('of several replicas', () => {
  test('one that is dead is passed over, and not asked first again', async () => {
    const asked: string[] = [];
    const tercet = world.initiator({
      urls: [NOBODY, world.url],
      fetch: (input, init) => {
        asked.push(new URL(String(input)).origin);
        return world.network(input, init);
      },
    });
    const outcome = await tercet.run(order, (tx) => tx.inventory.reserve(tea));
    expect(outcome.status).toBe('confirmed');
    expect(asked.slice(0, 2)).toEqual([NOBODY, world.url]);
    expect(asked.slice(2)).not.toContain(NOBODY);
  });

  test.each([
    502, 503, 504, 404,
  ])('one that is away behind a proxy, with %i, is passed over', async (status) => {
    const proxied: typeof fetch = async (input, init) =>
      String(input).startsWith(NOBODY)
        ? new Response('{"code":"no_such_service"}', { status })
        : world.network(input, init);
    const tercet = world.initiator({ urls: [NOBODY, world.url], fetch: proxied });
    expect((await tercet.run(order, (tx) => tx.payment.hold(money))).status).toBe('confirmed');
  });

  test('a replica that asks for a pause is given it', async () => {
    let isFull = true;
    const tercet = world.initiator({
      fetch: async (input, init) => {
        if (!isFull) return world.network(input, init);
        isFull = false;
        return new Response('{}', { status: 503, headers: { 'retry-after': '2' } });
      },
    });
    expect((await tercet.run(order, (tx) => tx.payment.hold(money))).status).toBe('confirmed');
    expect(world.timing.waits).toContain(2000);
  });

  test('a longer pause than there is patience is not begun', async () => {
    const headers = { 'retry-after': '60' };
    const tercet = world.initiator({ fetch: async () => new Response('{}', { status: 503, headers }) });
    expect(await rejection(tercet.run(order, () => null))).toBeInstanceOf(CoordinatorUnavailable);
    expect(world.timing.waits).not.toContain(60_000);
  });
});

describe('decisions that cross', () => {
  test('a confirm that comes after the deadline is told as a time-out', async () => {
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        world.time.passUnnoticed(30_000);
      }),
    );
    expect(error).toBeInstanceOf(TransactionTimedOut);
    expect(error).toMatchObject({ code: 'transaction_timed_out', status: 'cancelled', refusal: null });
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('it is a time-out also where our own cancel came before the coordinator’s', async () => {
    const tercet = world.initiator({
      fetch: async (input, init) => {
        const response = await world.network(input, init);
        if (!String(input).endsWith('/cancel')) return response;
        const view = (await response.json()) as { decision: object };
        return Response.json({ ...view, decision: { ...view.decision, reason: 'cancel_requested' } });
      },
    });
    const error = await rejection(tercet.run(order, () => world.time.passUnnoticed(30_000)));
    expect(error).toBeInstanceOf(TransactionTimedOut);
  });

  test('a refused confirm is no cancel while an earlier one may have been heard', async () => {
    // The first confirm lands, unanswered. The second is answered as by a replica that has not seen it, and is
    // late.
    let isLate = false;
    const problem = {
      type: 'urn:tercet:error:deadline_passed',
      code: 'deadline_passed',
      detail: 'too late',
    };
    world.onTheWay((request, times) => (request === CONFIRM && times === 1 ? 'answer_lost' : 'passes'));
    const tercet = world.initiator({
      fetch: async (input, init) => {
        if (!String(input).endsWith('/confirm')) return world.network(input, init);
        if (isLate) {
          isLate = false;
          return new Response(JSON.stringify(problem), { status: 409 });
        }
        isLate = count(CONFIRM) === 0;
        return world.network(input, init);
      },
    });
    const outcome = await tercet.run(order, (tx) => tx.inventory.reserve(tea));
    expect(outcome).toMatchObject({ status: 'confirmed', isRepeated: false });
    expect(count(CANCEL)).toBe(1);
  });

  test('a transaction that an operator cancelled meanwhile is cancelled', async () => {
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        await fetch(`${world.url}/v1/transactions/${tx.gid}/cancel`, { method: 'POST' });
      }),
    );
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).not.toBeInstanceOf(TransactionTimedOut);
    expect((error as TransactionCancelled).reason).toContain('cancel was requested');
  });

  test('a transaction that another run confirmed is not told as cancelled', async () => {
    const error = new Error('this run went wrong');
    const outcome = await world.initiator().run(order, async (tx) => {
      await tx.inventory.reserve(tea);
      await fetch(`${world.url}/v1/transactions/${tx.gid}/confirm`, { method: 'POST' });
      throw error;
    });
    expect(outcome).toEqual({
      gid: expect.any(String),
      status: 'confirmed',
      isRepeated: true,
      explanation: expect.any(String),
    });
  });

  test('a 404 of something else on the way is no outcome', async () => {
    const tercet = world.initiator({
      fetch: async (input, init) =>
        String(input).endsWith('/confirm')
          ? new Response('{"code":"not_found"}', { status: 404 })
          : world.network(input, init),
    });
    const error = await rejection(tercet.run(order, (tx) => tx.inventory.reserve(tea)));
    expect(error).toBeInstanceOf(OutcomeUnknown);
  });

  test.each([404, 405])('a %d of a service that is no coordinator is reported as such', async (status) => {
    const fetch = async () => new Response('Not Found', { status });
    const tercet = world.initiator({ fetch });
    const hint = `: ${status}; no Tercet coordinator answers there: correct \`urls\`)`;
    const errors = [
      await rejection(tercet.run(order, () => null)),
      await rejection(tercet.submit({ ...order, branches: [branch(inventory, 'reserve', tea)] })),
      await rejection(tercet.find('0198c5a2-7b1e-7d40-9f3a-5e2b8c1d4f60')),
    ];
    for (const error of errors) {
      expect((error as Error).message).toContain(hint);
      expect((error as Error).message).not.toContain('the same idempotencyKey');
    }
  });

  test('a token that the coordinator takes no more leaves a confirm unknown', async () => {
    const problem = { type: 'urn:tercet:error:unauthorized', code: 'unauthorized', detail: 'no such token' };
    const tercet = world.initiator({
      fetch: async (input, init) =>
        String(input).endsWith('/confirm')
          ? new Response(JSON.stringify(problem), { status: 401 })
          : world.network(input, init),
    });
    const error = await rejection(tercet.run(order, (tx) => tx.inventory.reserve(tea)));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect((error as Error).message).toContain('unauthorized');
  });
});

describe('a request that the coordinator refuses', () => {
  test('is told with its code, and the function is not called', async () => {
    let isCalled = false;
    const error = await rejection(
      world.initiator().run({ ...order, timeoutMs: 10 ** 9 }, () => {
        isCalled = true;
      }),
    );
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({ code: 'timeout_too_long', detail: expect.stringContaining('600000 ms') });
    expect(isCalled).toBe(false);
    expect(count(BEGIN)).toBe(1);
  });

  test('for its token, too', async () => {
    await world.close();
    world = await openWorld({ apiTokens: ['0123456789abcdef'] });
    expect(await rejection(reserve())).toMatchObject({ name: 'RequestRejected', code: 'unauthorized' });
    const known = world.initiator({ token: '0123456789abcdef' });
    expect((await known.run(order, (tx) => tx.inventory.reserve(tea))).status).toBe('confirmed');
  });
});
