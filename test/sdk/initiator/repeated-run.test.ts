/**
 * A run that is repeated with the same idempotency key:
 *
 * - After a crash it continues. It cancels where the function now takes another way.
 * - After the end it reports the outcome, and calls nothing.
 * - Another input, payload or name under the same key is refused. Inputs are compared by a hash.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { RequestRejected, TransactionCancelled, TransactionTimedOut } from '@tercet/sdk';
import { inputHashOf } from '../../../sdk/src/initiator/input-hash.ts';
import { money, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

class Order {
  readonly #quantity: number;
  constructor(quantity: number) {
    this.#quantity = quantity;
  }
  get quantity() {
    return this.#quantity;
  }
}

class Money {
  readonly #cents: number;
  constructor(cents: number) {
    this.#cents = cents;
  }
  toJSON() {
    return { cents: this.#cents };
  }
}

function fails(): never {
  throw new Error('it fails');
}

function circle(): unknown {
  const items: unknown[] = [];
  items.push({ items });
  return { items };
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let at = 0; at < depth; at += 1) value = [value];
  return value;
}

type Work = Parameters<ReturnType<World['initiator']>['run']>[1];

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
      gid,
      status: 'confirmed',
      isRepeated: false,
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
      gid: first.gid,
      status: 'confirmed',
      isRepeated: true,
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
    expect((error as Error).message).toContain('use a new gid and key');
    expect(world.requests.filter((request) => request === CONFIRM)).toHaveLength(1);
  });

  test.each<readonly [string, input: unknown, place: string]>([
    ['a Map', { items: [new Map([['tea', 1]])] }, '“#/items/0”'],
    ['a Set', { items: new Set([1]) }, '“#/items”'],
    ['an error', new TypeError('a'), '“#”'],
    ['a regular expression', [/a/], '“#/0”'],
    ['bytes', { at: new Uint8Array([1]) }, '“#/at”'],
    ['a boxed number', { at: Object(1) }, '“#/at”'],
    ['an instance of a class', { order: new Order(1) }, '“#/order”'],
    ['an array of a class', { items: new (class extends Array {})(1) }, '“#/items”'],
    ['an object with a prototype of its own', Object.create({ quantity: 1 }), '“#”'],
    ['a date that is none', { at: new Date(Number.NaN) }, '“#/at”'],
    ['NaN', { 'a/b~': Number.NaN }, '“#/a~1b~0”'],
    ['an infinite number', [Number.NEGATIVE_INFINITY], '“#/0”'],
    ['undefined in an array', [undefined], '“#/0”'],
    ['a gap in an array', Object.assign([1], { 2: 3 }), '“#/1”'],
    ['a member of an array', { items: Object.assign([1], { total: 2 }) }, '“#/items/total”'],
    ['a function', () => 1, '“#”'],
    ['a function in an array', [() => 1], '“#/0”'],
    ['a method', { total: () => 1 }, '“#/total”'],
    ['a symbol', { at: Symbol('a') }, '“#/at”'],
    ['a member named by a symbol', { at: { [Symbol('a')]: 1 } }, '“#/at”'],
    ['a bigint', { cents: 1n }, '“#/cents”'],
    ['a circle', circle(), '“#/items/0/items”'],
    ['arrays in each other without end', nested(100_000), '“#/0/0/'],
    ['a toJSON that returns nothing', { at: { toJSON: () => undefined } }, '“#/at”'],
    ['a toJSON that returns a Map', { at: { toJSON: () => [new Map()] } }, '“#/at/0”'],
    ['a toJSON that fails', { at: { toJSON: fails } }, '“#/at”'],
    [
      'a getter that fails',
      { at: Object.defineProperty({}, 'x', { get: fails, enumerable: true }) },
      '“#/at/x”',
    ],
    ['what cannot be read', { at: new Proxy({}, { ownKeys: fails }) }, '“#/at”'],
  ])('an input that JSON cannot hold is a fault of the program, and begins nothing: %s', async (_what, input, place) => {
    const error = (await rejection(world.initiator().run({ ...order, input }, neverCalled))) as Error;
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(place);
    expect(error.message.length).toBeLessThan(500);
    expect(world.requests).toEqual([]);
  });

  test.each<readonly [string, one: unknown, same: unknown, other: unknown]>([
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z', new Date(1)],
    ['bytes of a Buffer', Buffer.from('a'), { type: 'Buffer', data: [97] }, Buffer.from('b')],
    ['a class with a toJSON', new Money(1), { cents: 1 }, new Money(2)],
    ['a toJSON that is given its key', { cents: { toJSON: (key: string) => key } }, { cents: 'cents' }, {}],
    ['undefined members', { a: 1, b: undefined }, { a: 1 }, { a: 1, b: null }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }, { a: 2 }],
    ['an object of another realm', runInNewContext('({ a: [1] })'), { a: [1] }, { a: [2] }],
    ['the same object twice', [tea, tea], [{ ...tea }, { ...tea }], [tea]],
    ['numbers', [0, 1.5, 1e21, -1], [-0, 3 / 2, 10 ** 21, -1], [0, 1.5, 1e21, 1]],
    ['a member named __proto__', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}'), {}],
    ['null', null, null, 'null'],
  ])('an input that JSON holds is distinguished from another: %s', async (_what, one, same, other) => {
    const run = (input: unknown, work: Work) => world.initiator().run({ ...order, input }, work);
    const { gid } = await run(one, (tx) => tx.inventory.reserve(tea));
    expect(await run(same, neverCalled)).toMatchObject({ gid, isRepeated: true });
    expect(await rejection(run(other, neverCalled))).toMatchObject({ code: 'transaction_differs' });
  });

  test('an input has the hash that it had before its values were checked', () => {
    const input = { b: [1, 'ü', null, true, { d: new Date(0) }], a: undefined, c: {} };
    const json = '{"b":[1,"ü",null,true,{"d":"1970-01-01T00:00:00.000Z"}],"c":{}}';
    expect(inputHashOf({ input })).toBe(createHash('sha256').update(json).digest('hex'));
    expect(inputHashOf({})).toBeUndefined();
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
