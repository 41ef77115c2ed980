// A participant that is gone is removed, unless something waits for it.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { branch, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const remove = async (name: string, query = '') => {
  const answer = await world.send('DELETE', `/v1/participants/${name}${query}`);
  return { status: answer.statusCode, body: answer.json() };
};
const read = async (name: string) => (await world.send('GET', `/v1/participants/${name}`)).json();
const readTransaction = async (gid: string) => (await world.send('GET', `/v1/transactions/${gid}`)).json();

/** Its confirm is not answered. */
async function beginWaiting(participant: string): Promise<string> {
  world.answer(({ op }) => (op === 'try' ? 200 : 503));
  const body = { branches: [branch('a', { participant })] };
  const { gid } = (await world.send('POST', '/v1/transactions', body)).json();
  while ((await readTransaction(gid)).status !== 'confirming') world.time.pass(50);
  return gid;
}

test('a participant that nothing waits for is removed, and a removal is not repeated', async () => {
  expect(await remove('inventory')).toEqual({
    status: 200,
    body: { participant: 'inventory', isRemoved: true, successor: null },
  });
  expect((await read('inventory')).code).toBe('participant_not_registered');
  expect(await remove('inventory')).toMatchObject({
    status: 404,
    body: { code: 'participant_not_registered' },
  });
  const begun = await world.send('POST', '/v1/transactions', { branches: [branch('a')] });
  expect(begun.json().code).toBe('unknown_participant');
});

test('a participant that a branch waits for is not removed, and the answer names its transaction', async () => {
  const gid = await beginWaiting('inventory');
  const { status, body } = await remove('inventory');
  expect([status, body.code]).toEqual([409, 'participant_in_use']);
  expect(body.detail).toContain(`Transaction ${gid} waits for it.`);
  expect((await read('inventory')).name).toBe('inventory');
  expect((await remove('payment')).status).toBe(200);
});

test('a participant that a callback waits for is not removed', async () => {
  world.answer(({ op }) => (op === 'notify' ? 503 : 200));
  const body = { branches: [branch('a')], callback: { participant: 'payment', activity: 'ended' } };
  const { gid } = (await world.send('POST', '/v1/transactions', body, { prefer: 'wait=5' })).json();
  expect((await remove('payment')).body).toMatchObject({
    code: 'participant_in_use',
    detail: expect.stringContaining(gid),
  });
});

describe('with a successor', () => {
  const NEW = { baseUrl: 'http://new.test', paths: { 'reserve/confirm': '/sales' }, callTimeoutMs: 900 };
  beforeEach(async () => {
    await world.send('PUT', '/v1/participants/warehouse', NEW);
  });

  test('a participant that nothing waits for is removed', async () => {
    expect((await remove('inventory', '?successor=warehouse')).body.isRemoved).toBe(true);
  });

  test('what waits is called as the successor is, and the name is removed once nothing waits', async () => {
    const own = { baseUrl: 'http://old.test', activities: { reserve: 'tcc' }, maxCallsPerSecond: 9 };
    await world.send('PUT', '/v1/participants/inventory', own);
    const gid = await beginWaiting('inventory');
    expect(await remove('inventory', '?successor=warehouse')).toEqual({
      status: 200,
      body: { participant: 'inventory', isRemoved: false, successor: 'warehouse' },
    });
    const { baseUrl, ...rest } = NEW;
    expect(await read('inventory')).toEqual({
      name: 'inventory',
      baseUrls: [baseUrl],
      ...rest,
      activities: {},
      maxConcurrentCalls: null,
      maxCallsPerSecond: null,
      secretCount: 0,
    });
    world.answer(() => 200);
    await world.send('POST', '/v1/participants/inventory/retry');
    while ((await readTransaction(gid)).status !== 'confirmed') world.time.pass(50);
    expect((await remove('inventory', '?successor=warehouse')).body.isRemoved).toBe(true);
    expect((await read('inventory')).code).toBe('participant_not_registered');
  });

  test.each([
    ['that is not registered', 'nobody', 'is not registered'],
    ['that is itself', 'inventory', 'must be another participant'],
  ])('%s nothing is changed', async (_which, successor, detail) => {
    const before = await read('inventory');
    const { status, body } = await remove('inventory', `?successor=${successor}`);
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_request', errors: [{ parameter: 'successor', detail }] });
    expect(await read('inventory')).toEqual(before);
  });
});
