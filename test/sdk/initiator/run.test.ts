/**
 * One interactive transaction from its begin to its end, when nothing is lost on the way:
 *
 * - It is confirmed when all tries succeed. Each branch is registered before its try (I9).
 * - It is cancelled when a try is refused or unknown, or when the function throws.
 * - Tries that nobody awaits are part of the decision. Those that come after it are refused.
 * - The transaction object is typed, and throws for names that it does not have.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { TransactionCancelled, TransactionTimedOut, TryNotSent, TryRefused, TryUnknown } from '@tercet/sdk';
import { money, NOBODY, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const order = { name: 'order', businessKey: 'A-17' };

/** A transaction as plain JavaScript sees it. */
type Loose = Readonly<Record<string, Readonly<Record<string, (payload: object) => unknown>>>>;

/** As a property and as a proxy: whoever reads, is thrown at. */
const unreadable = {
  get(): never {
    throw new Error('not to be read');
  },
};

describe('a transaction whose tries all succeed', () => {
  test('is confirmed, and answers what the function returned', async () => {
    const outcome = await world.initiator().run(order, async (tx) => {
      const { reservationId } = await tx.inventory.reserve(tea);
      await tx.payment.hold(money, { branchId: 'money' });
      return reservationId;
    });
    expect(outcome).toEqual({
      gid: expect.any(String),
      status: 'confirmed',
      isRepeated: false,
      value: 'r-inventory-reserve-1',
      explanation: expect.stringMatching(/^Confirmed at /),
    });
    expect(world.shop.effects.slice(0, 2)).toEqual(['try inventory-reserve-1', 'try money']);
    expect(world.shop.effects.slice(2).sort()).toEqual(['confirm inventory-reserve-1', 'confirm money']);
    expect(await world.truth(outcome.gid)).toMatchObject({ name: 'order', businessKey: 'A-17' });
  });

  test('registers each branch before it calls its try', async () => {
    const registered: unknown[] = [];
    world.shop.answer(async ({ op, gid, branchId }) => {
      const standing = (await world.truth(gid))?.branches.map((branch) => branch.branchId) ?? [];
      if (op === 'try') registered.push([branchId, standing.includes(branchId)]);
      return null;
    });
    await world.initiator().run(order, async (tx) => {
      await tx.inventory.reserve(tea);
      await tx.payment.hold(money);
    });
    expect(registered).toEqual([
      ['inventory-reserve-1', true],
      ['payment-hold-1', true],
    ]);
  });

  test('may run them in parallel', async () => {
    const both = Promise.all([world.shop.arrived('try', 'inventory'), world.shop.arrived('try', 'payment')]);
    // Neither is answered before the other has come.
    world.shop.answer(async ({ op }) => {
      if (op === 'try') await both;
      return null;
    });
    const outcome = await world
      .initiator()
      .run(order, (tx) => Promise.all([tx.inventory.reserve(tea), tx.payment.hold(money)]));
    expect(outcome.status).toBe('confirmed');
  });

  test('calls tries as the coordinator calls', async () => {
    const { gid } = await world.initiator().run({ ...order, timeoutMs: 5000 }, async (tx) => {
      expect(tx.deadlineAt.toISOString()).toBe('2026-01-01T00:00:05.000Z');
      await tx.inventory.reserve(tea);
    });
    const [tried, confirmed] = world.shop.arrivals;
    expect(tried).toMatchObject({ op: 'try', gid, path: '/inventory/reserve/try', attempt: '1' });
    expect(tried?.headers).toMatchObject({
      'content-type': 'application/json',
      'tcc-deadline': '2026-01-01T00:00:05.000Z',
      'idempotency-key': `${gid}/inventory-reserve-1/try`,
    });
    expect(tried?.body).toBe(JSON.stringify(tea));
    expect(confirmed?.body).toBe(tried?.body);
  });

  test('calls a participant at the paths that are its own', async () => {
    const paths = { 'hold/try': '/holds?new' };
    const baseUrls = [`${world.shop.url}/payment/`];
    await world.registry.put({ name: 'payment', baseUrls, paths, callTimeoutMs: null });
    await world.initiator().run(order, (tx) => tx.payment.hold(money));
    expect(world.shop.arrivals[0]).toMatchObject({ op: 'try', path: '/payment/holds?new' });
  });

  test('calls a participant at the next of its addresses when one does not answer', async () => {
    // The first address comes first, and the jitter of the retry is nothing.
    const chance = jest.spyOn(Math, 'random').mockReturnValue(0);
    const baseUrls = [NOBODY, `${world.shop.url}/payment`];
    await world.registry.put({ name: 'payment', baseUrls, paths: {}, callTimeoutMs: null });
    await world.initiator().run({ ...order, waitMs: 0 }, (tx) => tx.payment.hold(money));
    chance.mockRestore();
    expect(world.shop.arrivals[0]).toMatchObject({ op: 'try', attempt: '2' });
  });

  test('finds a participant that has moved', async () => {
    const tercet = world.initiator();
    await tercet.run(order, (tx) => tx.payment.hold(money));
    await tercet.run(order, (tx) => tx.payment.hold(money));
    const lookUp = 'GET /v1/participants/payment';
    expect(world.requests.filter((request) => request === lookUp)).toHaveLength(1);
    const baseUrls = [`${world.shop.url}/payment/moved`];
    await world.registry.put({ name: 'payment', baseUrls, paths: {}, callTimeoutMs: null });
    world.shop.answer(({ path, op }) =>
      op === 'try' && !path.startsWith('/payment/moved') ? { status: 503 } : null,
    );
    const outcome = await tercet.run(order, (tx) => tx.payment.hold(money));
    expect(outcome.status).toBe('confirmed');
    expect(world.requests.filter((request) => request === lookUp)).toHaveLength(2);
  });

  test('finds a participant that has moved after a second, also while its old address answers', async () => {
    const tercet = world.initiator();
    await tercet.run(order, (tx) => tx.payment.hold(money));
    const baseUrls = [`${world.shop.url}/payment/moved`];
    await world.registry.put({ name: 'payment', baseUrls, paths: {}, callTimeoutMs: null });
    const paths: string[] = [];
    world.shop.answer(({ path, op }) => {
      if (op === 'try') paths.push(path);
      return null;
    });
    world.timing.pass(1000);
    await tercet.run(order, (tx) => tx.payment.hold(money));
    expect(paths).toEqual([expect.stringMatching(/^\/payment\/moved/)]);
  });

  test('that calls nothing is confirmed', async () => {
    const outcome = await world.initiator().run(order, () => 'nothing to do');
    expect(outcome).toMatchObject({ status: 'confirmed', isRepeated: false, value: 'nothing to do' });
  });

  test('answers null for an empty body, and text where the contract looks at nothing', async () => {
    const answers = ['', 'OK', '{"held":true}'];
    world.shop.answer(({ op }) => (op === 'try' ? { status: 200, body: answers.shift() ?? '' } : null));
    const results: unknown[] = [];
    const twice = () =>
      world.initiator().run({ ...order, waitMs: 0 }, async (tx) => {
        for (let count = 1; count <= 3; count += 1) results.push(await tx.payment.hold(money));
      });
    await twice();
    expect(results).toEqual([null, 'OK', { held: true }]);
  });

  test('numbers the branches that nobody names, by activity', async () => {
    const { gid } = await world.initiator().run(order, async (tx) => {
      await tx.inventory.reserve(tea);
      await tx.inventory.reserve(tea, { branchId: 'mine' });
      await tx.inventory.reserve(tea);
      await tx.payment.hold(money);
    });
    expect((await world.truth(gid))?.branches.map(({ branchId }) => branchId)).toEqual([
      'inventory-reserve-1',
      'mine',
      'inventory-reserve-2',
      'payment-hold-1',
    ]);
  });

  test('that is not finished within the wait is decided, and a success', async () => {
    world.shop.answer(({ op }) => (op === 'confirm' ? 'never' : null));
    const tercet = world.initiator();
    const outcome = await tercet.run({ ...order, waitMs: 0 }, (tx) => tx.inventory.reserve(tea));
    expect(outcome).toMatchObject({ status: 'confirming', isRepeated: false });
    expect(await tercet.find(outcome.gid)).toMatchObject({ decision: { decision: 'confirm' } });
  });
});

describe('a transaction is cancelled', () => {
  const refusal = { status: 409, body: '{"code":"sold_out","detail":"no tea left"}' };

  test('when a try is refused', async () => {
    world.shop.answer(({ op, participant }) => (op === 'try' && participant === 'payment' ? refusal : null));
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        await tx.payment.hold(money);
      }),
    );
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).not.toBeInstanceOf(TransactionTimedOut);
    const cancelled = error as TransactionCancelled;
    expect(cancelled).toMatchObject({ code: 'transaction_cancelled', status: 'cancelled' });
    expect(cancelled.refusal).toBeInstanceOf(TryRefused);
    expect(cancelled.refusal).toMatchObject({
      participant: 'payment',
      activity: 'hold',
      branchId: 'payment-hold-1',
      code: 'sold_out',
      detail: 'no tea left',
      gid: cancelled.gid,
    });
    expect(cancelled.cause).toBe(cancelled.refusal);
    expect(cancelled.message).toContain('no tea left');
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('when a try is refused, also where the function looks away', async () => {
    world.shop.answer(({ op, participant }) => (op === 'try' && participant === 'payment' ? refusal : null));
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        await tx.payment.hold(money).catch(() => 'never mind');
      }),
    );
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({ refusal: { participant: 'payment' }, cause: { name: 'TryRefused' } });
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('when a try has no clear answer until there is no time for another', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? { status: 503 } : null));
    const error = await rejection(world.initiator().run(order, (tx) => tx.inventory.reserve(tea)));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({ refusal: null, cause: { name: 'TryUnknown', answer: '503' } });
    const attempts = world.shop.arrivals
      .filter(({ op }) => op === 'try')
      .map(({ attempt }) => Number(attempt));
    expect(attempts.length).toBeGreaterThan(5);
    expect(attempts).toEqual(attempts.map((_attempt, index) => index + 1));
  });

  test.each([
    ['redirects', { status: 302, headers: { location: '/elsewhere' } }, '302'],
    ['answers more than 64 KiB', { status: 200, body: JSON.stringify('x'.repeat(64 * 1024)) }, 'over 64 KiB'],
  ])('when a try %s: that is not an answer', async (_what, answer, words) => {
    world.shop.answer(({ op, path }) => (op === 'try' && path === '/payment/hold/try' ? answer : null));
    const error = await rejection(world.initiator().run(order, (tx) => tx.payment.hold(money)));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(error).toMatchObject({ cause: { name: 'TryUnknown', answer: expect.stringContaining(words) } });
    expect(world.shop.effects).toEqual([]);
  });

  test('when the result of a try does not fit its contract', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? { status: 200, body: '{"reservation":7}' } : null));
    const error = await rejection(world.initiator().run(order, (tx) => tx.inventory.reserve(tea)));
    expect(error).toMatchObject({ name: 'TransactionCancelled' });
    expect((error as Error).cause).toBeInstanceOf(TryUnknown);
    expect((error as Error).message).toContain('#/reservationId is required');
    expect(world.shop.arrivals.map(({ op }) => op)).toEqual(['try', 'cancel']);
  });

  test('when the function throws, and tells what it threw', async () => {
    const reason = new RangeError('the price has changed');
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        throw reason;
      }),
    );
    expect(error).toMatchObject({ name: 'TransactionCancelled', refusal: null, status: 'cancelled' });
    expect((error as Error).cause).toBe(reason);
    expect((error as Error).message).toContain('the price has changed');
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test.each([
    ['has no text', Object.create(null)],
    ['fails where it is looked at', new Proxy({}, unreadable)],
    ['is an error that does not tell', Object.defineProperty(new Error('no'), 'message', unreadable)],
    ['is a symbol', Symbol('no')],
    ['is nothing', undefined],
  ])('when the function throws what %s', async (_what, thrown) => {
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.inventory.reserve(tea);
        throw thrown;
      }),
    );
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect((error as Error).cause === thrown).toBe(true);
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('when the function is at fault, with the advice to look at that first', async () => {
    const adviceAfter = async (work: () => unknown) =>
      ((await rejection(world.initiator().run(order, work))) as TransactionCancelled).advice;
    const lookAtCause = expect.stringMatching(/^Look at `cause` first/);
    expect(
      await adviceAfter(() => {
        throw new TypeError('x is not a function');
      }),
    ).toEqual(lookAtCause);
    expect(
      await adviceAfter(() => {
        throw undefined;
      }),
    ).toEqual(expect.not.stringContaining('`cause`'));
    world.shop.answer(({ op }) => (op === 'try' ? refusal : null));
    const refused = await rejection(world.initiator().run(order, (tx) => tx.inventory.reserve(tea)));
    expect(refused).toMatchObject({ advice: expect.not.stringContaining('`cause`') });
  });

  test.each([
    ['a participant that no contract names', (tx: Loose) => tx.inv?.reserve?.(tea), 'tx', 'inv', 'inventory'],
    [
      'an activity that is none',
      (tx: Loose) => tx.inventory?.reserv?.(tea),
      'tx.inventory',
      'reserv',
      'reserve',
    ],
  ])('when the function calls %s, and tells what there is', async (_what, call, of, called, there) => {
    const error = await rejection(world.initiator().run(order, (tx) => call(tx as unknown as Loose)));
    expect(error).toBeInstanceOf(TransactionCancelled);
    const { cause } = error as Error;
    expect(cause).toBeInstanceOf(TypeError);
    expect((cause as Error).message).toContain(`${of} has no “${called}”: it has ${there}`);
  });

  test('when it throws while another try is asked again and again: that one is not waited for', async () => {
    world.shop.answer(async ({ op, participant }) => {
      if (op !== 'try') return null;
      if (participant === 'payment') return { status: 503 };
      await world.shop.arrived('try', 'payment');
      return refusal;
    });
    const error = await rejection(
      world.initiator().run(order, (tx) => Promise.all([tx.inventory.reserve(tea), tx.payment.hold(money)])),
    );
    expect(error).toMatchObject({ refusal: { participant: 'inventory' } });
    expect(world.timing.elapsedMs()).toBeLessThan(30_000);
  });
});

describe('a try', () => {
  test('whose participant is still at work is asked again, when it says', async () => {
    const answers = [
      { status: 202 },
      { status: 425, headers: { 'retry-after': '2' } },
      { status: 503, headers: { 'retry-after': '1' } },
    ];
    world.shop.answer(({ op }) => (op === 'try' ? (answers.shift() ?? null) : null));
    const outcome = await world.initiator().run(order, (tx) => tx.inventory.reserve(tea));
    expect(outcome).toMatchObject({ status: 'confirmed', value: { reservationId: 'r-inventory-reserve-1' } });
    expect(world.timing.waits).toEqual(expect.arrayContaining([2000, 1000]));
  });

  test('is given up after the time that one call may take, and called again', async () => {
    await world.registry.put({
      name: 'inventory',
      baseUrls: [`${world.shop.url}/inventory`],
      paths: {},
      callTimeoutMs: 3500,
    });
    world.shop.answer(({ op, attempt }) => {
      if (op !== 'try' || attempt !== '1') return null;
      setImmediate(() => world.timing.pass(3500));
      return 'never';
    });
    const outcome = await world.initiator().run(order, (tx) => tx.inventory.reserve(tea));
    expect(outcome.status).toBe('confirmed');
    expect(world.timing.waits).toContain(3500);
  });

  test('that nobody awaited is waited for before the decision', async () => {
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    world.shop.answer(async ({ op }) => {
      if (op === 'try') await answered;
      return null;
    });
    const running = world.initiator().run(order, (tx) => {
      void tx.inventory.reserve(tea);
      return 'returned early';
    });
    await world.shop.arrived('try');
    expect(world.requests).not.toContain('POST /v1/transactions/:gid/confirm');
    answer();
    expect(await running).toMatchObject({ status: 'confirmed', value: 'returned early' });
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'confirm inventory-reserve-1']);
  });

  test('that nobody awaited and that is refused cancels', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? { status: 422 } : null));
    const running = world.initiator().run(order, (tx) => {
      void tx.inventory.reserve(tea);
    });
    expect(await rejection(running)).toMatchObject({
      name: 'TransactionCancelled',
      refusal: { code: 'refused' },
    });
  });

  test('that is called when the function has ended is refused, and cancels what is not decided yet', async () => {
    let late: Promise<unknown> = Promise.resolve();
    const running = world.initiator().run(order, (tx) => {
      late = tx.inventory.reserve(tea).then(() => tx.payment.hold(money));
      late.catch(() => {});
    });
    const error = await rejection(running);
    expect(error).toMatchObject({ name: 'TransactionCancelled', cause: { code: 'run_is_over' } });
    expect(await rejection(late)).toBeInstanceOf(TryNotSent);
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });

  test('that is called after the decision is refused, and changes nothing', async () => {
    let kept: (() => Promise<unknown>) | null = null;
    const outcome = await world.initiator().run(order, (tx) => {
      kept = () => tx.inventory.reserve(tea);
    });
    expect(outcome.status).toBe('confirmed');
    expect(await rejection(kept!())).toMatchObject({ name: 'TryNotSent', code: 'run_is_over' });
    expect(world.shop.arrivals).toEqual([]);
  });

  test('of a part of the function that is not awaited cancels the transaction', async () => {
    const running = world.initiator().run(order, async (tx) => {
      await tx.payment.hold(money);
      [1, 2].forEach(async (quantity) => {
        for (let count = 0; count < 50; count += 1) await null;
        await tx.inventory.reserve({ ...tea, quantity }).catch(() => {});
      });
    });
    const error = await rejection(running);
    expect(error).toMatchObject({ name: 'TransactionCancelled', cause: { code: 'run_is_over' } });
    expect(world.shop.arrivals.map(({ op }) => op)).toEqual(['try', 'cancel']);
  });

  test.each<[string, (reserve: () => Promise<unknown>) => unknown]>([
    ['a list of promises', (reserve) => [Promise.resolve().then(reserve)]],
    ['an object with promises', (reserve) => ({ all: [{ first: Promise.resolve().then(reserve) }] })],
    ['a function', (reserve) => reserve],
    ['a list of functions', (reserve) => [reserve]],
    [
      'a generator',
      (reserve) =>
        (function* () {
          yield reserve();
        })(),
    ],
    ['an error', () => new Error('out of tea')],
    ['the rejections of parts', () => Promise.allSettled([Promise.reject(new Error('out of tea'))])],
  ])('cancels where the function returned %s', async (_what, returned) => {
    const running = world.initiator().run(order, async (tx) => {
      await tx.payment.hold(money);
      return returned(() => tx.inventory.reserve(tea).catch(() => {}));
    });
    expect(await rejection(running)).toMatchObject({
      name: 'TransactionCancelled',
      cause: expect.any(Error),
    });
    expect(world.shop.arrivals.map(({ op }) => op)).not.toContain('confirm');
  });

  test('that comes after the confirm rejects, and says that its transaction is decided without it', async () => {
    const gate = Promise.withResolvers<void>();
    let late: Promise<unknown> = Promise.resolve();
    const { status } = await world.initiator().run(order, async (tx) => {
      await tx.payment.hold(money);
      late = gate.promise.then(() => tx.inventory.reserve(tea));
    });
    gate.resolve();
    const error = await rejection(late);
    expect([status, error]).toMatchObject(['confirmed', { code: 'run_is_over' }]);
    expect((error as Error).message).toContain('decided without it');
  });

  test('of a branch that was named before is refused, and nothing is sent', async () => {
    const error = await rejection(
      world.initiator().run(order, async (tx) => {
        await tx.payment.hold(money, { branchId: 'money' });
        await tx.payment.hold(money, { branchId: 'money' });
      }),
    );
    expect(error).toMatchObject({ cause: { name: 'TryNotSent', code: 'invalid_branch_id' } });
    expect(world.shop.arrivals.map(({ op }) => op)).toEqual(['try', 'cancel']);
  });

  test('whose payload has a promise in it, which JSON would empty, is not sent', async () => {
    const { branch, defineContract } = await import('@tercet/sdk');
    const { Type } = await import('typebox');
    const anything = defineContract('courier', { book: { payload: Type.Unknown() } });
    const address = async () => 'here';
    expect(() => branch(anything, 'book', { to: [address()] })).toThrow('it has a promise in it: await it');
    const running = world.initiator().run(order, async (tx) => {
      await tx.inventory.reserve({ ...tea, item: address() as unknown as string });
    });
    expect(await rejection(running)).toMatchObject({ cause: { code: 'invalid_payload' } });
    expect(world.shop.arrivals).toEqual([]);
  });

  test('whose payload does not fit the contract does not compile, and nothing of it is sent', async () => {
    const running = world.initiator().run(order, async (tx) => {
      // @ts-expect-error the quantity is a number
      await tx.inventory.reserve({ item: 'tea', quantity: 'two' });
    });
    const error = await rejection(running);
    expect(error).toMatchObject({ name: 'TransactionCancelled', cause: { code: 'invalid_payload' } });
    expect((error as Error).message).toContain('#/quantity');
    expect(world.requests).toEqual(['POST /v1/transactions', 'POST /v1/transactions/:gid/cancel']);
    expect(world.shop.arrivals).toEqual([]);
  });

  test('of a participant that is not registered is not called, and the coordinator’s words are told', async () => {
    await world.registry.put({ name: 'other', baseUrls: [world.shop.url], paths: {}, callTimeoutMs: null });
    const { Tercet, defineContract } = await import('@tercet/sdk');
    const { Type } = await import('typebox');
    const courier = defineContract('courier', { book: { payload: Type.Object({}) } });
    const tercet = new Tercet({ urls: world.url, contracts: [courier] });
    const error = await rejection(tercet.run(order, (tx) => tx.courier.book({})));
    expect(error).toMatchObject({ cause: { name: 'RequestRejected', code: 'unknown_participant' } });
    expect((error as Error).message).toContain('“courier”');
  });
});

describe('the transaction that runs', () => {
  test('is found deep below the function, typed, and nowhere else', async () => {
    const tercet = world.initiator();
    const deep = async () => {
      await new Promise(setImmediate);
      const tx = tercet.current();
      const reserved = await tx?.inventory.reserve(tea);
      return { gid: tx?.gid, id: reserved?.reservationId };
    };
    expect(tercet.current()).toBeNull();
    const { gid, value } = (await tercet.run(order, deep)) as { gid: string; value: object };
    expect(value).toEqual({ gid, id: 'r-inventory-reserve-1' });
    expect(tercet.current()).toBeNull();
  });

  test('may be returned and awaited, looked through and printed', async () => {
    const { inspect } = await import('node:util');
    const outcome = await world.initiator().run(order, async (tx) => {
      expect(Object.keys(tx).sort()).toEqual(['deadlineAt', 'gid', 'inventory', 'payment', 'signal']);
      expect(JSON.parse(JSON.stringify(tx))).toMatchObject({ gid: tx.gid, inventory: {} });
      expect(inspect(tx)).toContain('inventory');
      expect('courier' in tx).toBe(false);
      return { ...(await Promise.resolve(tx)) }.gid;
    });
    expect(outcome).toMatchObject({ value: outcome.gid });
  });

  test('is another one in each of two runs at once', async () => {
    const tercet = world.initiator();
    const gidOf = async () => {
      await tercet.current()?.inventory.reserve(tea);
      return tercet.current()?.gid;
    };
    const outcomes = await Promise.all([tercet.run(order, gidOf), tercet.run(order, gidOf)]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ value: outcome.gid });
    expect(outcomes[0].gid).not.toBe(outcomes[1].gid);
  });
});
