/** What a callback is told of the end of a transaction: the body of its call, as the wire's EndingNotice. */
import type { GlobalTransaction, Instant } from '../domain/index.ts';

/** The same text in each attempt. */
export const endingNotice = ({ decision, ...tx }: GlobalTransaction): string =>
  JSON.stringify({
    gid: tx.gid,
    pattern: tx.pattern,
    name: tx.name,
    businessKey: tx.businessKey,
    status: tx.status,
    decision: decision?.decision,
    reason: decision?.reason,
    beganAt: iso(tx.beganAt),
    finishedAt: iso(tx.finishedAt ?? 0),
  });

const iso = (at: Instant): string => new Date(at).toISOString();
