/** Plans of sagas, drawn at random: with or without a pivot, with steps side by side, and some that are never undone. */
import type { DeclaredBranchRequest } from '../../../src/application/requests.ts';
import type { FaultyWorld } from './faulty-world.ts';

export const MAX_STEPS = 5;
const NAMES = ['a', 'b', 'c', 'd', 'e'].slice(0, MAX_STEPS);

export function randomSaga({ chance }: FaultyWorld): readonly DeclaredBranchRequest[] {
  const ids = NAMES.slice(0, 1 + Math.floor(chance.draw() * NAMES.length));
  const pivotAt = chance.is(0.5) ? Math.floor(chance.draw() * ids.length) : -1;
  return ids.map((branchId, at) => {
    const dependsOn = dependenciesOf(ids, at);
    const from = Object.fromEntries(
      dependsOn.filter(() => chance.is(0.5)).map((id) => [id, { $from: `${id}.id` }]),
    );
    const isPivot = at === pivotAt;
    const isBeforePivot = pivotAt < 0 || at < pivotAt;
    return {
      branchId,
      participant: 'inventory',
      activity: 'reserve',
      payload: { isPivot, from },
      dependsOn,
      isPivot,
      ...(isBeforePivot && chance.is(0.15) && { isCompensated: false }),
    };
  });

  /** The pivot comes after all before it, and before all after it. */
  function dependenciesOf(ids: readonly string[], at: number): readonly string[] {
    if (at === pivotAt) return ids.slice(0, at);
    const some = ids.slice(Math.max(0, pivotAt), at).filter(() => chance.is(0.5));
    const pivot = ids.slice(0, at)[pivotAt];
    return pivot === undefined || some.includes(pivot) ? some : [pivot, ...some];
  }
}
