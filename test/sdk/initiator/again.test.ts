// Running again with the same key: after a crash half-way, and after the end.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RequestRejected, TransactionCancelled, TransactionTimedOut } from '@tercet/sdk';
import { money, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const order = { name: 'order', idempotencyKey: 'order A-17' };
const CONFIRM = 'POST /v1/transactions/:gid/confirm';

/** A run whose process dies with its first tries done: nothing of it reaches the coordinator any more. */
async function crash(): Promise<string> {
  let gid = '';
  world.onTheWay((request) => (/(?:confirm|cancel)$/.test(request) ? 'request_lost' : 'passes'));
  await rejection(
    world.initiator().run(order, async (tx) => {
      gid = tx.gid;
      await tx.inventory.reserve(tea);
      throw new Error('killed');
    }),
  );
  world.onTheWay(() => 'passes');
  expect((await world.truth(gid))?.status).toBe('trying');
  return gid;
}

describe('after a crash in the middle', () => {
  test('it goes on, and each effect is there once', async () => {
    const gid = await crash();
    const outcome = await world.initiator().run(order, async (tx) => {
      const { reservationId } = await tx.inventory.reserve(tea);
      await tx.payment.hold(money);
      return reservationId;
    });
    expect(outcome).toMatchObject({
      ...{ gid, status: 'confirmed', isRepeated: false },
      value: 'r-inventory-reserve-1',
    });
    expect([...world.shop.effects].sort()).toEqual([
      'confirm inventory-reserve-1',
      'confirm payment-hold-1',
      'try inventory-reserve-1',
      'try payment-hold-1',
    ]);
  });

  test('it cancels when the function takes another way than before', async () => {
    const gid = await crash();
    const error = await rejection(world.initiator().run(order, (tx) => tx.payment.hold(money)));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({ gid, refusal: null });
    expect((error as TransactionCancelled).reason).toContain(
      'branch “inventory-reserve-1” stands from an earlier run, and this run took another way',
    );
    expect([...world.shop.effects].sort()).toEqual([
      'cancel inventory-reserve-1',
      'cancel payment-hold-1',
      'try inventory-reserve-1',
      'try payment-hold-1',
    ]);
  });

  test('it cancels when another run went another way at the same time, and neither could see it', async () => {
    let held = () => {};
    const isHeld = new Promise<void>((resolve) => {
      held = resolve;
    });
    const one = world.initiator().run(order, async (tx) => {
      await tx.inventory.reserve(tea);
      void other();
      await isHeld;
    });
    let another: Promise<unknown> = Promise.resolve();
    const other = async () => {
      another = rejection(
        world.initiator().run(order, async (tx) => {
          await tx.payment.hold(money);
          held();
          await one.catch(() => {});
        }),
      );
    };
    const error = await rejection(one);
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect((error as TransactionCancelled).reason).toContain('another run with the same idempotencyKey');
    expect(await another).toBeInstanceOf(TransactionCancelled);
    expect([...world.shop.effects].sort()).toEqual([
      'cancel inventory-reserve-1',
      'cancel payment-hold-1',
      'try inventory-reserve-1',
      'try payment-hold-1',
    ]);
  });

  test('it cancels when the function calls nothing any more', async () => {
    await crash();
    const error = await rejection(world.initiator().run(order, () => 'nothing to do'));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('it cancels when a branch is called with another payload than before', async () => {
    await crash();
    const error = await rejection(
      world.initiator().run(order, (tx) => tx.inventory.reserve({ ...tea, quantity: 3 })),
    );
    expect(error).toMatchObject({
      name: 'TransactionCancelled',
      cause: { name: 'RequestRejected', code: 'branch_differs' },
    });
  });

  test('past its deadline it is a time-out', async () => {
    const gid = await crash();
    await world.passUntil(async () => (await world.truth(gid))?.status === 'cancelled');
    const error = await rejection(world.initiator().run(order, (tx) => tx.inventory.reserve(tea)));
    expect(error).toBeInstanceOf(TransactionTimedOut);
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('past its deadline, before anybody has looked, it is a time-out too, and nothing is tried', async () => {
    await crash();
    world.time.passUnnoticed(30_000);
    const error = await rejection(world.initiator().run(order, (tx) => tx.payment.hold(money)));
    expect(error).toBeInstanceOf(TransactionTimedOut);
    expect(error).toMatchObject({ cause: { name: 'TryNotSent', code: 'transaction_decided' } });
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });
});

describe('after the end', () => {
  const neverCalled = () => {
    throw new Error('it was called again');
  };

  test('it reports what was confirmed, and calls nothing', async () => {
    const first = await world.initiator().run(order, (tx) => tx.inventory.reserve(tea));
    const again = await world.initiator().run(order, neverCalled);
    expect(again).toEqual({
      ...{ gid: first.gid, status: 'confirmed', isRepeated: true },
      explanation: first.explanation,
    });
    expect(world.shop.arrivals).toHaveLength(2);
  });

  test('it waits for the end of what is being confirmed', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.shop.answer(async ({ op }) => {
      if (op === 'confirm') await answered;
      return null;
    });
    const first = await world.initiator().run({ ...order, waitMs: 0 }, (tx) => tx.inventory.reserve(tea));
    expect(first.status).toBe('confirming');
    const again = world.initiator().run(order, neverCalled);
    await world.until(async () => world.requests.filter((request) => request === CONFIRM).length === 2);
    answer();
    expect(await again).toMatchObject({ gid: first.gid, status: 'confirmed', isRepeated: true });
  });

  test('it throws what was cancelled', async () => {
    const failed = (await rejection(world.initiator().run(order, neverCalled))) as TransactionCancelled;
    const error = await rejection(world.initiator().run(order, (tx) => tx.inventory.reserve(tea)));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).not.toBeInstanceOf(TransactionTimedOut);
    expect(error).toMatchObject({ gid: failed.gid, status: 'cancelled' });
    expect(world.shop.arrivals).toEqual([]);
  });

  test('the same input under the same key is repeated, in whichever order its fields are', async () => {
    const first = await world
      .initiator()
      .run({ ...order, input: { tea, money } }, (tx) => tx.inventory.reserve(tea));
    const again = await world.initiator().run({ ...order, input: { money, tea } }, neverCalled);
    expect(again).toMatchObject({ gid: first.gid, isRepeated: true });
  });

  test('another input under the same key is refused, and the transaction is named', async () => {
    const input = { item: 'tea', quantity: 2 };
    const { gid } = await world.initiator().run({ ...order, input }, (tx) => tx.inventory.reserve(tea));
    const other = { ...input, quantity: 3 };
    const error = await rejection(world.initiator().run({ ...order, input: other }, neverCalled));
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({ code: 'transaction_differs' });
    expect((error as Error).message).toContain(gid);
    expect((error as Error).message).toContain('take a new gid and key');
    expect(world.requests.filter((request) => request === CONFIRM)).toHaveLength(1);
  });

  test('an input that is no JSON is a fault of the program, and begins nothing', async () => {
    const error = await rejection(world.initiator().run({ ...order, input: 1n }, neverCalled));
    expect(error).toBeInstanceOf(TypeError);
    expect(world.requests).toEqual([]);
  });

  test('another payload under the same key is refused where another run confirmed meanwhile', async () => {
    let gid = '';
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        gid = tx.gid;
        await world.initiator().run(order, (same) => same.inventory.reserve(tea));
        await tx.inventory.reserve({ ...tea, quantity: 3 });
      }),
    );
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({ code: 'branch_differs', gid });
    expect((error as Error).message).toContain('which another run with the same idempotencyKey confirmed');
    expect((await world.truth(gid))?.status).toBe('confirmed');
  });

  test('another transaction under the same key is refused', async () => {
    await world.initiator().run(order, (tx) => tx.inventory.reserve(tea));
    const error = await rejection(world.initiator().run({ ...order, businessKey: 'B-1' }, neverCalled));
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({ code: 'transaction_differs' });
  });
});
