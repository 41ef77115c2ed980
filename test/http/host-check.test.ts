// DNS rebinding: a web page whose own name resolves to a loopback address must not reach the coordinator of the machine.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openWorld, type World } from './world.ts';

let world: World;
afterAll(() => world.close());

const askAs = (headers: Record<string, string>, { url = '/v1/transactions', at = world } = {}) =>
  at.app.inject({ method: 'GET', url, headers });

describe('on a loopback listener', () => {
  beforeAll(async () => {
    world = await openWorld({ hostNames: ['tercet.example'] });
  });

  test.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST.',
    'tercet.localhost:8080',
    '127.0.0.1:8080',
    '127.1.2.3',
    '[::1]:8080',
    'tercet.example:443',
    'Tercet.Example',
  ])('a request for %s is served', async (host) => {
    expect((await askAs({ host })).statusCode).toBe(200);
  });

  test.each([
    'attacker.example',
    'attacker.example:8080',
    'localhost.attacker.example',
    '127.0.0.1.attacker.example',
    'notlocalhost',
    'sub.tercet.example',
    'localhost@attacker.example',
    'attacker.example#localhost',
    'localhost:8080:attacker.example',
    '0.0.0.0:8080',
    '[::2]',
    ' ',
  ])('a request for %s is refused, whatever it asks', async (host) => {
    for (const url of ['/v1/transactions', '/livez', '/metrics', '/openapi.json', '/nothing']) {
      const refused = await askAs({ host }, { url });
      expect(refused.statusCode).toBe(421);
      expect(refused.json()).toMatchObject({
        code: 'unknown_host',
        detail: expect.stringContaining('TERCET_HOST_NAMES'),
      });
      expect(refused.headers.connection).toBe('close');
    }
  });

  test('no header that a page can set stands in for Host', async () => {
    const forged = {
      'x-forwarded-host': 'localhost',
      forwarded: 'host=localhost',
      origin: 'http://localhost',
    };
    expect((await askAs({ host: 'attacker.example', ...forged })).statusCode).toBe(421);
  });

  test('the name is checked before the token', async () => {
    const at = await openWorld({ hostNames: [], apiTokens: ['correct-horse-battery'] });
    const codes = ['attacker.example', 'localhost'].map(
      async (host) => (await askAs({ host }, { at })).json().code,
    );
    expect(await Promise.all(codes)).toEqual(['unknown_host', 'unauthorized']);
    await at.close();
  });
});

test('on any other listener each name is served', async () => {
  const at = await openWorld();
  expect((await askAs({ host: 'tercet.internal.example' }, { at })).statusCode).toBe(200);
  await at.close();
});
