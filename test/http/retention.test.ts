// Finished transactions are removed when their retention is over, and their gids are not begun with again.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { branch, DAY_MS, GID, gidAt, openWorld, RETENTION_MS, type World } from './world.ts';

/** Counts from the deadline, which is later than the end. */
const KEPT_MS = 30_000 + RETENTION_MS;

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const begin = (body: object, headers?: Record<string, string>) =>
  world.send('POST', '/v1/transactions', body, headers);
const read = (path: string) => world.send('GET', `/v1/transactions/${path}`);
const problemOf = async (body: object) => {
  const answer = await begin(body);
  return [answer.statusCode, answer.json().code];
};

describe('a finished transaction', () => {
  const finish = () =>
    begin({ gid: GID, branches: [branch('stock')] }, { prefer: 'wait=5', 'idempotency-key': 'order' });

  test('is known until its retention is over, and then as if it had never been', async () => {
    expect((await finish()).json().status).toBe('confirmed');
    world.time.pass(KEPT_MS);
    expect(await world.retention.runOnce()).toBe(0);
    expect((await read(GID)).statusCode).toBe(200);
    world.time.pass(1);
    expect(await world.retention.runOnce()).toBe(1);
    expect(world.removedCounts).toEqual([1]);
    for (const path of [GID, `${GID}/events`]) {
      const gone = await read(path);
      expect([gone.statusCode, gone.json().code]).toEqual([404, 'unknown_transaction']);
    }
    for (const what of ['confirm', 'cancel', 'retry'])
      expect((await world.send('POST', `/v1/transactions/${GID}/${what}`)).statusCode).toBe(404);
  });

  test('gives its Idempotency-Key back when it is removed, and never its gid', async () => {
    await finish();
    world.time.pass(KEPT_MS + 1);
    await world.retention.runOnce();
    expect(await problemOf({ gid: GID, branches: [branch('stock')] })).toEqual([410, 'gid_too_old']);
    const again = await begin({}, { 'idempotency-key': 'order' });
    expect(again.statusCode).toBe(201);
    expect(again.json().gid).not.toBe(GID);
  });
});

describe('a begin that meets a removal at the same moment', () => {
  test('and looks up its key just before, begins under another gid', async () => {
    const first = await begin({}, { 'idempotency-key': 'order' });
    await world.send('POST', `${first.headers.location}/cancel`);
    const look = world.store.gidOfBeginKey.bind(world.store);
    world.store.gidOfBeginKey = async (key) => {
      const gid = await look(key);
      await world.retention.runOnce();
      return gid;
    };
    world.time.pass(KEPT_MS + 1);
    const again = await begin({}, { 'idempotency-key': 'order' });
    expect(world.removedCounts).toEqual([1]);
    expect(again.statusCode).toBe(201);
    expect(again.headers.location).not.toBe(first.headers.location);
  });

  test('and finds its gid just before, is answered what it found, and begins nothing', async () => {
    await begin({ gid: GID });
    await world.send('POST', `/v1/transactions/${GID}/cancel`);
    world.time.pass(KEPT_MS + 1);
    const load = world.store.load.bind(world.store);
    world.store.load = async (gid) => {
      const loaded = await load(gid);
      await world.retention.runOnce();
      return loaded;
    };
    expect((await begin({ gid: GID })).json()).toMatchObject({ gid: GID, status: 'cancelled' });
    expect(world.removedCounts).toEqual([1]);
    expect(await load(GID)).toBeNull();
  });
});

test('a transaction that is not finished is never removed', async () => {
  await begin({ gid: GID, timeoutMs: 1000 });
  world.time.passUnnoticed(100 * RETENTION_MS);
  expect(await world.retention.runOnce()).toBe(0);
  expect((await read(GID)).statusCode).toBe(200);
});

describe('a gid of the initiator’s own', () => {
  const HALF = RETENTION_MS / 2;
  const now = () => world.time.now().latest;

  test.each([
    ['half the retention ago', -HALF, 201],
    ['longer ago', -HALF - 1, 410],
    ['now', 0, 201],
    ['a day ahead', DAY_MS, 201],
    ['further ahead', DAY_MS + 1, 422],
  ])('that was made %s is answered so: %#', async (_when, offsetMs, statusCode) => {
    expect((await begin({ gid: gidAt(now() + offsetMs) })).statusCode).toBe(statusCode);
  });

  test('that is rejected is answered what it may be', async () => {
    const old = (await begin({ gid: gidAt(now() - HALF - 1) })).json().detail;
    expect(old).toMatch(/^Its time must not be before 2025-12-17T00:00:00.000Z\. Use a new gid\./);
    const ahead = (await begin({ gid: gidAt(now() + DAY_MS + 1) })).json().detail;
    expect(ahead).toMatch(/^Its time must not be after 2026-01-02T00:00:00.000Z\. Correct the clock/);
  });

  test('that stands is compared as always, however old it is by now', async () => {
    await begin({ gid: GID, timeoutMs: 600_000 });
    world.time.passUnnoticed(HALF + 1);
    expect((await begin({ gid: GID, timeoutMs: 600_000 })).statusCode).toBe(200);
    expect(await problemOf({ gid: GID, name: 'other' })).toEqual([409, 'transaction_differs']);
  });
});

test('a retention of a day leaves no time at which a removed gid is taken again', async () => {
  await world.close();
  world = await openWorld({ settings: { retentionMs: DAY_MS } });
  const now = world.time.now().latest;
  expect(await problemOf({ gid: gidAt(now + DAY_MS / 4 + 1) })).toEqual([422, 'gid_in_future']);
  const gid = gidAt(now + DAY_MS / 4);
  await begin({ gid });
  await world.send('POST', `/v1/transactions/${gid}/cancel`);
  world.time.pass(30_000 + DAY_MS + 1);
  expect(await world.retention.runOnce()).toBe(1);
  expect(await problemOf({ gid })).toEqual([410, 'gid_too_old']);
});
