// What a payload is sent as: the text that the initiator wrote.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { until } from '../support/until.ts';
import { branch, GID, openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const beginning = (branches: string, more = '') =>
  world.send('POST', '/v1/transactions', `{"gid":"${GID}"${more},"branches":[${branches}]}`);
const stock = (payload: string, more = '') =>
  `{"branchId":"stock","participant":"inventory","activity":"reserve"${more},"payload":${payload}}`;
const payloads = () => world.calls.map(({ payload }) => payload);

describe('a payload reaches the participant as it was written:', () => {
  test.each([
    '1.10',
    '{"price":1.10,"sum":1e2,"zero":-0.0}',
    '{ "b" : [ 1 , 2.50 ],\n\t"a" : {} }',
    '{"2":"two","1":"one"}',
    '"\\u0441 \\/ \\ud83d\\ude00 \\" ] } , : payload"',
    '{"payload":{"branches":[{"payload":1.0}]}}',
    '{"pay\\"load":"]}\\\\","__proto__":{"a":1.0}}',
    'null',
  ])('%s', async (payload) => {
    expect((await beginning(stock(payload))).statusCode).toBe(202);
    await until('the branch is confirmed', () => world.calls.length === 2);
    expect(payloads()).toEqual([payload, payload]);
  });

  test('each of its own branch, wherever it stands in the request', async () => {
    const first = '{ "payload" : 1.0, "branchId":"a","participant":"inventory","activity":"reserve" }';
    const second = '{"branchId":"b","participant":"inventory","activity":"reserve"}';
    const third = '{"branchId":"c","\\u0070ayload":[3.0],"participant":"inventory","activity":"reserve"}';
    await beginning([first, second, third].join(' , '), ',"retry":{"budgetMs":1000}');
    await until('all are called', () => world.calls.length >= 3);
    const sent = world.calls.slice(0, 3).map(({ branchId, payload }) => [branchId, payload]);
    expect(sent).toEqual([
      ['a', '1.0'],
      ['b', '{}'],
      ['c', '[3.0]'],
    ]);
  });

  test('of a branch that is registered by itself', async () => {
    await world.send('POST', '/v1/transactions', { gid: GID });
    const registered = await world.send('POST', `/v1/transactions/${GID}/branches`, stock('{"a": 1.10}'));
    expect(registered.statusCode).toBe(201);
    await world.send('POST', `/v1/transactions/${GID}/cancel`);
    await until('it is cancelled', () => world.calls.length === 1);
    expect(payloads()).toEqual(['{"a": 1.10}']);
  });

  test('whatever JSON it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json({ maxDepth: 4 }),
        fc.constantFrom(undefined, 1, '\t'),
        async (json, indent) => {
          const written = JSON.stringify(JSON.parse(json), null, indent);
          world.calls.length = 0;
          await world.send('POST', '/v1/transactions', `{"branches":[${stock(written)}]}`);
          expect(payloads()[0]).toBe(written);
        },
      ),
      { numRuns: 50 },
    );
  });
});

test('a request whose payload has the same value is the same request, however it is written', async () => {
  await beginning(stock('{"price":1.10,"b":2}'));
  const again = await beginning(stock('{ "b" : 2.0, "price" : 1.1 }'));
  expect(again.headers['idempotent-replayed']).toBe('true');
  expect((await beginning(stock('{"price":1.11,"b":2}'))).json()).toMatchObject({
    code: 'transaction_differs',
  });
  expect(new Set(payloads())).toEqual(new Set(['{"price":1.10,"b":2}']));
});

test('the text counts for the limit of 64 KiB', async () => {
  const spaced = (spaces: number) => `[1,${' '.repeat(spaces)}2]`;
  expect((await beginning(stock(spaced(64 * 1024)))).statusCode).toBe(413);
  expect((await beginning(stock(spaced(64 * 1024 - 5)))).statusCode).toBe(202);
});

test('references are replaced within the text, and all else stays as it was written', async () => {
  world.answer(({ branchId }) => ({ status: 200, body: branchId === 'a' ? '{"id":[7]}' : '{}' }));
  const payload =
    '{ "x": 1.10, "y": {"$from" : "a.id"}, "\\u0024$from": [ {"\\u0024from":"a.id.0"}, "$from", 2.0 ] }';
  const begun = await world.send(
    'POST',
    '/v1/transactions',
    `{"pattern":"saga","branches":[${JSON.stringify(branch('a'))},${stock(payload)}]}`,
  );
  expect(begun.statusCode).toBe(202);
  await until('both are called', () => world.calls.length >= 2);
  expect(payloads()[1]).toBe('{ "x": 1.10, "y": [7], "$from": [ 7, "$from", 2.0 ] }');
});
