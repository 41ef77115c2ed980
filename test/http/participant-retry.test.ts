// An operator retries all that waits for a participant, once it is well again.
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { branch, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const read = async (gid: string) => (await world.send('GET', `/v1/transactions/${gid}`)).json();
const retry = (name: string) => world.send('POST', `/v1/participants/${name}/retry`);

/** Refuses its try, and never gets an answer to its cancel. */
async function parkOne(participant: string): Promise<string> {
  world.answer(({ op }) => (op === 'try' ? 422 : 503));
  const body = { branches: [branch('a', { participant })] };
  const { gid } = (await world.send('POST', '/v1/transactions', body)).json();
  while (!(await read(gid)).isParked) world.time.pass(50);
  return gid;
}

test('what is parked because of a participant is called at once and ends, and others’ branches stay', async () => {
  const mine = [await parkOne('inventory'), await parkOne('inventory')];
  const other = await parkOne('payment');
  world.answer(() => 200);
  const answer = await retry('inventory');
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ participant: 'inventory', retriedCount: 2 });
  for (const gid of mine) {
    const ended = world.send('POST', `/v1/transactions/${gid}/cancel`, undefined, { prefer: 'wait=5' });
    expect((await ended).json()).toMatchObject({ status: 'cancelled', isParked: false });
  }
  expect(await read(other)).toMatchObject({ status: 'cancelling', isParked: true });
});

test('it can be repeated, also when nothing waits', async () => {
  await parkOne('inventory');
  world.answer(() => 200);
  await retry('inventory');
  const [gid] = (await world.send('GET', '/v1/transactions'))
    .json()
    .transactions.map((tx: { gid: string }) => tx.gid);
  await world.send('POST', `/v1/transactions/${gid}/cancel`, undefined, { prefer: 'wait=5' });
  expect((await retry('inventory')).json()).toEqual({ participant: 'inventory', retriedCount: 0 });
});

test('a body that says something is refused, and nothing is retried', async () => {
  const gid = await parkOne('inventory');
  const refused = await world.send('POST', '/v1/participants/inventory/retry', { force: true });
  expect(refused.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '#/force' }] });
  expect((await read(gid)).isParked).toBe(true);
});
