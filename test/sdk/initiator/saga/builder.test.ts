// A saga and the JSON that the coordinator is given for it.
import { describe, expect, test } from '@jest/globals';
import { defineContract, type SagaDefinition, saga } from '@tercet/sdk';
import { BeginRequest } from '@tercet/sdk/wire';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { inventory, money, mugs, payment, shipping } from './contracts.ts';

const fulfil = saga('fulfil-order')
  .step('reserve', inventory.reserve, mugs)
  .parallel(
    (chain) => chain.step('hold', payment.authorise, money),
    (chain) =>
      chain
        .step('book', shipping.book, ({ reserve }) => ({ to: 'ada', grams: [reserve.boxes[0]!.grams, 20] }))
        .step('tell', shipping.look, { text: 'booked' }),
  )
  .pivot('charge', payment.capture, ({ hold }) => ({ holdId: hold.holdId }), { callTimeoutMs: 9000 })
  .step('send', shipping.send, ({ book }) => ({ booking: { id: book.bookingId }, labels: {} }), {
    retry: { budgetMs: 60_000 },
  });

/** By step: those that it waits for. */
const waits = (one: { readonly definition: SagaDefinition }) =>
  Object.fromEntries(one.definition.branches.map(({ branchId, dependsOn }) => [branchId, dependsOn]));

describe('a saga', () => {
  test('compiles to what begins it', () => {
    const booked = { $from: 'book.bookingId' };
    expect(fulfil.definition).toEqual({
      pattern: 'saga',
      name: 'fulfil-order',
      branches: [
        {
          branchId: 'reserve',
          participant: 'inventory',
          activity: 'reserve',
          dependsOn: [],
          payload: mugs,
        },
        {
          branchId: 'hold',
          participant: 'payment',
          activity: 'authorise',
          dependsOn: ['reserve'],
          payload: money,
        },
        {
          branchId: 'book',
          participant: 'shipping',
          activity: 'book',
          dependsOn: ['reserve'],
          payload: { to: 'ada', grams: [{ $from: 'reserve.boxes.0.grams' }, 20] },
        },
        {
          branchId: 'tell',
          participant: 'shipping',
          activity: 'look',
          dependsOn: ['book'],
          payload: { text: 'booked' },
          isCompensated: false,
        },
        {
          branchId: 'charge',
          participant: 'payment',
          activity: 'capture',
          isPivot: true,
          payload: { holdId: { $from: 'hold.holdId' } },
          dependsOn: ['hold', 'tell'],
          callTimeoutMs: 9000,
        },
        {
          branchId: 'send',
          participant: 'shipping',
          activity: 'send',
          dependsOn: ['charge'],
          payload: { booking: { id: booked }, labels: {} },
          retry: { budgetMs: 60_000 },
        },
      ],
    });
    expect(Value.Check(BeginRequest, fulfil.definition)).toBe(true);
  });

  test('prints as that', () => {
    expect(JSON.parse(JSON.stringify(fulfil, null, 2))).toEqual(fulfil.definition);
  });

  test('says of a step before the pivot that it has nothing to undo, where its activity is of that kind', () => {
    const steps = saga('order')
      .step('a', shipping.look, 1)
      .step('b', shipping.anything, 2)
      .pivot('c', shipping.leave, 3)
      .step('d', shipping.look, 4)
      .step('e', shipping.mail, 5).definition.branches;
    const said = steps.map(({ isPivot, isCompensated }) => ({ isPivot, isCompensated }));
    expect(said).toEqual([{ isCompensated: false }, {}, { isPivot: true }, {}, {}]);
  });

  test('is not changed by what is added to it: it can be continued in several ways', () => {
    const start = saga('order').step('reserve', inventory.reserve, mugs);
    const paid = start.step('hold', payment.authorise, money);
    const booked = start.step('book', shipping.book, { to: 'ada', grams: [] });
    expect(start.definition.branches).toHaveLength(1);
    expect(waits(paid)).toEqual({ reserve: [], hold: ['reserve'] });
    expect(waits(booked)).toEqual({ reserve: [], book: ['reserve'] });
  });

  test('is not changed by who changes its definition, or a payload that it was given', () => {
    const payload = { item: 'mug', quantity: 2 };
    const one = saga('order').step('reserve', inventory.reserve, payload);
    payload.quantity = 3;
    const { branches } = one.definition;
    Object.assign(branches[0]?.payload ?? {}, { quantity: 4 });
    Object.assign(branches[0] ?? {}, { participant: 'thief' });
    expect(one.definition.branches).toMatchObject([{ participant: 'inventory', payload: mugs }]);
  });

  test('has steps that are made at run time', () => {
    const items = ['mug', 'pot', 'cup'];
    const all = items
      .reduce(
        (one, item, n) =>
          one.step(`reserve-${n}`, inventory.reserve, { item, quantity: 1 }, { dependsOn: ['look'] }),
        saga('order').step('look', shipping.anything, {}),
      )
      .pivot('charge', payment.capture, { holdId: '1' });
    expect(waits(all)).toEqual({
      look: [],
      'reserve-0': ['look'],
      'reserve-1': ['look'],
      'reserve-2': ['look'],
      charge: ['reserve-0', 'reserve-1', 'reserve-2'],
    });
  });
});

describe('what a step waits for', () => {
  const two = saga('order').step('a', shipping.anything, 1).step('b', shipping.anything, 2);

  test('is what it names, and those that it does not name are waited for by the next', () => {
    const four = two
      .step('c', shipping.anything, 3, { dependsOn: ['a'] })
      .step('d', shipping.anything, 4, { dependsOn: [] })
      .step('e', shipping.anything, 5);
    expect(waits(four)).toEqual({ a: [], b: ['a'], c: ['a'], d: [], e: ['b', 'c', 'd'] });
  });

  test('is all that stands before it, where it is the pivot', () => {
    const pivoted = two
      .step('c', shipping.anything, 3, { dependsOn: [] })
      .pivot('p', shipping.leave, 4)
      .step('d', shipping.anything, 5, { dependsOn: ['p'] })
      .step('e', shipping.anything, 6, { dependsOn: ['p'] });
    expect(waits(pivoted)).toEqual({ a: [], b: ['a'], c: [], p: ['b', 'c'], d: ['p'], e: ['p'] });
  });

  test('is the same for each of several chains, which are joined again', () => {
    const joined = two
      .parallel(
        (chain) => chain.step('c', shipping.anything, 3),
        (chain) =>
          chain.step('d', shipping.anything, 4).parallel(
            (inner) => inner.step('e', shipping.anything, 5),
            (inner) => inner.step('f', shipping.anything, 6).step('g', shipping.anything, 7),
          ),
      )
      .step('h', shipping.anything, 8);
    expect(waits(joined)).toEqual({
      a: [],
      b: ['a'],
      c: ['b'],
      d: ['b'],
      e: ['d'],
      f: ['d'],
      g: ['f'],
      h: ['c', 'e', 'g'],
    });
  });

  test('is nothing for chains that stand first', () => {
    const joined = saga('order')
      .parallel(
        (chain) => chain.step('a', shipping.anything, 1).step('b', shipping.anything, 2),
        (chain) => chain.step('c', shipping.anything, 3),
      )
      .step('d', shipping.anything, 4);
    expect(waits(joined)).toEqual({ a: [], b: ['a'], c: [], d: ['b', 'c'] });
  });

  test('comes after the pivot also in chains', () => {
    const joined = two.pivot('p', shipping.leave, 3).parallel(
      (chain) => chain.step('c', shipping.anything, 4),
      (chain) => chain.step('d', shipping.anything, 5),
    );
    expect(waits(joined)).toEqual({ a: [], b: ['a'], p: ['b'], c: ['p'], d: ['p'] });
  });
});

describe('a saga is not built', () => {
  const one = saga('order').step('a', shipping.anything, 1);
  const pivoted = one.pivot('p', shipping.leave, 2);
  /** As plain JavaScript may call it. */
  const loose = (it: object, method: string, ...given: unknown[]) =>
    Reflect.apply(Reflect.get(it, method), it, given);
  const add = (it: object, name: unknown, settings?: unknown) =>
    loose(it, 'step', name, shipping.anything, null, settings);

  const faults: readonly (readonly [string, () => unknown, string])[] = [
    ['without a name', () => saga(''), '“” is no name for a saga'],
    ['with a name of control characters', () => saga('a\nb'), 'no control characters'],
    ['without a step', () => saga('empty').definition, 'Saga “empty” has no step'],
    [
      'with a step whose name cannot be a branchId',
      () => add(one, 'pay now'),
      'Saga “order”, step “pay now” has a name that is none: use 1 to 64 of A-Z a-z 0-9 _ -',
    ],
    ['with a step that has no name', () => add(one, undefined), 'step “undefined”'],
    ['with two steps of one name', () => add(one, 'a'), 'has two steps “a”'],
    [
      'with two chains that name a step alike',
      () => {
        const chain = (it: object) => add(it, 'b');
        return loose(one, 'parallel', chain, chain);
      },
      'has two steps “b”',
    ],
    ['with a step of no activity', () => loose(one, 'step', 'b', undefined, {}), 'such as inventory.reserve'],
    [
      'with a step of a whole contract',
      () => loose(one, 'step', 'b', inventory, {}),
      'such as inventory.reserve',
    ],
    [
      'with a step that waits for one that is not there',
      () => add(one, 'b', { dependsOn: ['z'] }),
      'depends on “z”, which does not stand before it',
    ],
    [
      'with a setting that is none',
      () => add(one, 'b', { dependOn: ['a'] }),
      'not known here (“#/dependOn”)',
    ],
    [
      'with a setting that cannot be',
      () => add(one, 'b', { callTimeoutMs: 0 }),
      '#/callTimeoutMs must be >= 1',
    ],
    [
      'with a retry that is none',
      () => add(one, 'b', { retry: { times: 3 } }),
      'not known here (“#/retry/times”)',
    ],
    ['with two pivots', () => loose(pivoted, 'pivot', 'q', payment.charge, 3), '“p” is'],
    [
      'with a pivot in a chain',
      () => loose(one, 'parallel', (chain: object) => loose(chain, 'pivot', 'q', payment.charge, 3)),
      'add it after the parallel chains',
    ],
    [
      'with a pivot that does not wait for all',
      () => loose(one, 'pivot', 'q', payment.charge, 3, { dependsOn: [] }),
      'a pivot waits for all that stand before it',
    ],
    [
      'with a setting that the kind of the activity decides',
      () => add(one, 'b', { isCompensated: true }),
      'not known here (“#/isCompensated”)',
    ],
    [
      'with a pivot that does not remember its refusal',
      () => loose(one, 'pivot', 'q', shipping.anything, 3),
      'step “q” cannot be anything of shipping, which is of kind step: here stands an activity of kind pivot',
    ],
    [
      'with a pivot as a step, which cannot be undone',
      () => loose(one, 'step', 'q', shipping.leave, 3),
      'which is of kind pivot: here stands an activity of kind step or step_uncompensated',
    ],
    [
      'with a step before the pivot that is only for after it',
      () => loose(one, 'step', 'q', shipping.mail, 3),
      'which is of kind final',
    ],
    [
      'with a second pivot as a step after the pivot',
      () => loose(pivoted, 'step', 'q', shipping.leave, 3),
      'here stands an activity of kind step or step_uncompensated or final',
    ],
    [
      'with an activity of a tcc',
      () => loose(one, 'step', 'q', defineContract('store', { hold: { payload: Type.Unknown() } }).hold, 3),
      'cannot be hold of store, which is of kind tcc',
    ],
    [
      'with a step that stands after the pivot and does not wait for it',
      () => add(pivoted, 'b', { dependsOn: ['a'] }),
      'has to come after the pivot “p”',
    ],
    ['with no chains', () => loose(one, 'parallel'), 'a parallel without chains'],
    ['with an empty chain', () => loose(one, 'parallel', (chain: object) => chain), 'adds no step'],
    [
      'with a chain that returns nothing',
      () => loose(one, 'parallel', () => {}),
      'is to return what it was given',
    ],
    [
      'with a chain that returns another saga',
      () =>
        loose(one, 'parallel', () =>
          saga('other').step('a', shipping.anything, 1).step('b', shipping.anything, 2),
        ),
      'is to return what it was given',
    ],
  ];
  test.each(faults)('%s', (_what, build, words) => {
    expect(build).toThrow(TypeError);
    expect(build).toThrow(words);
  });
});
