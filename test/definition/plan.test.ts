// What is asked for becomes a plan that can be carried out, or is refused with the place that is at fault.
import { describe, expect, test } from '@jest/globals';
import { type RequestedBranch, planOf } from '../../src/definition/plan.ts';
import type { BranchSpec, Step } from '../../src/domain/index.ts';
import { asked } from '../support/sagas.ts';

/** The steps by their names. @throws Error when the plan is refused */
function stepsOf(branches: readonly RequestedBranch[]): Readonly<Record<string, Step | null>> {
  const plan = planOf('saga', branches);
  if ('code' in plan) throw new Error(`${plan.code} at ${plan.place}`);
  return Object.fromEntries(plan.map(({ branchId, step }: BranchSpec) => [branchId, step]));
}

/** `code at place`; accepted when nothing is at fault. */
function fault(branches: readonly RequestedBranch[], pattern: 'tcc' | 'saga' = 'saga'): string {
  const plan = planOf(pattern, branches);
  return 'code' in plan ? `${plan.code} at ${plan.place}` : 'accepted';
}

describe('a plan', () => {
  test('that says nothing is a sequence, in which each step depends on the one before it and can be undone', () => {
    const plain = { isPivot: false, isCompensated: true, references: [] };
    expect(stepsOf([asked('hotel'), asked('flight'), asked('car')])).toEqual({
      hotel: { ...plain, dependsOn: [] },
      flight: { ...plain, dependsOn: ['hotel'] },
      car: { ...plain, dependsOn: ['flight'] },
    });
  });

  test('may name steps that stand later in the list, and begin with several', () => {
    const steps = stepsOf([
      asked('insurance', { dependsOn: ['flight', 'car'] }),
      asked('flight', { dependsOn: [] }),
      asked('car', { dependsOn: [] }),
    ]);
    expect(steps).toMatchObject({
      insurance: { dependsOn: ['flight', 'car'] },
      flight: { dependsOn: [] },
      car: { dependsOn: [] },
    });
  });

  test('takes the one before it in the list, also when that one is said to depend on others', () => {
    const steps = stepsOf([asked('a'), asked('b', { dependsOn: [] }), asked('c')]);
    expect(steps.c?.dependsOn).toEqual(['b']);
  });

  test('compensates what comes before the pivot, and nothing from it on', () => {
    const steps = stepsOf([
      ...[asked('hotel'), asked('letter', { isCompensated: false })],
      ...[asked('payment', { isPivot: true }), asked('mail'), asked('points', { dependsOn: ['payment'] })],
      asked('statistics', { isCompensated: false }),
    ]);
    const compensated = Object.entries(steps).map(([id, step]) => [id, step?.isCompensated]);
    expect(Object.fromEntries(compensated)).toEqual({
      hotel: true,
      letter: false,
      payment: false,
      mail: false,
      points: false,
      statistics: false,
    });
    expect(steps.payment?.isPivot).toBe(true);
  });

  test('that says what its defaults are is the same plan', () => {
    const said = [
      asked('hotel', { dependsOn: [], isPivot: false, isCompensated: true }),
      asked('payment', { dependsOn: ['hotel'], isPivot: true, isCompensated: false }),
      asked('mail', { dependsOn: ['payment'], isPivot: false, isCompensated: false }),
    ];
    expect(stepsOf(said)).toEqual(
      stepsOf([asked('hotel'), asked('payment', { isPivot: true }), asked('mail')]),
    );
  });

  test('knows what each payload refers to, each once', () => {
    const payload = { id: { $from: 'hotel.id' }, again: [{ $from: 'hotel.id' }], all: { $from: 'hotel' } };
    const steps = stepsOf([asked('hotel'), asked('flight', { payload })]);
    expect(steps.flight?.references).toEqual(['hotel.id', 'hotel']);
    expect(steps.hotel?.references).toEqual([]);
  });

  test('leaves all else of a branch as it was asked for', () => {
    const [branch] = [asked('hotel', { participant: 'inn', activity: 'book', payload: { nights: 2 } })];
    const {
      dependsOn: _,
      isPivot: __,
      isCompensated: ___,
      references: ____,
      ...rest
    } = branch as RequestedBranch;
    expect(planOf('saga', [branch as RequestedBranch])).toEqual([{ ...rest, step: expect.anything() }]);
  });

  test('of a tcc has no steps, and what looks like a reference is none', () => {
    const payload = { id: { $from: 'nobody.id', and: 1 } };
    expect(planOf('tcc', [asked('stock', { payload }), asked('money')])).toMatchObject([
      { branchId: 'stock', payload: JSON.stringify(payload), step: null },
      { branchId: 'money', step: null },
    ]);
  });

  test('of steps that are named as an object names its own parts is a plan like any other', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const steps = stepsOf([
      ...names.map((name) => asked(name, { dependsOn: [] })),
      asked('last', { dependsOn: names, payload: names.map((name) => ({ $from: `${name}.id` })) }),
    ]);
    expect(Object.keys(steps)).toEqual([...names, 'last']);
    expect(steps.last?.references).toEqual(names.map((name) => `${name}.id`));
  });
});

describe('a plan is refused', () => {
  const hotel = asked('hotel');
  const flight = asked('flight');
  const from = (to: unknown) => ({ $from: to });

  test.each<[string, readonly RequestedBranch[]]>([
    // The names.
    ['duplicate_branch at /1/branchId', [hotel, hotel]],
    ['duplicate_branch at /2/branchId', [hotel, flight, asked('hotel', { dependsOn: ['flight'] })]],
    // What depends on what.
    ['unknown_dependency at /0/dependsOn/0', [asked('hotel', { dependsOn: ['nobody'] })]],
    ['unknown_dependency at /1/dependsOn/1', [hotel, asked('flight', { dependsOn: ['hotel', 'nobody'] })]],
    ['unknown_dependency at /0/dependsOn/0', [asked('hotel', { dependsOn: ['__proto__'] })]],
    ['circular_dependency at /0/dependsOn', [asked('hotel', { dependsOn: ['hotel'] })]],
    ['circular_dependency at /0/dependsOn', [asked('hotel', { dependsOn: ['flight'] }), flight]],
    [
      'circular_dependency at /1/dependsOn',
      [
        ...[hotel, asked('a', { dependsOn: ['hotel', 'c'] })],
        ...[asked('b', { dependsOn: ['a'] }), asked('c', { dependsOn: ['b'] })],
      ],
    ],
    // The pivot.
    ['several_pivots at /1/isPivot', [asked('hotel', { isPivot: true }), asked('flight', { isPivot: true })]],
    [
      'pivot_not_dominant at /0/dependsOn',
      [asked('hotel', { dependsOn: [] }), asked('flight', { dependsOn: [], isPivot: true })],
    ],
    [
      'pivot_not_dominant at /0',
      [hotel, asked('flight', { dependsOn: [], isPivot: true }), asked('mail', { dependsOn: ['flight'] })],
    ],
    [
      'pivot_not_dominant at /2/dependsOn',
      [hotel, asked('payment', { isPivot: true }), asked('mail', { dependsOn: ['hotel'] })],
    ],
    [
      'compensation_after_pivot at /0/isCompensated',
      [asked('payment', { isPivot: true, isCompensated: true })],
    ],
    [
      'compensation_after_pivot at /2/isCompensated',
      [asked('payment', { isPivot: true }), asked('mail'), asked('points', { isCompensated: true })],
    ],
    // References.
    [
      'too_many_references at /1/payload',
      [hotel, asked('flight', { payload: Array.from({ length: 17 }, (_, n) => from(`hotel.${n}`)) })],
    ],
    ['malformed_reference at /1/payload/id', [hotel, asked('flight', { payload: { id: from(7) } })]],
    ['malformed_reference at /1/payload', [hotel, asked('flight', { payload: from('hotel.') })]],
    ['malformed_reference at /1/payload', [hotel, asked('flight', { payload: from('hotel.rooms[0]') })]],
    ['unknown_reference at /1/payload/0/id', [hotel, asked('flight', { payload: [{ id: from('car') }] })]],
    ['reference_not_upstream at /0/payload', [asked('hotel', { payload: from('flight.id') }), flight]],
    ['reference_not_upstream at /0/payload', [asked('hotel', { payload: from('hotel.id') })]],
    [
      'reference_not_upstream at /1/payload/a~1b/c~0d',
      [hotel, asked('car', { dependsOn: [], payload: { 'a/b': { 'c~d': from('hotel.id') } } })],
    ],
  ])('%s', (expected, branches) => {
    expect(fault(branches)).toBe(expected);
  });

  test.each<[string, Partial<RequestedBranch>]>([
    ['only_for_sagas at /1/dependsOn', { dependsOn: [] }],
    ['only_for_sagas at /1/isPivot', { isPivot: false }],
    ['only_for_sagas at /1/isCompensated', { isCompensated: true }],
  ])('%s, in a tcc', (expected, place) => {
    expect(fault([asked('stock'), asked('money', place as Parameters<typeof asked>[1])], 'tcc')).toBe(
      expected,
    );
  });

  test('duplicate_branch in a tcc too', () => {
    expect(fault([asked('stock'), asked('stock')], 'tcc')).toBe('duplicate_branch at /1/branchId');
  });
});

describe('a plan is accepted', () => {
  test.each<[string, readonly RequestedBranch[]]>([
    ['with a pivot and nothing else', [asked('payment', { isPivot: true })]],
    [
      'with several before the pivot, and several after it',
      [
        ...[asked('hotel', { dependsOn: [] }), asked('car', { dependsOn: [] })],
        asked('payment', { dependsOn: ['hotel', 'car'], isPivot: true }),
        ...[asked('mail', { dependsOn: ['payment'] }), asked('points', { dependsOn: ['payment'] })],
      ],
    ],
    [
      'with a step after the pivot that depends on one before it too',
      [
        asked('hotel'),
        asked('payment', { isPivot: true }),
        asked('mail', { dependsOn: ['hotel', 'payment'] }),
      ],
    ],
    [
      'with sixteen references in one step, over several steps to what they are to',
      [
        ...[asked('hotel'), asked('car')],
        asked('flight', { payload: Array.from({ length: 16 }, (_, n) => ({ $from: `hotel.${n}` })) }),
      ],
    ],
  ])('%s', (_what, branches) => {
    expect(fault(branches)).toBe('accepted');
  });
});

describe('a hundred steps', () => {
  const names = Array.from({ length: 100 }, (_, n) => `s${n}`);

  // Without remembering what was seen the number of ways through this plan is 2^98.
  test('of which each depends on all before it are a plan', () => {
    const steps = stepsOf(names.map((name, n) => asked(name, { dependsOn: names.slice(0, n) })));
    expect(steps.s99?.dependsOn).toHaveLength(99);
  });

  test('of which each depends on all others are a circle', () => {
    const others = (name: string) => names.filter((other) => other !== name);
    expect(fault(names.map((name) => asked(name, { dependsOn: others(name) })))).toBe(
      'circular_dependency at /0/dependsOn',
    );
  });

  test('with a pivot amidst them, and references to the first in each, are a plan', () => {
    const steps = stepsOf(
      names.map((name, n) =>
        asked(name, {
          dependsOn: names.slice(0, n),
          isPivot: n === 50,
          payload: n === 0 ? {} : Array.from({ length: 16 }, (_, i) => ({ $from: `s0.${i}` })),
        }),
      ),
    );
    expect(Object.values(steps).filter((step) => step?.isCompensated)).toHaveLength(50);
  });
});
