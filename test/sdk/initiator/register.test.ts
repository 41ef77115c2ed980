// A participant that is registered with the kinds of its contract, and transactions that use it as something else.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { branch, RequestRejected, saga, TryNotSent } from '@tercet/sdk';
import { inventory, inventorySteps, paymentPivot } from './shop.ts';
import { openWorld, rejection, tea, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const at = (name: string) => ({ baseUrl: `${world.shop.url}/${name}` });

describe('a registration', () => {
  test('names the kind of each activity, and may be repeated', async () => {
    const tercet = world.initiator();
    const registered = { name: 'inventory', activities: { reserve: 'step' } };
    for (const _time of [1, 2])
      expect(await tercet.register(inventorySteps, at('inventory'))).toMatchObject(registered);
    expect(await world.registry.find('inventory')).toMatchObject(registered);
  });

  test('has limits of calls, which one without them keeps', async () => {
    const limits = { maxConcurrentCalls: 3, maxCallsPerSecond: 20 };
    const tercet = world.initiator();
    await tercet.register(inventorySteps, { ...at('inventory'), ...limits });
    expect(await tercet.register(inventorySteps, at('inventory'))).toMatchObject(limits);
  });

  test('that the coordinator cannot use is refused, and changes nothing', async () => {
    const before = await world.registry.find('inventory');
    const error = await rejection(world.initiator().register(inventorySteps, { baseUrl: 'ftp://shop' }));
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({ code: 'invalid_request' });
    expect(await world.registry.find('inventory')).toEqual(before);
  });
});

describe('a transaction that uses a registered activity as another kind is refused when it begins:', () => {
  test('a saga whose pivot is a step to its participant', async () => {
    await world.initiator().register(inventorySteps, at('inventory'));
    const asPivot = {
      participant: 'inventory',
      activity: 'reserve',
      schemas: { ...inventorySteps.reserve.schemas, kind: 'pivot' },
    } as const;
    const error = await rejection(
      world.initiator().submit({ saga: saga('order').pivot('pay', asPivot, tea) }),
    );
    expect(error).toBeInstanceOf(RequestRejected);
    expect(error).toMatchObject({
      code: 'kind_mismatch',
      message: expect.stringContaining('inventory declares reserve as step, and here it is pivot'),
    });
    expect(world.shop.arrivals).toEqual([]);
  });

  test('a tcc that submits a step', async () => {
    await world.initiator().register(inventorySteps, at('inventory'));
    const branches = [branch(inventory, 'reserve', tea)];
    expect(await rejection(world.initiator().submit({ name: 'order', branches }))).toMatchObject({
      code: 'kind_mismatch',
    });
    expect(world.shop.arrivals).toEqual([]);
  });

  test('a run that tries a pivot: its branch is not registered, and the rest is cancelled', async () => {
    await world.initiator().register(paymentPivot, at('payment'));
    const error = await rejection(
      world.initiator().run({ name: 'order' }, async (tx) => {
        await tx.inventory.reserve(tea);
        await tx.payment.hold({ account: 'ada', cents: 900 });
      }),
    );
    expect(String(error)).toContain('payment declares hold as pivot, and here it is tcc');
    expect(error).not.toBeInstanceOf(TryNotSent);
    expect(world.shop.effects).toEqual(['try inventory-reserve-1', 'cancel inventory-reserve-1']);
  });
});

test('what is registered without kinds is not compared: the participant judges each call', async () => {
  const { gid } = await world.initiator().submit({
    saga: saga('order').step('stock', inventorySteps.reserve, tea),
  });
  expect(await world.truth(gid)).toMatchObject({ status: 'confirmed' });
  expect(world.shop.arrivals.map(({ headers }) => headers['tcc-kind'])).toEqual(['step']);
});
