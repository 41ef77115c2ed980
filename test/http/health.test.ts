// What an orchestrator is told of a process that serves requests, and of one that lacks something.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

test('a process whose queue is away still serves requests, and says that it is degraded and why', async () => {
  world.wakesAreWhole(false);
  const answer = await world.send('GET', '/readyz');
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({
    status: 'degraded',
    reason: 'Redis is full (OOM)',
  });
  world.wakesAreWhole(true);
  expect((await world.send('GET', '/readyz')).json()).toEqual({ status: 'ready' });
});

test('a process whose database is away is not ready, whatever its queue does', async () => {
  world.wakesAreWhole(false);
  world.store.failure = new Error('away');
  expect((await world.send('GET', '/readyz')).statusCode).toBe(503);
});

test('a process that drains is not ready, serves requests, and closes each connection after its answer', async () => {
  expect((await world.send('GET', '/readyz')).headers.connection).not.toBe('close');
  world.drains(true);
  const probe = await world.send('GET', '/readyz');
  expect(probe.statusCode).toBe(503);
  expect(probe.json()).toMatchObject({ code: 'stopping' });
  const served = await world.send('GET', '/v1/transactions');
  expect(served.statusCode).toBe(200);
  expect(served.headers.connection).toBe('close');
  expect((await world.send('GET', '/livez')).statusCode).toBe(200);
});
