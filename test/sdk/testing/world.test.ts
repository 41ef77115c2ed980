// Whole transactions in a test world, as a user's own tests would have them.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { branch, TransactionCancelled } from '@tercet/sdk';
import { newSecret } from '@tercet/sdk/signature';
import { createTestWorld, scripted, UnexpectedEnd } from '@tercet/sdk/testing';
import { everyRoute, inventory, openInventory, order, payment, price } from './shop.ts';

type Shop = Awaited<ReturnType<typeof openInventory>>;

const openWorld = async (shop: Shop) =>
  createTestWorld({ participants: [shop.participant, scripted(payment)] });

let shop: Shop;
let world: Awaited<ReturnType<typeof openWorld>>;
beforeEach(async () => {
  shop = await openInventory();
  world = await openWorld(shop);
});

const placeOrder = () =>
  world.tercet.run({ name: 'place-order' }, async (tx) => {
    const { reservationId } = await tx.inventory.reserve(order);
    await tx.payment.hold(price);
    return reservationId;
  });

const confirmed = {
  status: 'confirmed',
  branches: { 'inventory-reserve-1': 'confirmed', 'payment-hold-1': 'confirmed' },
} as const;

async function cancelled(running: Promise<unknown>) {
  const error = await running.catch((thrown: unknown) => thrown);
  if (!(error instanceof TransactionCancelled)) throw new Error('it was not cancelled', { cause: error });
  return error;
}

describe('a transaction', () => {
  test('is confirmed at a real participant and at a scripted one', async () => {
    const outcome = await placeOrder();
    expect(outcome).toMatchObject({ status: 'confirmed', value: 'inventory-reserve-1 of teapot' });
    await world.expectFinal(outcome.gid, { ...confirmed, reason: 'confirm_requested' });
    expect(shop.stock()).toEqual({ available: 8, reserved: 0, sold: 2 });
  });

  test('is cancelled when a try is refused, and nothing stays reserved', async () => {
    world.on(payment, 'try').refuse('no money');
    const { gid, refusal } = await cancelled(placeOrder());
    expect(refusal?.detail).toBe('no money');
    await world.expectFinal(gid, {
      status: 'cancelled',
      branches: { 'inventory-reserve-1': 'cancelled', 'payment-hold-1': 'none' },
    });
    expect(shop.stock()).toEqual({ available: 10, reserved: 0, sold: 0 });
  });

  test('is cancelled when the real participant refuses', async () => {
    const running = world.tercet.run({ name: 'place-order' }, async (tx) => {
      await tx.payment.hold(price);
      await tx.inventory.reserve({ item: 'teapot', quantity: 11 });
    });
    const { gid, refusal } = await cancelled(running);
    expect(refusal?.detail).toBe('not enough of teapot');
    await world.expectFinal(gid, { status: 'cancelled', branches: { 'payment-hold-1': 'cancelled' } });
  });

  test('whose replies are lost takes effect once', async () => {
    for (const op of ['try', 'confirm'] as const) world.on(inventory, op).loseReply(2);
    const { gid } = await placeOrder();
    await world.expectFinal(gid, confirmed);
    expect(shop.stock()).toEqual({ available: 8, reserved: 0, sold: 2 });
    expect(
      world.calls.filter(({ participant, op }) => participant === 'inventory' && op === 'confirm'),
    ).toHaveLength(3);
  });

  test('that is declared is carried out by the coordinator alone', async () => {
    const { gid } = await world.tercet.submit({
      name: 'place-order',
      branches: [branch(inventory, 'reserve', order), branch(payment, 'hold', price)],
    });
    await world.expectFinal(gid, { status: 'confirmed', reason: 'all_tries_succeeded' });
    expect(new Set(world.calls.map(({ caller }) => caller))).toEqual(new Set(['coordinator']));
    expect(await world.tercet.finality([gid])).toMatchObject({ transactions: [{ gid, isFinal: true }] });
  });

  test('is cancelled at its deadline when nobody decides', async () => {
    const begun = await world.fetch(`${world.coordinatorUrl}/v1/transactions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"timeoutMs":60000}',
    });
    const { gid } = (await begun.json()) as { gid: string };
    const { nowMs } = world.clock;
    await world.expectFinal(gid, { status: 'cancelled', reason: 'deadline_passed' });
    expect(world.clock.nowMs - nowMs).toBe(60_000);
  });

  test('with a deadline of an hour ends without a wait', async () => {
    world.on(payment, 'try').fail();
    const { gid } = await world.tercet.submit({
      name: 'slow',
      timeoutMs: 3_600_000,
      waitMs: 0,
      branches: [branch(payment, 'hold', price)],
    });
    await world.expectFinal(gid, { status: 'cancelled', reason: 'deadline_passed' });
  });

  test('of a participant that wants signed calls is signed by initiator and coordinator', async () => {
    const secret = newSecret();
    const { participant, stock } = await openInventory([secret]);
    const signed = await createTestWorld({ participants: [participant], secrets: { inventory: secret } });
    const { gid } = await signed.tercet.run({ name: 'order' }, (tx) => tx.inventory.reserve(order));
    await signed.expectFinal(gid, { status: 'confirmed' });
    expect(stock()).toEqual({ available: 8, reserved: 0, sold: 2 });
  });
});

test('participants know nothing of the function that calls them, as in another process', async () => {
  const known: unknown[] = [];
  const watching = {
    contract: payment,
    routes: everyRoute(payment),
    handle: async () => {
      known.push(own.tercet.current());
      return { status: 200, headers: {}, body: '{"holdId":"1"}' };
    },
  };
  const own = await createTestWorld({ participants: [watching] });
  own.on(payment, 'try').loseReply(1);
  own.on(payment, 'confirm').fail(2);
  await own.tercet.run({ name: 'order' }, async (tx) => {
    await tx.payment.hold(price);
    expect(own.tercet.current()).not.toBeNull();
  });
  expect(known).toEqual([null, null, null]);
});

describe('expectFinal', () => {
  test('tells every difference, the reason and the calls', async () => {
    world.on(payment, 'confirm').fail(1).loseReply(1);
    const { gid } = await placeOrder();
    const unexpected = world.expectFinal(gid, {
      status: 'cancelled',
      reason: 'try_refused',
      branches: { 'payment-hold-1': 'cancelled', shipping: 'none' },
    });
    await expect(unexpected).rejects.toThrow(UnexpectedEnd);
    const { message } = (await unexpected.catch((error: unknown) => error)) as UnexpectedEnd;
    expect(
      message
        .replaceAll(gid, 'GID')
        .replaceAll(/\d{4}-\S+Z/g, 'THEN')
        .split('\n'),
    ).toEqual([
      'transaction GID is not as expected:',
      '  - status: expected cancelled, found confirmed',
      '  - reason: expected try_refused, found confirm_requested',
      '  - branch payment-hold-1: expected cancelled, found confirmed',
      '  - branch shipping: there is none; there are inventory-reserve-1, payment-hold-1',
      'Confirmed at THEN, because the initiator requested confirm.',
      'The calls:',
      '  initiator → inventory reserve/try of inventory-reserve-1, attempt 1: 200',
      '  initiator → payment hold/try of payment-hold-1, attempt 1: 200',
      '  coordinator → inventory reserve/confirm of inventory-reserve-1, attempt 1: 200',
      '  coordinator → payment hold/confirm of payment-hold-1, attempt 1: 503 (scripted)',
      '  coordinator → payment hold/confirm of payment-hold-1, attempt 2: 200, not heard',
      '  coordinator → payment hold/confirm of payment-hold-1, attempt 3: 200',
    ]);
  });

  test('says why a transaction does not end, and passes once somebody has mended it', async () => {
    world.on(payment, 'confirm').fail();
    const { gid } = await world.tercet.submit({ name: 'order', branches: [branch(payment, 'hold', price)] });
    await expect(world.expectFinal(gid)).rejects.toThrow(
      /it has not ended, and will not by itself[\s\S]*Parked since .* waiting for payment to recover or for an operator to fix it/,
    );
    world.on(payment, 'confirm').succeed();
    const retried = await world.fetch(`${world.coordinatorUrl}/v1/transactions/${gid}/retry`, {
      method: 'POST',
    });
    expect(retried.status).toBe(200);
    await world.expectFinal(gid, { status: 'confirmed', branches: { 'payment-hold-1': 'confirmed' } });
  });

  test('waits no longer than it must for what waits for an operator', async () => {
    const patient = await world.fetch(`${world.coordinatorUrl}/v1/transactions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"timeoutMs":3600000}',
    });
    const { gid: other } = (await patient.json()) as { gid: string };
    world.on(payment, 'confirm').fail();
    const { gid } = await world.tercet.submit({ name: 'order', branches: [branch(payment, 'hold', price)] });
    await expect(world.expectFinal(gid)).rejects.toThrow('it has not ended');
    expect(await world.tercet.find(other)).toMatchObject({ status: 'trying' });
  });

  test('knows no transaction of another world', async () => {
    const { gid } = await placeOrder();
    const other = await openWorld(shop);
    await expect(other.expectFinal(gid)).rejects.toThrow(`there is no transaction ${gid} in this world`);
    await expect(other.expectFinal(null)).rejects.toThrow('there is no transaction: no gid is known');
  });
});

describe('what every end has to keep is looked at, whatever a test expects:', () => {
  /** A service without a barrier: whatever it is asked to, it answers 200. */
  const careless = (answers: (op: string) => number) => ({
    contract: payment,
    routes: everyRoute(payment),
    handle: async ({ path }: { readonly path: string }) => ({
      status: answers(path.split('/').at(-1) ?? ''),
      headers: {},
      body: '{"holdId":"1"}',
    }),
  });

  test('a try that lands after its cancel, at a service that remembers no cancel, is an orphan (I6)', async () => {
    const late = await createTestWorld({ participants: [careless(() => 200)] });
    const held = late.on(payment, 'try').hold();
    const running = late.tercet.run({ name: 'order', timeoutMs: 5000 }, (tx) => tx.payment.hold(price));
    const { gid } = await cancelled(running);
    await late.expectFinal(gid, { status: 'cancelled' });
    held.release();
    await expect(late.expectFinal(gid, { status: 'cancelled' })).rejects.toThrow(
      'branch payment-hold-1: cancel was decided, and at its participant what its try set aside is left so',
    );
  });

  for (const [decided, other, status] of [
    ['confirm', 'cancel', 'confirmed'],
    ['cancel', 'confirm', 'cancelled'],
  ] as const)
    test(`after a ${decided}, a ${other} that somebody else had answered with success (I1)`, async () => {
      const torn = await createTestWorld({ participants: [careless(() => 200)] });
      if (decided === 'cancel') torn.on(payment, 'try').loseReply();
      const { gid } = await torn.tercet.submit({
        name: 'order',
        branches: [branch(payment, 'hold', price, { branchId: 'money' })],
        waitMs: 0,
      });
      await torn.expectFinal(gid, { status });
      await torn.fetch(`http://payment.test/hold/${other}`, {
        method: 'POST',
        headers: { 'tcc-transaction-id': gid, 'tcc-branch-id': 'money' },
      });
      await expect(torn.expectFinal(gid)).rejects.toThrow(
        'ops that exclude each other were answered with success, such as both confirm and cancel',
      );
    });

  test('a confirm that is still at work took no effect yet', async () => {
    const slow = await createTestWorld({ participants: [careless((op) => (op === 'confirm' ? 202 : 200))] });
    const { gid } = await slow.tercet.run({ name: 'order' }, (tx) => tx.payment.hold(price));
    expect(slow.effectOf(gid, 'payment-hold-1')).toBe('tried');
  });

  test('a try that a script has answered in place of the participant took no effect', async () => {
    world.on(payment, 'try').refuse('no money');
    const { gid } = await cancelled(placeOrder());
    expect(world.effectOf(gid, 'payment-hold-1')).toBe('none');
  });
});

describe('a world refuses', () => {
  test('two participants of one name', async () => {
    await expect(createTestWorld({ participants: [scripted(payment), scripted(payment)] })).rejects.toThrow(
      'two participants of this world are named payment',
    );
  });

  test('settings that it does not have, or that are no numbers', async () => {
    const opened = (settings: object) => createTestWorld({ participants: [], settings });
    await expect(opened({ timeoutMs: 5 })).rejects.toThrow(
      'settings.timeoutMs is no setting: there are callTimeoutMs',
    );
    await expect(opened({ retry: { budgetMs: 0 } })).rejects.toThrow(
      'settings.retry.budgetMs is to be a whole number from 1 on',
    );
    await expect(opened({ retry: 3 })).rejects.toThrow('settings.retry is to be');
  });

  test('scripts for whom or what there is none of', () => {
    expect(() => world.on({ name: 'nobody', activities: {} }, 'try')).toThrow(
      'no participant of this world is named nobody',
    );
    expect(() => world.on(payment, 'undo' as 'try')).toThrow('undo is no op: there are try, confirm, cancel');
    expect(() => world.on(payment, 'try', 'pay' as 'hold')).toThrow(
      'payment has no activity pay: there are hold, refund',
    );
    expect(() => world.on(payment, 'try').fail(0)).toThrow(
      'fail is for a number of calls from 1 on, and was given 0',
    );
  });

  test('requests to anywhere else: none leaves the process', async () => {
    await expect(world.fetch('http://127.0.0.1:8080/')).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { message: 'nobody is at http://127.0.0.1:8080 in this world' },
    });
  });
});
