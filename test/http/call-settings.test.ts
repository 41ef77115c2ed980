// How participants are called, where a request has wishes of its own.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { branch, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const begin = (body: object) => world.send('POST', '/v1/transactions', body, { prefer: 'wait=5' });

test('a branch is called with its own time-out, the others with that of the transaction', async () => {
  const branches = [branch('slow', { callTimeoutMs: 7000 }), branch('usual')];
  expect((await begin({ callTimeoutMs: 300, branches })).json()).toMatchObject({ status: 'confirmed' });
  const timeouts = world.calls.map(({ branchId, timeoutMs }) => [branchId, timeoutMs]);
  expect(new Set(timeouts.map(String))).toEqual(new Set(['slow,7000', 'usual,300']));
});

test('a branch with a smaller budget is parked sooner', async () => {
  world.answer(({ op }) => (op === 'try' ? 422 : 503));
  const branches = [branch('once', { retry: { budgetMs: 1 } }), branch('usual')];
  const body = { branches, retry: { budgetMs: 100_000 } };
  const { gid } = (await world.send('POST', '/v1/transactions', body)).json();
  const read = async () => (await world.send('GET', `/v1/transactions/${gid}`)).json();
  while (!(await read()).isParked) world.time.pass(50);
  const [once, usual] = (await read()).branches;
  expect(once.cancel).toMatchObject({ attemptCount: 10, parkedAt: expect.any(String), durationMs: 0 });
  expect(usual.cancel.parkedAt).toBeNull();
});

test('a branch that is registered may have wishes too', async () => {
  const { gid } = (await begin({})).json();
  const registered = (body: object) => world.send('POST', `/v1/transactions/${gid}/branches`, body);
  expect((await registered(branch('a', { callTimeoutMs: 400 }))).statusCode).toBe(201);
  expect((await registered(branch('b', { callTimeoutMs: 3_600_000 }))).json().code).toBe(
    'setting_over_maximum',
  );
  await world.send('POST', `/v1/transactions/${gid}/confirm`, undefined, { prefer: 'wait=5' });
  expect(world.calls.map(({ branchId, timeoutMs }) => [branchId, timeoutMs])).toEqual([['a', 400]]);
});
