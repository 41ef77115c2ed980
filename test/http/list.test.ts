// Looking for transactions: every filter, page by page, and queries that are refused.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { branch, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const begin = async (body: object): Promise<string> =>
  (await world.send('POST', '/v1/transactions', body, { prefer: 'wait=5' })).json().gid;
const list = (query = '') => world.send('GET', `/v1/transactions${query}`);
const gidsOf = async (query: string): Promise<string[]> => {
  const answer = await list(query);
  expect(answer.statusCode).toBe(200);
  return answer.json().transactions.map(({ gid }: { gid: string }) => gid);
};

test('there is an empty list of nothing', async () => {
  expect((await list()).json()).toEqual({ transactions: [], quarantined: [], nextCursor: null });
});

test('transactions are listed as they are read one by one, without their payloads and paths', async () => {
  const gid = await begin({ name: 'order', branches: [branch('a', { payload: 'secret' })] });
  const answer = await list();
  expect(answer.body).not.toContain('secret');
  const { path: _path, ...read } = (await world.send('GET', `/v1/transactions/${gid}`)).json();
  expect(answer.json()).toEqual({ transactions: [read], quarantined: [], nextCursor: null });
  expect(read.explanation).toMatch(/^Confirmed at 2026-01-01T00:00:00Z/);
});

describe('a list holds only what is asked for', () => {
  let [open, done, parked] = ['', '', ''];
  const early = '2026-01-01T00:00:00Z';
  beforeEach(async () => {
    open = await begin({ name: 'refund', businessKey: 'order 1 & more' });
    world.time.pass(1000);
    done = await begin({ branches: [branch('a', { participant: 'payment' })] });
    world.answer(({ op }) => (op === 'try' ? 422 : 503));
    const timeoutMs = 60_000;
    parked = (await world.send('POST', '/v1/transactions', { branches: [branch('a')], timeoutMs })).json()
      .gid;
    const isParked = async () =>
      (await world.send('GET', `/v1/transactions/${parked}`)).json().isParked === true;
    while (!(await isParked())) world.time.pass(50);
  });

  test.each<[string, () => string[]]>([
    ['', () => [parked, done, open]],
    ['?status=trying', () => [open]],
    ['?status=confirming', () => []],
    ['?status=confirmed', () => [done]],
    ['?status=cancelling', () => [parked]],
    ['?status=cancelled', () => []],
    ['?parked=true', () => [parked]],
    ['?parked=false', () => [done, open]],
    ['?needsAttention=true', () => []],
    ['?needsAttention=false', () => [parked, done, open]],
    ['?participant=payment', () => [done]],
    ['?participant=inventory&status=confirmed', () => []],
    ['?name=refund', () => [open]],
    ['?businessKey=order%201%20%26%20more', () => [open]],
    [`?beganAfter=${early}`, () => [parked, done, open]],
    ['?beganAfter=2026-01-01T01:00:01%2B01:00', () => [parked, done]],
    ['?beganAfter=9999-12-31T23:59:59-23:59', () => []],
    ['?beganAfter=0000-01-01T00:00:00Z', () => [parked, done, open]],
  ])('%s', async (query, wanted) => {
    expect(await gidsOf(query)).toEqual(wanted());
  });
});

test('what waits too long for a success that must come needs attention, parked or not, until it comes', async () => {
  world.answer(({ op }) => (op === 'confirm' ? 503 : 200));
  const begun = await world.send('POST', '/v1/transactions', { branches: [branch('a')] });
  const { gid } = begun.json();
  const read = async () => (await world.send('GET', `/v1/transactions/${gid}`)).json();
  while ((await read()).status === 'trying') world.time.pass(1);
  const { waitingSince, needsAttention } = await read();
  expect(waitingSince).toMatch(/^2026-01-01T00:00:00/);
  expect(needsAttention).toBe(false);
  expect(await gidsOf('?needsAttention=true')).toEqual([]);

  while (!(await read()).isParked) world.time.pass(50);
  world.time.pass(600_000);
  expect(await read()).toMatchObject({
    needsAttention: true,
    waitingSince,
    isParked: true,
    branches: [{ waitingSince }],
  });
  expect(await gidsOf('?needsAttention=true')).toEqual([gid]);

  world.answer(() => 200);
  await world.send('POST', `/v1/transactions/${gid}/retry`);
  while ((await read()).status !== 'confirmed') world.time.pass(50);
  expect(await read()).toMatchObject({ needsAttention: false, waitingSince: null });
  expect(await gidsOf('?needsAttention=true')).toEqual([]);
});

type Page = {
  readonly transactions: readonly { readonly gid: string }[];
  readonly nextCursor: string | null;
};

describe('page by page', () => {
  const walk = async (query: string): Promise<string[][]> => {
    const pages: string[][] = [];
    for (let cursor: string | null = ''; cursor !== null && pages.length < 10; ) {
      const page: Page = (await list(`?${query}${cursor && `&cursor=${cursor}`}`)).json();
      pages.push(page.transactions.map(({ gid }) => gid));
      cursor = page.nextCursor;
    }
    return pages;
  };

  test('a search that ends before its page is full names the next page, which goes on there', async () => {
    const begun: string[] = [];
    for (let count = 0; count < 4; count += 1) begun.unshift(await begin({}));
    const ends = [begun[1]!, begun[2]!, null];
    world.store.searchEnd = async () => ends.shift() ?? null;
    expect(await walk('limit=3')).toEqual([begun.slice(0, 2), begun.slice(2, 3), begun.slice(3)]);
  });

  test('every transaction is told once, the newest first, and no page is empty', async () => {
    const begun: string[] = [];
    for (let count = 0; count < 4; count += 1) begun.unshift(await begin({}));
    const [fourth, third, second, first] = begun;
    expect(await walk('limit=3')).toEqual([[fourth, third, second], [first]]);
    expect(await walk('limit=2')).toEqual([
      [fourth, third],
      [second, first],
    ]);
    expect(await walk('status=trying&limit=4')).toEqual([begun]);
  });

  test('a page has 50 unless told otherwise, and 200 at most', async () => {
    for (let count = 0; count < 201; count += 1) await begin({});
    expect(await gidsOf('')).toHaveLength(50);
    expect(await gidsOf('?limit=200')).toHaveLength(200);
    expect((await walk('limit=200')).map(({ length }) => length)).toEqual([200, 1]);
  });
});

describe('a query is refused in words', () => {
  const foreign = Buffer.from('no gid').toString('base64url');
  test.each([
    ['?status=done', 'status', 'trying, confirming, confirmed, cancelling, cancelled'],
    ['?status=trying&status=confirmed', 'status', 'string'],
    ['?status=', 'status', 'allowed values'],
    ['?parked=yes', 'parked', 'true, false'],
    ['?needsAttention=1', 'needsAttention', 'true, false'],
    ['?participant=a%20b', 'participant', 'The name under which the participant is registered'],
    ['?name=', 'name', '1 to 128 characters'],
    ['?businessKey=a%0Ab', 'businessKey', 'does not have the right form'],
    ['?beganAfter=yesterday', 'beganAfter', 'ISO 8601 instant with its zone'],
    ['?beganAfter=2026-01-01T00:00:00', 'beganAfter', 'ISO 8601 instant with its zone'],
    ['?beganAfter=2026-02-30T00:00:00Z', 'beganAfter', 'ISO 8601 instant with its zone'],
    ['?beganAfter=2016-12-31T23:59:60Z', 'beganAfter', 'is no instant'],
    ['?limit=0', 'limit', '1 to 200'],
    ['?limit=201', 'limit', '1 to 200'],
    ['?limit=5.0', 'limit', '1 to 200'],
    ['?limit=1e2', 'limit', '1 to 200'],
    ['?cursor=', 'cursor', 'is not the nextCursor of a page'],
    [`?cursor=${foreign}`, 'cursor', 'is not the nextCursor of a page'],
    ['?cursor=*', 'cursor', 'is not the nextCursor of a page'],
    ['?state=trying', 'state', 'is not known here'],
    ['?__proto__=1', '__proto__', 'is not known here'],
  ])('%s', async (query, parameter, words) => {
    const refused = await list(query);
    expect(refused.statusCode).toBe(400);
    const { code, detail, errors } = refused.json();
    expect({ code, errors }).toEqual({
      code: 'invalid_request',
      errors: [{ parameter, detail: expect.stringContaining(words) }],
    });
    expect(detail).toContain(`${parameter} ${errors[0].detail}`);
  });
});
