/** Checks the order in which the ops of a saga took effect at its participants (I1, I5, I6, I7, I8, I10). */
import { type Op, upstreamOf } from '../../src/domain/index.ts';

/** An op that took effect at a participant; null where there was nothing to undo. */
export type Effect = { readonly branchId: string; readonly op: Op; readonly isNull: boolean };

export type Planned = {
  readonly branchId: string;
  readonly dependsOn: readonly string[];
  readonly isPivot: boolean;
  readonly isCompensated: boolean;
};

/** @returns what is wrong with the effects of a saga that has ended, in words; empty when nothing is */
export function sagaEffectFaults(
  plan: readonly Planned[],
  effects: readonly Effect[],
  status: string,
): readonly string[] {
  const timesOf = (branchId: string, op: Op) =>
    effects.flatMap((effect, at) => (effect.branchId === branchId && effect.op === op ? [at] : []));
  const firstOf = (branchId: string, op: Op) => timesOf(branchId, op)[0] ?? null;
  const before = new Map(plan.map(({ branchId, dependsOn }) => [branchId, dependsOn]));
  const pivotId = plan.find(({ isPivot }) => isPivot)?.branchId ?? '';
  const downstreamOf = (branchId: string) =>
    plan.filter((step) => upstreamOf([step.branchId], before).has(branchId));
  const isFromPivotOn = (branchId: string) =>
    branchId === pivotId || upstreamOf([branchId], before).has(pivotId);
  return plan.flatMap((step) => [
    ...repeated(step),
    ...outOfPlan(step),
    ...(status === 'confirmed' ? wronglyConfirmed(step) : wronglyCancelled(step)),
  ]);

  function repeated({ branchId }: Planned): string[] {
    const ops = (['action', 'compensate'] as const).filter((op) => timesOf(branchId, op).length > 1);
    return ops.map((op) => `I5: ${op} of ${branchId} took effect twice`);
  }

  /** Its action came when all that it depends on had run; and was not undone, unless nothing of its own is ever undone. */
  function outOfPlan({ branchId, dependsOn, isCompensated }: Planned): string[] {
    const doneAt = firstOf(branchId, 'action');
    if (doneAt === null) return [];
    const missing = dependsOn.filter((id) => (firstOf(id, 'action') ?? Infinity) > doneAt);
    const bound = isCompensated || isFromPivotOn(branchId) ? [branchId, ...dependsOn] : [];
    const undone = bound.filter((id) => (firstOf(id, 'compensate') ?? Infinity) < doneAt);
    return [
      ...missing.map((id) => `I10: ${branchId} ran before ${id} had`),
      ...undone.map((id) => `I7: ${branchId} ran after ${id} was compensated`),
    ];
  }

  function wronglyConfirmed({ branchId }: Planned): string[] {
    return [
      ...(firstOf(branchId, 'action') === null ? [`I8: confirmed, and ${branchId} never ran`] : []),
      ...(firstOf(branchId, 'compensate') === null ? [] : [`I1: confirmed, and ${branchId} is compensated`]),
    ];
  }

  function wronglyCancelled({ branchId, isCompensated }: Planned): string[] {
    const doneAt = firstOf(branchId, 'action');
    const undoneAt = firstOf(branchId, 'compensate');
    if (isFromPivotOn(branchId))
      return doneAt === null && undoneAt === null ? [] : [`I10: cancelled, and ${branchId} has run`];
    if (undoneAt === null) return doneAt !== null && isCompensated ? [`I6: ${branchId} is not undone`] : [];
    const isNull = effects[undoneAt]?.isNull ?? false;
    const notBefore = downstreamOf(branchId).filter(
      (later) =>
        (firstOf(later.branchId, 'compensate') ?? -1) > undoneAt ||
        (firstOf(later.branchId, 'action') !== null &&
          later.isCompensated &&
          firstOf(later.branchId, 'compensate') === null),
    );
    return [
      ...(isNull === (doneAt === null) ? [] : [`I7: ${branchId} was undone in the wrong way`]),
      ...notBefore.map((later) => `I10: ${branchId} was undone before ${later.branchId}`),
    ];
  }
}
