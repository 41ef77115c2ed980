/**
 * `onCancelled: 'again'`: a key whose transaction is cancelled begins anew under the next key, on which all callers converge.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  branch,
  RequestRejected,
  TransactionCancelled,
  TransactionDiverged,
  type RunOutcome,
} from '@tercet/sdk';
import { payment } from './shop.ts';
import { money, openWorld, rejection, tea, type World } from './world.ts';

let world: World;
let keys: (string | null)[];
beforeEach(async () => {
  world = await openWorld();
  keys = [];
});
afterEach(() => world.close());

const KEY = 'order A-17';
const again = { name: 'order', idempotencyKey: KEY, onCancelled: 'again' } as const;
const submitted = { ...again, branches: [branch(payment, 'hold', money)] };

/** Notes the key of each beginning. */
const tercet = () =>
  world.initiator({
    fetch: (input, init) => {
      const key = new Headers(init?.headers).get('idempotency-key');
      if (key !== null && String(input).startsWith(world.url)) keys.push(key);
      return world.network(input, init);
    },
  });

const fails = () => {
  throw new Error('too dear');
};

async function cancel(count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await rejection(tercet().run(again, fails));
  keys = [];
}

describe('a run', () => {
  test('that is cancelled throws, and the next one begins anew under the next key', async () => {
    const error = await rejection(tercet().run(again, fails));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect(keys).toEqual([KEY]);
    const outcome = await tercet().run(again, (tx) => tx.inventory.reserve(tea));
    expect(outcome).toMatchObject({ status: 'confirmed', isRepeated: false });
    expect(outcome.gid).not.toBe((error as TransactionCancelled).gid);
    expect(keys).toEqual([KEY, KEY, `${KEY}~2`]);
  });

  test('that follows finds what was confirmed, and calls nothing', async () => {
    await cancel(2);
    const first = await tercet().run(again, (tx) => tx.inventory.reserve(tea));
    const repeated = await tercet().run(again, fails);
    expect(repeated).toMatchObject({ gid: first.gid, status: 'confirmed', isRepeated: true });
    expect(keys).toEqual([KEY, `${KEY}~2`, `${KEY}~3`, KEY, `${KEY}~2`, `${KEY}~3`]);
  });

  test('without it is answered with the cancelled transaction as before', async () => {
    await cancel(1);
    const { onCancelled: _again, ...once } = again;
    expect(await rejection(tercet().run(once, () => 'called'))).toBeInstanceOf(TransactionCancelled);
    expect(keys).toEqual([KEY]);
  });

  test('converges with another one that runs at the same time: each effect is there once', async () => {
    await cancel(1);
    const work = (tx: { inventory: { reserve: (payload: typeof tea) => Promise<unknown> } }) =>
      tx.inventory.reserve(tea);
    const outcomes: RunOutcome<unknown>[] = await Promise.all([1, 2, 3].map(() => tercet().run(again, work)));
    expect(new Set(outcomes.map(({ gid }) => gid)).size).toBe(1);
    expect([...world.shop.effects].sort()).toEqual([
      'confirm inventory-reserve-1',
      'try inventory-reserve-1',
    ]);
  });

  test('does not follow a cancel with a parked branch', async () => {
    world.shop.answer(({ op }) => (op === 'cancel' ? { status: 400 } : null));
    const running = rejection(
      tercet().run({ ...again, waitMs: 0 }, async (tx) => {
        await tx.inventory.reserve(tea);
        fails();
      }),
    );
    const { gid } = await world.shop.arrived('cancel');
    await running;
    await world.until(async () => (await world.truth(gid))?.branches[0]?.phaseTwo.parkedAt != null);
    keys = [];
    expect(await rejection(tercet().run(again, fails))).toBeInstanceOf(TransactionDiverged);
    expect(keys).toEqual([KEY]);
  });

  test('ends with the twentieth transaction, and says so', async () => {
    await cancel(20);
    const error = await rejection(tercet().run(again, () => 'called'));
    expect(error).toBeInstanceOf(TransactionCancelled);
    expect((error as Error).message).toContain('all 20 transactions of its idempotencyKey are cancelled');
    expect(keys).toHaveLength(20);
    expect(keys.at(-1)).toBe(`${KEY}~20`);
  });
});

describe('a submission', () => {
  test('of a key whose transaction is cancelled is another transaction', async () => {
    world.shop.answer(({ op }) => (op === 'try' ? { status: 409 } : null));
    const error = await rejection(tercet().submit(submitted));
    expect(error).toBeInstanceOf(TransactionCancelled);
    world.shop.answer(() => null);
    const outcome = await tercet().submit(submitted);
    expect(outcome).toMatchObject({ status: 'confirmed', isRepeated: false });
    expect(await tercet().submit(submitted)).toMatchObject({ gid: outcome.gid, isRepeated: true });
    expect(keys).toEqual([KEY, KEY, `${KEY}~2`, KEY, `${KEY}~2`]);
  });
});

test.each([
  ['without a key', { name: 'order', onCancelled: 'again' }, 'onCancelled needs an idempotencyKey'],
  ['with a key that has no room for a number', { ...again, idempotencyKey: 'k'.repeat(253) }, '252'],
  ['with another word', { ...again, onCancelled: 'retry' as 'again' }, "has to be 'again'"],
] as const)('it is refused %s, and nothing is sent', async (_how, options, words) => {
  const error = await rejection(tercet().run(options, fails));
  expect(error).toBeInstanceOf(RequestRejected);
  expect((error as Error).message).toContain(words);
  expect(world.requests).toEqual([]);
});

describe('a key that may be a later one of another key', () => {
  test.each([
    '~2',
    `${KEY}~2`,
    `${KEY}~20`,
    `${KEY}~2~2`,
  ])('is refused, and nothing is sent: %s', async (idempotencyKey) => {
    for (const options of [
      { name: 'order', idempotencyKey },
      { ...again, idempotencyKey },
    ]) {
      const errors = [
        await rejection(tercet().run(options, fails)),
        await rejection(tercet().submit({ ...submitted, ...options })),
      ];
      for (const error of errors) {
        expect(error).toBeInstanceOf(RequestRejected);
        expect((error as Error).message).toContain('onCancelled');
      }
    }
    expect(world.requests).toEqual([]);
  });

  test.each([
    'order~1',
    'order~21',
    'order~02',
    'order~2026',
    'order~',
    'order~2a',
    'order-2',
  ])('is taken with any other end: %s', async (idempotencyKey) => {
    const outcome = await tercet().run({ name: 'order', idempotencyKey }, async () => 'done');
    expect(outcome).toMatchObject({ isRepeated: false, value: 'done' });
  });
});
