/** What a callback is told of the end of a transaction: the body of its call, as the wire's EndingNotice. */
import type { GlobalTransaction, Instant } from '../domain/index.ts';

/** The same text in each attempt. */
export const endingNotice = (tx: GlobalTransaction): string => JSON.stringify(noticeOf(tx));

export function noticeOf({ decision, finishedAt, ...tx }: GlobalTransaction) {
  if (decision === null || finishedAt === null) throw new Error(`transaction ${tx.gid} has not ended`);
  return {
    gid: tx.gid,
    pattern: tx.pattern,
    name: tx.name,
    businessKey: tx.businessKey,
    status: tx.status,
    decision: decision.decision,
    reason: decision.reason,
    beganAt: iso(tx.beganAt),
    finishedAt: iso(finishedAt),
  };
}

const iso = (at: Instant): string => new Date(at).toISOString();
