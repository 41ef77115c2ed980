// A listener, and the coordinator that tells it of ends, over HTTP.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { branch, defineListener, saga } from '@tercet/sdk';
import { nodeHttpParticipant } from '@tercet/sdk/node-http';
import { newSecret } from '@tercet/sdk/signature';
import type { EndingNotice } from '@tercet/sdk/wire';
import { inventory, inventorySteps, payment } from '../initiator/shop.ts';
import { money, openWorld, rejection, tea, type World } from '../initiator/world.ts';

const secret = newSecret();
const callback = { participant: 'orders', activity: 'order-ended' };

let world: World;
let server: Server;
let heard: EndingNotice[];
let statuses: number[];
let failures: number;

beforeEach(async () => {
  heard = [];
  statuses = [];
  failures = 0;
  const listener = defineListener(
    'orders',
    {
      'order-ended': async (ending) => {
        heard.push(ending);
        failures -= 1;
        if (failures >= 0) throw new Error('not now');
      },
    },
    { secrets: [secret], onError: () => {} },
  );
  const serve = nodeHttpParticipant(listener);
  server = createServer(async (request, response) => {
    const isOurs = await serve(request, response);
    if (!isOurs) response.writeHead(404).end();
    statuses.push(response.statusCode);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  world = await openWorld({ retryBudgetMs: 1000 });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await world.registry.put({
    name: 'orders',
    baseUrls: [url],
    paths: {},
    callTimeoutMs: null,
    secrets: [secret],
  });
});

afterEach(async () => {
  await world.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const heardOf = (count: number) => world.passUntil(async () => statuses.length >= count);

describe('a listener', () => {
  test('hears how a saga ended', async () => {
    const order = saga('fulfil').step('stock', inventorySteps.reserve, tea);
    const { gid } = await world.initiator().submit({ saga: order, businessKey: 'A-17', callback });
    await heardOf(1);
    expect(statuses).toEqual([204]);
    expect(heard).toEqual([
      {
        gid,
        pattern: 'saga',
        name: 'fulfil',
        businessKey: 'A-17',
        status: 'confirmed',
        decision: 'confirm',
        reason: 'all_actions_succeeded',
        beganAt: expect.any(String),
        finishedAt: expect.any(String),
      },
    ]);
  });

  test('hears how a transaction was cancelled, whoever ran it', async () => {
    world.shop.answer(({ op, participant }) =>
      op === 'try' && participant === 'payment' ? { status: 409 } : null,
    );
    const branches = [branch(payment, 'hold', money)];
    await rejection(world.initiator().submit({ name: 'declared', branches, callback }));
    await heardOf(1);
    const run = world.initiator().run({ name: 'interactive', callback }, (tx) => tx.payment.hold(money));
    await rejection(run);
    await heardOf(2);
    expect(heard).toMatchObject([
      { name: 'declared', pattern: 'tcc', status: 'cancelled', reason: 'try_refused' },
      { name: 'interactive', pattern: 'tcc', status: 'cancelled', reason: 'cancel_requested' },
    ]);
  });

  test('that fails is told again, of the same ending, until it has heard', async () => {
    failures = 2;
    await world
      .initiator()
      .submit({ name: 'order', branches: [branch(inventory, 'reserve', tea)], callback });
    await heardOf(3);
    expect(statuses).toEqual([503, 503, 204]);
    expect(new Set(heard.map((ending) => JSON.stringify(ending))).size).toBe(1);
  });
});
