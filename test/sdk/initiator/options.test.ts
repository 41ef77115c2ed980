// What an initiator refuses to be made with, and what it does with what it is given.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { currentCall, defineContract, defineParticipant, Tercet } from '@tercet/sdk';
import { newSecret, verifySignature } from '@tercet/sdk/signature';
import { Type } from 'typebox';
import { inventory, payment } from './shop.ts';
import { money, openWorld, rejection, tea, type World } from './world.ts';

const urls = 'http://127.0.0.1:8080';
const named = <const Name extends string>(name: Name) =>
  defineContract(name, { go: { payload: Type.Object({}) } });

describe('an initiator is not made', () => {
  test.each(['gid', 'deadlineAt', 'signal'])('with a participant that would hide tx.%s', (name) => {
    expect(() => new Tercet({ urls, contracts: [named(name)] })).toThrow(`rename “${name}”`);
  });

  test('with one participant twice', () => {
    expect(() => new Tercet({ urls, contracts: [inventory, { contract: inventory }] })).toThrow(
      '“inventory”',
    );
  });

  test.each([
    [[], 'at least one address'],
    ['coordinator:8080', 'http:// or https://'],
    ['nowhere', 'is no address'],
    ['http://ada:secret@127.0.0.1', 'give the token as token'],
  ])('with the address %j', (address, words) => {
    expect(() => new Tercet({ urls: address, contracts: [inventory] })).toThrow(words);
  });

  test.each([
    'ftp://u:PW@127.0.0.1',
    'u:PW@127.0.0.1',
    'http://u:x/PW@127.0.0.1',
    'nowhere?PW',
    '//PW@h',
  ])('with the address %j, and shows neither its password nor its query', (address) => {
    const make = () => new Tercet({ urls: address, contracts: [inventory] });
    expect(make).toThrow(/is no address/);
    expect(make).not.toThrow(/PW/);
  });

  test.each([
    ['no options', undefined, 'urls is missing'],
    ['another word for urls', { url: urls, contracts: [inventory] }, 'urls is missing'],
    ['an address that is no text', { urls: [undefined], contracts: [inventory] }, 'is no address'],
    ['no contracts', { urls }, 'contracts is missing'],
    ['what is no contract', { urls, contracts: [inventory, undefined] }, 'contracts[1] is no contract'],
    ['what is no contract', { urls, contracts: [{ contract: null }] }, 'contracts[0] is no contract'],
    [
      'a secret that is not set',
      { urls, contracts: [inventory], secrets: { inventory: undefined } },
      'A secret of inventory cannot be used: it is undefined',
    ],
  ])('with %s', (_what, options, words) => {
    // As plain JavaScript may call it.
    const make = () => Reflect.construct(Tercet, [options]);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(words);
  });

  test('with secrets of nobody, none, or that are none, and never tells them', () => {
    const make = (secrets: Record<string, string | string[]>) => () =>
      new Tercet({ urls, contracts: [inventory], secrets });
    expect(make({ payment: newSecret() })).toThrow('no contract of that name');
    expect(make({ inventory: [] })).toThrow('are empty');
    expect(make({ inventory: 'whsec_hush' })).toThrow('A secret of inventory cannot be used');
    expect(make({ inventory: 'whsec_hush' })).not.toThrow('hush');
  });

  test('with a token that no header can carry', () => {
    expect(() => new Tercet({ urls, contracts: [inventory], token: 'two words' })).toThrow('printable');
  });
});

describe('an initiator', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const order = { name: 'order' };

  test('takes participants in place of contracts, and names that are no identifiers', async () => {
    const contract = named('my-service');
    await world.registry.put({
      name: 'my-service',
      baseUrls: [`${world.shop.url}/my-service`],
      paths: {},
      callTimeoutMs: null,
    });
    const participant = { contract, handle: async () => null };
    const tercet = new Tercet({ urls: `${world.url}/`, contracts: [participant] as const });
    expect((await tercet.run(order, (tx) => tx['my-service'].go({}))).status).toBe('confirmed');
  });

  test.each([
    [{ idempotencyKey: 'Bestellung ü' }, 'printable ASCII'],
    [{ idempotencyKey: ' a' }, 'no blank at either end'],
    [{ idempotencyKey: '' }, '1 to 255'],
    [{ waitMs: -1 }, 'waitMs has to be 0 to 60000 milliseconds, and is “-1”'],
    [{ waitMs: Number.NaN }, 'and is “NaN”'],
  ])('refuses %j before anything is sent', async (options, words) => {
    const error = await rejection(world.initiator().run({ ...order, ...options }, () => 'called'));
    expect(error).toMatchObject({ name: 'RequestRejected', code: 'invalid_request' });
    expect((error as Error).message).toContain(words);
    expect(world.requests).toEqual([]);
  });

  test.each<readonly [string, () => unknown]>([
    ['a generator function', function* () {}],
    ['an async generator function', async function* () {}],
  ])('refuses %s before anything is sent, since its body would never run', async (_what, generator) => {
    const error = await rejection(world.initiator().run(order, generator));
    expect(error).toEqual(
      new TypeError(
        'run was given a generator function, whose body would never run: make it a plain or an async function',
      ),
    );
    expect(world.requests).toEqual([]);
  });

  test('signs the tries of participants that it has secrets of, each attempt anew, and no others', async () => {
    const [old, secret] = [newSecret(), newSecret()];
    world.shop.answer(({ op, attempt }) => (op === 'try' && attempt === '1' ? { status: 503 } : null));
    const tercet = world.initiator({ secrets: { inventory: [old, secret] } });
    await tercet.run(order, async (tx) => {
      await tx.inventory.reserve(tea);
      await tx.payment.hold(money);
    });
    const tries = world.shop.arrivals.filter(({ op }) => op === 'try');
    expect(tries.map(({ participant }) => participant)).toEqual([
      'inventory',
      'inventory',
      'payment',
      'payment',
    ]);
    for (const { participant, headers, body } of tries) {
      const doubt = verifySignature(headers, body, [secret]);
      if (participant === 'inventory') expect(doubt).toBeNull();
      else expect(doubt).toContain('missing');
    }
  });

  test('says that a participant which answers 401 may want signed calls', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? { status: 401 } : null));
    const error = await rejection(world.initiator().run(order, (tx) => tx.inventory.reserve(tea)));
    expect((error as Error).cause).toMatchObject({ answer: expect.stringContaining('secrets') });
  });

  describe('passes on the trace', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const traces = () => world.shop.arrivals.map(({ headers }) => headers.traceparent);

    test('that it is given, to the coordinator and to participants', async () => {
      const { gid } = await world
        .initiator()
        .run({ ...order, traceparent }, (tx) => tx.inventory.reserve(tea));
      expect(traces()).toEqual([traceparent, traceparent]);
      expect((await world.truth(gid))?.traceparent).toBe(traceparent);
    });

    test('of the call that it runs in', async () => {
      const contract = defineContract('shop', { buy: { payload: Type.Object({}) } });
      const outer = defineParticipant(contract, {
        barrier: {
          run: async (_call, work) => ({
            outcome: 'done',
            result: await work(null, { tryResult: null, actionResult: null, isStarted: false }),
          }),
          outside: () => Promise.reject(new Error('not used')),
          createTable: async () => {},
        },
        activities: {
          buy: {
            async try() {
              expect(currentCall()?.traceparent).toBe(traceparent);
              await world.initiator().run(order, (tx) => tx.inventory.reserve(tea));
            },
            confirm: async () => {},
            cancel: async () => {},
          },
        },
      });
      const answer = await outer.handle({
        method: 'POST',
        path: '/buy/try',
        body: '{}',
        headers: {
          'content-type': 'application/json',
          'tcc-transaction-id': '019b76da-a800-7d40-9f3a-5e2b8c1d4f60',
          'tcc-branch-id': 'b',
          'tcc-op': 'try',
          'tcc-attempt': '1',
          'tcc-deadline': '2100-01-01T00:00:00.000Z',
          'idempotency-key': '019b76da-a800-7d40-9f3a-5e2b8c1d4f60/b/try',
          traceparent,
        },
      });
      expect(answer?.status).toBe(200);
      expect(traces()).toEqual([traceparent, traceparent]);
    });

    test('not when it is malformed', async () => {
      await world.initiator().run({ ...order, traceparent: 'a\r\nb: c' }, (tx) => tx.inventory.reserve(tea));
      expect(traces()).toEqual([undefined, undefined]);
    });

    test('not where OpenTelemetry does', async () => {
      const key = Symbol.for('opentelemetry.js.api.1');
      Object.assign(globalThis, { [key]: { propagation: {} } });
      try {
        await world.initiator().run({ ...order, traceparent }, (tx) => tx.inventory.reserve(tea));
      } finally {
        Reflect.deleteProperty(globalThis, key);
      }
      expect(traces()).toEqual([undefined, undefined]);
    });
  });
});

test('the results of tries are typed by their contracts', async () => {
  const tercet = new Tercet({ urls, contracts: [inventory, payment] });
  const neverRun = async () =>
    tercet.run({ name: 'order' }, async (tx) => {
      const { reservationId } = await tx.inventory.reserve(tea);
      const id: string = reservationId;
      // @ts-expect-error it is text
      const wrong: number = reservationId;
      // @ts-expect-error there is no such participant
      await tx.courier.book({});
      // @ts-expect-error there is no such activity
      await tx.payment.reserve(tea);
      return { id, wrong };
    });
  expect(neverRun).toBeInstanceOf(Function);
});
