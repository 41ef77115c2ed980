/**
 * When somebody else must look at a transaction that was just saved (I4, I16): when it has something to do, plus the
 * time in which this process will have done it and saved what came of it. A crash at any point is so covered by the
 * row before it, and nobody takes what is being driven.
 */
import { type GlobalTransaction, type Instant, type Now, pendingCalls } from '../domain/index.ts';

const MARGIN_MS = 1000;

/** Null once nothing is owed. */
export function takeOverAt(tx: GlobalTransaction, now: Now, commitTimeoutMs: number): Instant | null {
  const { calls, lookAgainAt } = pendingCalls(tx, now);
  if (calls.length === 0 && lookAgainAt === null) return null;
  const dueAt = calls.length > 0 ? now.latest : (lookAgainAt ?? now.latest);
  const longestCallMs = Math.max(0, ...calls.map((call) => call.timeoutMs));
  return dueAt + longestCallMs + commitTimeoutMs + MARGIN_MS;
}
