/** A transaction as lines of a trace, one for each field that has a value. New lines are what an event changed. */
import type { Call, GlobalTransaction, Instant, Op } from '../../src/domain/global-transaction.ts';
import { opsOf } from '../../src/domain/open-calls.ts';
import { T0 } from '../support/transactions.ts';

export function stateLines(tx: GlobalTransaction): readonly string[] {
  const { status, decision, pivotStartedAt, cancelAskedAt, branches, notification } = tx;
  const { one, two } = opsOf(tx.pattern, decision?.decision ?? null);
  const by = decision?.branchId ? ` by ${decision.branchId}` : '';
  const lines = [`status: ${status}`];
  if (decision) lines.push(`decision: ${decision.decision}, ${decision.reason}${by}`);
  if (pivotStartedAt !== null) lines.push(`pivot started: at ${seconds(pivotStartedAt)}`);
  if (cancelAskedAt !== null) lines.push(`cancel requested: at ${seconds(cancelAskedAt)}`);
  for (const { branchId, participant, activity, phaseOne, phaseTwo, lateSuccessCount } of branches) {
    lines.push(`branch ${branchId}: ${participant}/${activity}`);
    lines.push(...callLines(`${branchId} ${one}`, phaseOne));
    if (two !== null) lines.push(...callLines(`${branchId} ${two}`, phaseTwo));
    if (lateSuccessCount > 0) lines.push(`${branchId} late successes: ${lateSuccessCount}`);
  }
  return notification ? [...lines, ...callLines('callback notify', notification)] : lines;
}

/** None before the first reply. */
function callLines(name: string, call: Call): readonly string[] {
  const { reply, attemptCount, spentMs, parkedAt, acceptedAt } = call;
  if (reply === 'succeeded' || reply === 'refused') return [`${name}: ${reply}`];
  const parts = [
    acceptedAt !== null && `accepted at ${seconds(acceptedAt)}`,
    reply !== null && `${reply}, attempts ${attemptCount}`,
    reply !== null && spentMs > 0 && `spent ${spentMs / 1_000}s`,
    parkedAt !== null && 'parked',
  ].filter((part) => part !== false);
  return parts.length > 0 ? [`${name}: ${parts.join(', ')}`] : [];
}

export const seconds = (at: Instant): string => `${(at - T0) / 1_000}s`;

export const callName = ({ branchId, op }: { branchId: string | null; op: Op }): string =>
  `${branchId ?? 'callback'} ${op}`;
