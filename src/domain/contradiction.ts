/**
 * What no transition makes of a transaction, and a restored or edited row can: a status without its decision, an end without its
 * instant, or an end with an open call. The store checks what it loads.
 */
import type { Branch, Decision, GlobalTransaction, Status } from './global-transaction.ts';
import { openCalls } from './open-calls.ts';

/** The decision that each status has, and whether it is an end (I2). */
const STATUSES: Readonly<Record<Status, { readonly decision: Decision | null; readonly isEnd: boolean }>> = {
  trying: { decision: null, isEnd: false },
  confirming: { decision: 'confirm', isEnd: false },
  confirmed: { decision: 'confirm', isEnd: true },
  cancelling: { decision: 'cancel', isEnd: false },
  cancelled: { decision: 'cancel', isEnd: true },
};

const REPLIES: readonly unknown[] = [null, 'succeeded', 'refused', 'unknown'];

/** A clause that says what contradicts what; null when nothing does. */
export function contradictionIn(tx: GlobalTransaction): string | null {
  const { status, finishedAt, branches } = tx;
  const expected = Object.hasOwn(STATUSES, status) ? STATUSES[status] : null;
  if (expected === null) return `its status is “${status}”`;
  const decision = tx.decision?.decision ?? null;
  if (decision !== expected.decision)
    return `it is ${status}, and its decision is ${decision ?? 'not taken'}`;
  if ((finishedAt !== null) !== expected.isEnd)
    return `it is ${status}, and ${finishedAt === null ? 'has no' : 'has an'} instant of its end`;
  const withoutReply = branches.find((branch) => !hasReplies(branch));
  if (withoutReply) return `branch “${withoutReply.branchId}” has a reply that does not exist`;
  // A late success may still be cancelled after the end.
  const open = status === 'confirmed' ? openCalls(tx).find(({ branch }) => branch !== null) : undefined;
  return open
    ? `it is confirmed, and ${open.op} of branch “${open.branch?.branchId}” has not succeeded (I8)`
    : null;
}

const hasReplies = ({ phaseOne, phaseTwo }: Branch): boolean =>
  REPLIES.includes(phaseOne.reply) && REPLIES.includes(phaseTwo.reply);
