// The kind of each branch, derived from the pattern and the plan.
import { describe, expect, test } from '@jest/globals';
import { isServed, type Kind, kindOf, SERVED_KINDS, type Step } from '../../src/domain/index.ts';

type Place = Partial<Pick<Step, 'dependsOn' | 'isPivot' | 'isCompensated'>>;

const stepOf = (place: Place): Step => ({
  dependsOn: [],
  isPivot: false,
  isCompensated: false,
  references: [],
  ...place,
});

/** By step its kind. */
function kindsOf(plan: Readonly<Record<string, Place>>): Readonly<Record<string, Kind>> {
  const branches = Object.entries(plan).map(([branchId, place]) => ({ branchId, step: stepOf(place) }));
  return Object.fromEntries(branches.map((branch) => [branch.branchId, kindOf('saga', branches, branch)]));
}

describe('a branch is', () => {
  test('of kind tcc in a tcc', () => {
    const branch = { branchId: 'stock', step: null };
    expect(kindOf('tcc', [branch], branch)).toBe('tcc');
  });

  test('a step where it is compensated, and step_uncompensated where it is not, before the pivot', () => {
    expect(
      kindsOf({
        stock: { isCompensated: true },
        price: {},
        pay: { isPivot: true, dependsOn: ['stock', 'price'] },
      }),
    ).toEqual({ stock: 'step', price: 'step_uncompensated', pay: 'pivot' });
  });

  test('final where it comes after the pivot, directly or not', () => {
    expect(
      kindsOf({
        pay: { isPivot: true },
        send: { dependsOn: ['pay'] },
        mail: { dependsOn: ['send'] },
      }),
    ).toEqual({ pay: 'pivot', send: 'final', mail: 'final' });
  });

  test('step_uncompensated, and never final, in a saga without a pivot', () => {
    expect(kindsOf({ look: {}, mail: { dependsOn: ['look'] } })).toEqual({
      look: 'step_uncompensated',
      mail: 'step_uncompensated',
    });
  });
});

test('only a pivot serves as a pivot, and only a tcc activity in a tcc; any step but these may stand after the pivot', () => {
  const kinds = Object.keys(SERVED_KINDS) as Kind[];
  const served = kinds.flatMap((declared) =>
    kinds
      .filter((kind) => declared !== kind && isServed(declared, kind))
      .map((kind) => `${declared} as ${kind}`),
  );
  expect(served).toEqual(['step as final', 'step_uncompensated as final']);
  expect(kinds.every((kind) => isServed(kind, kind))).toBe(true);
});
