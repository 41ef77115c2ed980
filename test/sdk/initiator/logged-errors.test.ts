/** What a log keeps of an initiator's errors: none of the values that other errors and participants put into their words. */
import { expect, test } from '@jest/globals';
import {
  branch,
  CoordinatorUnavailable,
  defineContract,
  RequestRejected,
  saga,
  Tercet,
  type TercetError,
} from '@tercet/sdk';
import { errorFields, errorLine, reasonOf } from '@tercet/sdk/error-fields';
import { createTestWorld, scripted } from '@tercet/sdk/testing';
import { Type } from 'typebox';
import { LEAKY } from '../../support/leaky-errors.ts';
import { MARKS, marksIn } from '../../support/marks.ts';
import { ManualTiming } from './manual-timing.ts';
import { openWorld as openHttpWorld } from './world.ts';

const mark = MARKS.payload;
const card = Type.Object({ card: Type.String() });
const iban = Type.Refine(
  Type.String(),
  () => false,
  (text) => `${text} is no IBAN`,
);
const shop = defineContract('shop', {
  refund: { kind: 'tcc', payload: Type.Object({ iban }) },
  hold: { kind: 'tcc', payload: card },
  count: { kind: 'tcc', payload: Type.Object({ totals: Type.Record(Type.String(), Type.Integer()) }) },
  take: { kind: 'step', payload: Type.Object({}) },
  pay: { kind: 'pivot', payload: card },
  note: { kind: 'step_uncompensated', payload: Type.Record(Type.String(), Type.Integer()) },
});
const openWorld = () => createTestWorld({ participants: [scripted(shop)] });
type World = Awaited<ReturnType<typeof openWorld>>;
type Tx = Parameters<Parameters<World['tercet']['run']>[1]>[0];

async function thrownBy(act: () => unknown): Promise<Error> {
  try {
    await act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

function expectNoMarksLogged(error: unknown): void {
  const logged = [errorLine(error), JSON.stringify(errorFields(error)), reasonOf(error)];
  expect(logged.flatMap(marksIn)).toEqual([]);
}

test.each(LEAKY)('no value of what the function of a run threw is logged: %s', async (_title, act) => {
  const world = await openWorld();
  const error = await thrownBy(() => world.tercet.run({ name: 'order' }, async () => void (await act())));
  expect(error.name).toBe('TransactionCancelled');
  expectNoMarksLogged(error);
});

test('the caller can read what the function of a run threw', async () => {
  const world = await openWorld();
  const error = await thrownBy(() =>
    world.tercet.run({ name: 'order' }, () => {
      throw new RangeError(`${mark} is too much`);
    }),
  );
  expect(error.message).toContain(`the function threw “RangeError: ${mark} is too much”.`);
  expect(error).toMatchObject({
    reason: expect.stringContaining(mark),
    cause: { message: expect.stringContaining(mark) },
  });
});

test('no value of what the function threw is logged where the coordinator does not acknowledge the cancel', async () => {
  const http = await openHttpWorld();
  try {
    http.onTheWay((request) => (request.endsWith('/cancel') ? 'request_lost' : 'passes'));
    const error = await thrownBy(() =>
      http.initiator().run({ name: 'order' }, () => {
        throw mark;
      }),
    );
    expect(error).toMatchObject({
      name: 'OutcomeUnknown',
      message: expect.stringContaining(`threw “${mark}”.`),
    });
    expectNoMarksLogged(error);
  } finally {
    await http.close();
  }
});

test.each<readonly [string, code: string, place: string, logged: string, call: (tx: Tx) => unknown]>([
  [
    'a key of a record',
    ...(['invalid_payload', `(“#/totals/${mark}”)`, '#/totals/* must be integer (…'] as const),
    (tx) => tx.shop.count({ totals: { [mark]: 'x' as never } }),
  ],
  [
    'the text of a refinement',
    ...(['invalid_payload', `(“#/iban ${mark} is no IBAN”)`, '#/iban does not meet a refinement'] as const),
    (tx) => tx.shop.refund({ iban: mark }),
  ],
  [
    'a branchId',
    ...(['invalid_branch_id', `“${mark} x”`, '…'] as const),
    (tx) => tx.shop.hold({ card: mark }, { branchId: `${mark} x` }),
  ],
  [
    'a getter',
    ...(['invalid_payload', mark, 'The payload of hold of shop cannot be sent as JSON: …'] as const),
    (tx) => tx.shop.hold(unreadable() as never),
  ],
])('no value of a payload that is not sent is logged: %s', async (_title, code, place, logged, call) => {
  const world = await openWorld();
  const error = await thrownBy(() =>
    world.tercet.run({ name: 'order' }, async (tx) => void (await call(tx))),
  );
  expect(error).toMatchObject({ name: 'TransactionCancelled', cause: { name: 'TryNotSent', code } });
  expect((error.cause as TercetError).summary).toContain(place);
  expect(errorFields(error.cause).message).toContain(logged);
  expectNoMarksLogged(error);
});

const unreadable = () => ({
  toJSON() {
    throw new Error(`it is ${mark}`);
  },
});

test.each<readonly [string, (world: World) => unknown]>([
  ['an input that fails', ({ tercet }) => tercet.run({ name: 'order', input: unreadable() }, async () => {})],
  ['a waitMs', ({ tercet }) => tercet.run({ name: 'order', waitMs: mark as never }, async () => {})],
  [
    'a callback',
    ({ tercet }) => tercet.run({ name: 'order', callback: { [mark]: 1 } as never }, async () => {}),
  ],
  ['a participant', ({ tercet }) => tercet.run({ name: 'order' }, (tx) => (tx as never as Any)[mark])],
  ['an activity', ({ tercet }) => tercet.run({ name: 'order' }, (tx) => (tx as never as Any).shop?.[mark])],
  ['a payload of branch', () => branch(shop, 'count', { totals: { [mark]: 'x' as never } })],
  ['a payload of a step', () => saga(mark).step(mark, shop.note, { [mark]: 'x' as never })],
  ['a setting of a step', () => saga(mark).step(mark, shop.take, {}, { [mark]: 1 } as never)],
  [
    'a part of a result',
    () =>
      saga('s')
        .step('take', shop.take, {})
        .step('note', shop.note, (earlier) => ({ x: Number((earlier as never as Any).take?.[mark]) })),
  ],
])('no value of what the program gave is logged: %s', async (_title, act) => {
  const world = await openWorld();
  expectNoMarksLogged(await thrownBy(() => act(world)));
});

type Any = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

test('no reason of a refusal is logged, and the caller can read it', async () => {
  const world = await openWorld();
  const order = { name: 'order', branches: [branch(shop, 'hold', { card: mark })] };
  world.on(shop, 'try').refuse(`${mark} is stolen`);
  for (const act of [
    () => world.tercet.run({ name: 'order' }, (tx) => tx.shop.hold({ card: mark })),
    () => world.tercet.run({ name: 'order' }, (tx) => tx.shop.hold({ card: mark }).catch(() => {})),
    () => world.tercet.submit(order),
  ]) {
    const error = await thrownBy(act);
    expect(error.message).toContain(`was refused: “${mark} is stolen”.`);
    expectNoMarksLogged(error);
  }
  world.on(shop, 'cancel').refuse(`${mark} was refunded`);
  const diverged = await thrownBy(() => world.tercet.submit({ ...order, waitMs: 60_000 }));
  expect(diverged.name).toMatch(/^Transaction/);
  expectNoMarksLogged(diverged);
});

test('no place in a payload that the coordinator names is logged, and the caller can read it', () => {
  const detail = `#/branches/0/payload/${mark}/x names “y”: Correct it.`;
  const error = new RequestRejected('The request', { code: 'unknown_reference', detail });
  expect(error).toMatchObject({ detail, message: expect.stringContaining(mark) });
  expect(errorFields(error).message).toMatch(/^The request was rejected \(unknown_reference\): …$/);
});

test.each<readonly [string, () => unknown, logged: string]>([
  ['an error that quotes', () => new TypeError(`"${mark}" is no header`), '…'],
  ['an error without words for a log', () => new RangeError(`${mark} is too much`), 'RangeError (…'],
  ['what is no error', () => mark, '…'],
  [
    'a refused connection',
    () => new Error('connect ECONNREFUSED 127.0.0.1:9'),
    'connect ECONNREFUSED 127.0.0.1:9).',
  ],
])('of a failed fetch the log keeps what shows no value, and the caller reads all: %s', async (_title, cause, logged) => {
  const given = cause();
  const fetch = async () => {
    throw given;
  };
  const tercet = new Tercet({
    urls: 'http://127.0.0.1:9',
    contracts: [shop],
    fetch,
    timing: new ManualTiming(),
  });
  const error = await thrownBy(() => tercet.find('x'));
  expect(error).toBeInstanceOf(CoordinatorUnavailable);
  expect(error.message).toContain(given instanceof Error ? given.message : given);
  expect(errorFields(error).message).toContain(`127.0.0.1:9: ${logged}`);
  expectNoMarksLogged(error);
});
