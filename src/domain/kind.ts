/**
 * The kind of a branch: what its participant must provide, and what follows when it refuses.
 *
 * Derived from the pattern and the plan, never stored, and sent with every call of the branch. An initiator and a participant
 * that disagree on it lose money: a pivot whose participant does not remember its refusal may take effect later, in a
 * cancelled saga (I10). So the participant refuses a try or action of another kind than those it serves.
 */
import type { BranchSpec, Pattern } from './global-transaction.ts';
import { hasPlan, upstreamOf } from './open-calls.ts';

/**
 * - `tcc`: a branch of a tcc.
 * - `step`: a step of a saga that is compensated on a cancel.
 * - `step_uncompensated`: a step before the pivot whose action has nothing to undo.
 * - `pivot`: the step whose reply decides; its refusal must be remembered.
 * - `final`: a step after the pivot; it is retried until it succeeds.
 */
export type Kind = 'tcc' | 'step' | 'step_uncompensated' | 'pivot' | 'final';

/** The kinds of calls that an activity serves, by the kind that its participant declares. */
export const SERVED_KINDS = {
  tcc: ['tcc'],
  step: ['step', 'final'],
  step_uncompensated: ['step_uncompensated', 'final'],
  pivot: ['pivot'],
  final: ['final'],
} as const satisfies Readonly<Record<Kind, readonly Kind[]>>;

export const isServed = (declared: Kind, kind: Kind): boolean =>
  (SERVED_KINDS[declared] as readonly Kind[]).includes(kind);

/** @param branches all branches of the transaction, since the plan tells which come after the pivot */
export function kindOf(
  pattern: Pattern,
  branches: readonly Pick<BranchSpec, 'branchId' | 'step'>[],
  { branchId, step }: Pick<BranchSpec, 'branchId' | 'step'>,
): Kind {
  if (!hasPlan(pattern)) return 'tcc';
  if (step?.isCompensated) return 'step';
  if (step?.isPivot) return 'pivot';
  const pivot = branches.find((branch) => branch.step?.isPivot);
  if (pivot === undefined) return 'step_uncompensated';
  const before = new Map(branches.map((branch) => [branch.branchId, branch.step?.dependsOn ?? []]));
  return upstreamOf([branchId], before).has(pivot.branchId) ? 'final' : 'step_uncompensated';
}
