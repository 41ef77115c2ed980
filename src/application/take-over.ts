/**
 * When somebody else must look at a transaction that this process carries (I4, I16): when it has something to do, plus
 * the time in which this process will have done it and saved what came of it. A crash at any point is so covered by the
 * row before it, and nobody takes what is being driven.
 */
import {
  type GlobalTransaction,
  type Instant,
  longestCallMs,
  type Now,
  pendingCalls,
} from '../domain/index.ts';

export const MARGIN_MS = 1000;

/** G of docs/operations.md: the longest call, a commit, and a margin. */
export const takeOverMs = (tx: GlobalTransaction, commitTimeoutMs: number): number =>
  longestCallMs(tx) + commitTimeoutMs + MARGIN_MS;

/** Null once nothing is owed. */
export function takeOverAt(tx: GlobalTransaction, now: Now, commitTimeoutMs: number): Instant | null {
  const { calls, checkAgainAt } = pendingCalls(tx, now);
  if (calls.length === 0 && checkAgainAt === null) return null;
  const dueAt = calls.length > 0 ? now.latest : (checkAgainAt ?? now.latest);
  return dueAt + takeOverMs(tx, commitTimeoutMs);
}
