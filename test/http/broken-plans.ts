/** Plans that are refused, one for each code, and the place that is at fault. */
import type { PlanFault } from '../../src/definition/plan.ts';
import { branch } from './world.ts';

export type BrokenPlan = {
  readonly body: object;
  readonly pointer: string;
  /** The step that stands at the place. */
  readonly named?: string;
};

const saga = (...branches: object[]) => ({ pattern: 'saga', branches });
const from = (reference: unknown, beside: object = {}) => ({
  payload: { at: [{ $from: reference, ...beside }] },
});
const pivot = { isPivot: true };

export const BROKEN_PLANS: Readonly<Record<PlanFault, BrokenPlan>> = {
  duplicate_branch: {
    body: saga(branch('a'), branch('b'), branch('b', { dependsOn: ['a'] })),
    pointer: '#/branches/2/branchId',
    named: 'b',
  },
  only_for_sagas: {
    body: { branches: [branch('a'), branch('b', { dependsOn: ['a'] })] },
    pointer: '#/branches/1/dependsOn',
  },
  unknown_dependency: {
    body: saga(branch('a'), branch('b'), branch('c', { dependsOn: ['a', 'z'] })),
    pointer: '#/branches/2/dependsOn/1',
    named: 'z',
  },
  circular_dependency: {
    body: saga(branch('a', { dependsOn: ['c'] }), branch('b'), branch('c')),
    pointer: '#/branches/0/dependsOn',
  },
  several_pivots: {
    body: saga(branch('a', pivot), branch('b'), branch('c', pivot)),
    pointer: '#/branches/2/isPivot',
  },
  pivot_not_dominant: {
    body: saga(branch('a'), branch('b', { dependsOn: [] }), branch('c', { ...pivot, dependsOn: ['a'] })),
    pointer: '#/branches/1/dependsOn',
  },
  compensation_after_pivot: {
    body: saga(branch('a', pivot), branch('b', { isCompensated: true })),
    pointer: '#/branches/1/isCompensated',
  },
  too_many_references: {
    body: saga(branch('a'), branch('b', { payload: Array.from({ length: 17 }, () => ({ $from: 'a' })) })),
    pointer: '#/branches/1/payload',
  },
  malformed_reference: {
    body: saga(branch('a'), branch('b', from('a', { beside: 1 }))),
    pointer: '#/branches/1/payload/at/0',
  },
  unknown_reference: {
    body: saga(branch('a'), branch('b', from('z.id'))),
    pointer: '#/branches/1/payload/at/0',
    named: 'z',
  },
  reference_not_upstream: {
    body: saga(branch('a', from('b.id')), branch('b')),
    pointer: '#/branches/0/payload/at/0',
    named: 'b',
  },
};
