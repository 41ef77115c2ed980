/** What must be durable before an action or a compensate is sent (I9, I10). */
import { type GlobalTransaction, type Op, upstreamOf } from '../../src/domain/index.ts';

/** @returns the precondition that is not durable, in words; null when all are */
export function missingSagaPrecondition(
  { branchId, op }: { readonly branchId: string | null; readonly op: Op },
  tx: GlobalTransaction,
): string | null {
  const branchOf = (id: string) => tx.branches.find((branch) => branch.branchId === id);
  const own = branchOf(branchId ?? '');
  if (op === 'action') {
    const isReached = own?.step?.dependsOn.every((id) => branchOf(id)?.phaseOne.reply === 'succeeded');
    if (!isReached) return 'came before the successes of what it depends on were durable';
    return own?.step?.isPivot && tx.pivotStartedAt === null ? 'came before its start was durable' : null;
  }
  if (tx.decision?.decision !== 'cancel') return 'came before its decision was durable';
  if (!own?.step?.isCompensated) return 'came, and nothing of it is compensated';
  return isUndoneAfterAll(tx, own.branchId)
    ? null
    : 'came before the compensations of what depends on it were durable';
}

/** All that depends on it, directly or not, and may have run, is compensated; as lately as that may have been found anew. */
function isUndoneAfterAll({ branches }: GlobalTransaction, branchId: string): boolean {
  const succeeded = branches.filter(({ phaseOne }) => phaseOne.reply === 'succeeded');
  const hasSucceeded = (id: string) => succeeded.some((branch) => branch.branchId === id);
  const before = new Map(branches.map((branch) => [branch.branchId, branch.step?.dependsOn ?? []]));
  return branches
    .filter(({ step }) => step?.isCompensated && step.dependsOn.every(hasSucceeded))
    .filter((branch) => upstreamOf([branch.branchId], before).has(branchId))
    .every(({ phaseTwo, lateSuccessCount }) => phaseTwo.reply === 'succeeded' || lateSuccessCount > 0);
}
