// Registering participants over HTTP.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openWorld, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

test('a participant is registered, read and replaced', async () => {
  const first = await world.send('PUT', '/v1/participants/shipping', {
    baseUrl: 'http://ship.test:8080/tcc/',
  });
  expect(first.statusCode).toBe(201);
  expect(first.headers.location).toBe('/v1/participants/shipping');
  expect(first.json()).toEqual({ name: 'shipping', baseUrl: 'http://ship.test:8080/tcc/', paths: {} });

  const moved = { baseUrl: 'https://ship2.test', paths: { 'open/try': '/shipments/drafts?v=2' } };
  const second = await world.send('PUT', '/v1/participants/shipping', moved);
  expect(second.statusCode).toBe(200);
  const read = await world.send('GET', '/v1/participants/shipping');
  expect(read.json()).toEqual({ name: 'shipping', ...moved });
});

test('all participants are listed by name', async () => {
  const { participants } = (await world.send('GET', '/v1/participants')).json();
  expect(participants.map(({ name }: { name: string }) => name)).toEqual(['inventory', 'payment']);
});

describe('an address is refused, and nothing is stored, when it', () => {
  test.each([
    ['is no address', 'inventory:8080'],
    ['is not http', 'ftp://inventory.test'],
    ['names a user', 'http://user:secret@inventory.test'],
    ['has a query', 'http://inventory.test/?a=1'],
    ['has a fragment', 'http://inventory.test/#a'],
    ['has an impossible port', 'http://inventory.test:99999'],
    ['holds a blank', 'http://inventory.test/a b'],
    ['holds a line break', 'http://inventory.test/\r\nx: y'],
    ['is not ASCII', 'http://склад.test'],
  ])('%s', async (_why, baseUrl) => {
    const refused = await world.send('PUT', '/v1/participants/shipping', { baseUrl });
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '#/baseUrl' }] });
    expect(await world.registry.find('shipping')).toBeNull();
  });
});

describe('paths are refused when', () => {
  test.each([
    ['the op is unknown', { 'reserve/undo': '/x' }, '#/paths/reserve~1undo'],
    ['the path is relative', { 'reserve/try': 'x' }, '#/paths/reserve~1try'],
    ['the path has a fragment', { 'reserve/try': '/x#y' }, '#/paths/reserve~1try'],
  ])('%s', async (_why, paths, pointer) => {
    const refused = await world.send('PUT', '/v1/participants/shipping', { baseUrl: 'http://a.test', paths });
    expect(refused.statusCode).toBe(400);
    expect(refused.json().errors[0].pointer).toBe(pointer);
  });

  test('their key is __proto__', async () => {
    const body = '{"baseUrl":"http://a.test","paths":{"__proto__":"/x"}}';
    const refused = await world.send('PUT', '/v1/participants/shipping', body);
    expect(refused.json().errors).toEqual([{ pointer: '#/paths/__proto__', detail: 'is not known here' }]);
  });
});
