/** Builds saves for store tests: transactions with values that are hard to store, as the rows to be written. */
import { entriesBetween, JOURNAL_VERSION } from '../../src/application/journal.ts';
import type { Save, Saved } from '../../src/application/ports.ts';
import type { GlobalTransaction } from '../../src/domain/index.ts';
import { begin, exactly, replied, spec, T0, told } from './transactions.ts';

const backoff = { firstDelayMs: 100, maxDelayMs: 1000, budgetMs: 1000 };
export const policy = { callTimeoutMs: 1000, retry: backoff, poll: backoff, maxRetryAfterMs: 5000 };

/** A payload that anything but a plain text column would change: key order, number format, non-ASCII. */
export const AWKWARD_PAYLOAD = '{"z":1.0,"a":"日本 🍵","big":1e3,"quote":"it\'s \\\\ \\"?\\""}';

let lastId = 0;
/** A fresh UUIDv7-shaped gid that sorts behind the ones before it. */
export function newGid(): string {
  lastId += 1;
  return `0193f000-0000-7000-8000-${process.pid.toString(16).padStart(4, '0')}${lastId.toString(16).padStart(8, '0')}`;
}

/** Begun, with values in all its columns. */
export const newTransaction = (gid: string, branchIds: readonly string[] = ['a', 'b']): GlobalTransaction =>
  begin({
    gid,
    name: 'order',
    businessKey: 'Bestellung ü',
    bodyHash: 'a'.repeat(64),
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    tracestate: 'vendor=value',
    timeoutMs: 30_000,
    policy,
    branches: branchIds.map((branchId) =>
      spec(branchId, { payload: AWKWARD_PAYLOAD, bodyHash: 'b'.repeat(64) }),
    ),
  });

export const cancelRequested = (tx: GlobalTransaction, note?: string): GlobalTransaction =>
  told(tx, { type: 'cancelRequested', ...(note !== undefined && { note }), now: exactly(T0) });

/** Every branch gets this reply to its call of the second phase. */
export function allReplied(
  tx: GlobalTransaction,
  reply: 'succeeded' | 'unknown' | 'ongoing',
  answer: string = reply,
): GlobalTransaction {
  const op = tx.decision?.decision ?? 'try';
  const replies = tx.branches.map(({ branchId }) => replied(branchId, op, reply, { answer, chance: 0.5 }));
  return withoutPolling(told(tx, ...replies));
}

/** As a store keeps it. */
export const withoutPolling = (tx: GlobalTransaction): GlobalTransaction => ({
  ...tx,
  branches: tx.branches.map((branch) => ({
    ...branch,
    phaseOne: { ...branch.phaseOne, ongoing: null },
    phaseTwo: { ...branch.phaseTwo, ongoing: null },
  })),
});

/** The save that makes `next` durable after `saved`. */
export function saveOf(saved: Saved | null, next: GlobalTransaction, given: Partial<Save> = {}): Save {
  const before = saved?.tx ?? null;
  const entries = entriesBetween(before, next);
  if (entries === null) throw new Error('nothing to save');
  const seq = (saved?.seq ?? 0) + 1;
  const wakeAt = next.finishedAt === null ? T0 + 1000 : null;
  const fixed = { gid: next.gid, seq, before, after: next, entries, version: JOURNAL_VERSION, at: T0 };
  return { ...fixed, writer: 'this-writer', wakeAt, beginKey: null, ...given };
}
