// What ends a transaction from outside: its deadline, its caller, and a participant that never confirms.
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  branch,
  CoordinatorUnavailable,
  OutcomeUnknown,
  TransactionCancelled,
  TransactionDiverged,
  TransactionTimedOut,
} from '@tercet/sdk';
import { payment } from './shop.ts';
import { money, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const order = { name: 'order' };
const CONFIRM = 'POST /v1/transactions/:gid/confirm';

/** Ends when the signal is aborted, as work does that minds it. */
const whenAborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('the deadline', () => {
  test('ends a try that nobody answers, and the transaction', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? 'never' : null));
    const running = rejection(
      world.initiator().run({ ...order, timeoutMs: 5000 }, (tx) => tx.payment.hold(money)),
    );
    await world.shop.arrived('try');
    world.timing.pass(5000);
    const error = await running;
    expect(error).toBeInstanceOf(TransactionTimedOut);
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({ code: 'transaction_timed_out', status: 'cancelling', refusal: null });
    expect(world.requests).not.toContain(CONFIRM);
  });

  test('is told to the function, by a signal', async () => {
    const running = rejection(
      world.initiator().run({ ...order, timeoutMs: 7000 }, (tx) => whenAborted(tx.signal)),
    );
    await world.until(async () => world.timing.waits.includes(7000));
    world.timing.pass(7000);
    expect(await running).toMatchObject({ name: 'TransactionTimedOut', cause: { name: 'TimeoutError' } });
  });

  test('ends also a function that does not mind it; what that calls later is refused', async () => {
    let goOn = () => {};
    const late = new Promise<unknown>((resolve) => {
      const running = rejection(
        world.initiator().run({ ...order, timeoutMs: 7000 }, async (tx) => {
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
          resolve(rejection(tx.payment.hold(money)));
        }),
      );
      void world
        .until(async () => world.timing.waits.includes(7000))
        .then(() => world.timing.pass(7000))
        .then(() => running)
        .then((error) => {
          expect(error).toBeInstanceOf(TransactionTimedOut);
          goOn();
        });
    });
    expect(await late).toMatchObject({ name: 'TryNotSent', code: 'run_is_over' });
    expect(world.shop.arrivals).toEqual([]);
  });

  test('is counted from the beginning by the initiator’s own clock, whatever the clocks say', async () => {
    // The coordinator’s clock stands in January.
    const running = rejection(
      world.initiator().run({ ...order, timeoutMs: 9000 }, (tx) => whenAborted(tx.signal)),
    );
    await world.until(async () => world.timing.waits.includes(9000));
    world.timing.pass(8999);
    await setImmediate();
    expect(world.requests).toEqual(['POST /v1/transactions']);
    world.timing.pass(1);
    expect(await running).toBeInstanceOf(TransactionTimedOut);
  });
});

describe('timeoutMs bounds the call as a whole', () => {
  const BEGIN = 'POST /v1/transactions';
  const timed = { ...order, timeoutMs: 3000 };
  const submitted = { ...timed, branches: [branch(payment, 'hold', money)] };
  /** A coordinator that takes each request and never answers. */
  const silent: typeof fetch = (_input, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
    });

  test('while no coordinator can be reached: a run begins nothing after it', async () => {
    world.onTheWay(() => 'request_lost');
    const error = await rejection(world.initiator().run(timed, () => 'called'));
    expect(error).toBeInstanceOf(CoordinatorUnavailable);
    expect(world.timing.elapsedMs()).toBeLessThanOrEqual(3000);
  });

  test('while no coordinator can be reached: a submission is unknown half a second after it', async () => {
    world.onTheWay(() => 'request_lost');
    const error = await rejection(world.initiator().submit(submitted));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(world.timing.elapsedMs()).toBeLessThanOrEqual(3500);
  });

  test('while the coordinator is away for the decision', async () => {
    world.onTheWay((request) => (request === BEGIN ? 'passes' : 'request_lost'));
    const error = await rejection(world.initiator().run(timed, () => 'nothing to try'));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(world.timing.elapsedMs()).toBeLessThanOrEqual(3500);
  });

  test('while the coordinator never answers', async () => {
    const tercet = world.initiator({ fetch: silent });
    const running = rejection(tercet.run(timed, () => 'called'));
    await world.until(async () => world.timing.waits.includes(3000));
    world.timing.pass(3000);
    expect(await running).toBeInstanceOf(CoordinatorUnavailable);
    const submitting = rejection(tercet.submit(submitted));
    await world.until(async () => world.timing.waits.includes(3500));
    world.timing.pass(3500);
    expect(await submitting).toBeInstanceOf(OutcomeUnknown);
  });

  test('also where the beginning took a part of it', async () => {
    world.onTheWay((request, times) => {
      // The coordinator counts from the second request.
      if (request === BEGIN && times === 1) world.timing.pass(1000);
      return request === BEGIN && times === 1 ? 'request_lost' : 'passes';
    });
    let isWorking = false;
    const running = rejection(
      world.initiator().run(timed, (tx) => {
        isWorking = true;
        return whenAborted(tx.signal);
      }),
    );
    await world.until(async () => isWorking);
    world.timing.pass(3000 - world.timing.elapsedMs());
    expect(await running).toBeInstanceOf(TransactionTimedOut);
    expect(world.timing.elapsedMs()).toBeLessThanOrEqual(3500);
  });

  test('and the wait for the end: the coordinator is asked to wait no longer', async () => {
    const waits: (string | null)[] = [];
    const tercet = world.initiator({
      fetch: (input, init) => {
        waits.push(new Headers(init?.headers).get('prefer'));
        return world.network(input, init);
      },
    });
    await tercet.submit(submitted);
    await tercet.submit({ ...submitted, timeoutMs: 900 });
    await tercet.submit({ ...submitted, timeoutMs: 60_000 });
    await tercet.submit({ ...submitted, waitMs: 2000 });
    expect(waits).toEqual(['wait=3', 'wait=1', 'wait=10', 'wait=2']);
  });

  test('and a submission that its deadline ends is known to be timed out, with the last answers', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? { status: 404 } : null));
    const submitting = rejection(world.initiator().submit(submitted));
    await world.shop.arrived('try');
    await world.passUntil(async () => world.timing.elapsedMs() > 0 || (await isOver(submitting)));
    const error = await submitting;
    expect(error).toBeInstanceOf(TransactionTimedOut);
    expect((error as Error).message).toContain(
      'its deadline passed before it was decided: payment had no usable answer for branch “payment-hold-1”, last “404”',
    );
  });

  const isOver = (promise: Promise<unknown>): Promise<boolean> =>
    Promise.race([promise.then(() => true), setImmediate(false)]);
});

describe('the caller of submit', () => {
  const submitted = { ...order, branches: [branch(payment, 'hold', money)] };

  test('that aborted before it sends nothing', async () => {
    const reason = new Error('never mind');
    const error = await rejection(
      world.initiator().submit({ ...submitted, signal: AbortSignal.abort(reason) }),
    );
    expect(error).toBeInstanceOf(CoordinatorUnavailable);
    expect((error as Error).cause).toBe(reason);
    expect(world.requests).toEqual([]);
  });

  test('that aborts ends the wait, and the transaction goes on', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.shop.answer(async ({ op }) => {
      if (op === 'try') await released;
      return null;
    });
    const caller = new AbortController();
    const keyed = { ...submitted, idempotencyKey: 'A-17' };
    const submitting = rejection(world.initiator().submit({ ...keyed, signal: caller.signal }));
    await world.shop.arrived('try');
    const reason = new Error('the customer has left');
    caller.abort(reason);
    const error = await submitting;
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(error).toMatchObject({ idempotencyKey: 'A-17', cause: reason });
    release();
    expect(await world.initiator().submit(keyed)).toMatchObject({ status: 'confirmed', isRepeated: true });
  });
});

describe('the caller', () => {
  test('stops the tries and cancels by a signal, whose reason is told', async () => {
    world.shop.answer(({ op, participant }) => (op === 'try' && participant === 'payment' ? 'never' : null));
    const caller = new AbortController();
    const running = rejection(
      world.initiator().run({ ...order, signal: caller.signal }, async (tx) => {
        await tx.inventory.reserve(tea);
        await tx.payment.hold(money);
      }),
    );
    await world.shop.arrived('try', 'payment');
    const reason = new Error('the customer has left');
    caller.abort(reason);
    const error = await running;
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).not.toBeInstanceOf(TransactionTimedOut);
    expect((error as Error).cause).toBe(reason);
    const { gid } = error as TransactionCancelled;
    await world.until(async () => (await world.truth(gid ?? ''))?.status === 'cancelled');
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('that aborts when every try has succeeded still cancels', async () => {
    const caller = new AbortController();
    const error = await rejection(
      world.initiator().run({ ...order, signal: caller.signal }, async (tx) => {
        await tx.inventory.reserve(tea);
        caller.abort();
      }),
    );
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(world.requests).not.toContain(CONFIRM);
  });

  test('cannot take back a confirm that was asked for', async () => {
    const caller = new AbortController();
    world.onTheWay((request) => {
      if (request === CONFIRM) caller.abort();
      return 'passes';
    });
    const outcome = await world
      .initiator()
      .run({ ...order, signal: caller.signal }, (tx) => tx.inventory.reserve(tea));
    expect(outcome).toMatchObject({ status: 'confirmed', isRepeated: false });
  });

  test('that aborted before the beginning begins nothing', async () => {
    const reason = new Error('never mind');
    const signal = AbortSignal.abort(reason);
    const error = await rejection(world.initiator().run({ ...order, signal }, () => 'called'));
    expect(error).toBeInstanceOf(CoordinatorUnavailable);
    expect((error as Error).cause).toBe(reason);
    expect(world.requests).toEqual([]);
  });
});

describe('a branch that is parked', () => {
  /** Runs until the branch waits for an operator, and then lets the wait for the end run out. */
  async function parked(op: string, work: () => Promise<unknown>) {
    const running = rejection(work());
    const { gid } = await world.shop.arrived(op);
    await world.until(async () => {
      const tx = await world.truth(gid);
      return tx?.branches.some(({ phaseTwo }) => phaseTwo.parkedAt !== null) === true;
    });
    world.time.pass(10_000);
    return running;
  }

  test('is told: the confirm stands, and a person is needed', async () => {
    world.shop.answer(({ op }) => (op === 'confirm' ? { status: 400 } : null));
    const error = await parked('confirm', () =>
      world.initiator().run(order, (tx) => tx.inventory.reserve(tea)),
    );
    expect(error).toBeInstanceOf(TransactionDiverged);
    expect(error).toMatchObject({
      code: 'transaction_diverged',
      decision: 'confirm',
      status: 'confirming',
      isParked: true,
      explanation: expect.stringMatching(/^Parked since /),
    });
  });

  test('of a cancelled transaction is told with why it was cancelled', async () => {
    world.shop.answer(({ op }) => (op === 'cancel' ? { status: 400 } : null));
    const reason = new Error('too dear');
    const error = await parked('cancel', () =>
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        throw reason;
      }),
    );
    expect(error).toMatchObject({ name: 'TransactionDiverged', decision: 'cancel', status: 'cancelling' });
    expect((error as Error).cause).toMatchObject({ name: 'TransactionCancelled', cause: reason });
  });

  test('is told again to a run with the same key', async () => {
    world.shop.answer(({ op }) => (op === 'confirm' ? { status: 400 } : null));
    const keyed = { ...order, idempotencyKey: 'k' };
    await parked('confirm', () => world.initiator().run(keyed, (tx) => tx.inventory.reserve(tea)));
    const again = await rejection(world.initiator().run(keyed, () => 'called again'));
    expect(again).toBeInstanceOf(TransactionDiverged);
  });
});
