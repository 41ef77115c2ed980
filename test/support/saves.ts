/** Saves for store tests: a transaction begun, and what the protocol makes of it, as the rows to be written. */
import { entriesBetween, JOURNAL_VERSION } from '../../src/application/journal.ts';
import type { Save, Saved } from '../../src/application/ports.ts';
import { type Event, type GlobalTransaction, transition } from '../../src/domain/index.ts';

const AT = Date.UTC(2026, 0, 1);
const now = { earliest: AT, latest: AT };
const backoff = { firstDelayMs: 100, maxDelayMs: 1000, budget: 5 };
export const policy = { callTimeoutMs: 1000, retry: backoff, poll: backoff, maxRetryAfterMs: 5000 };

/** A payload that anything but a plain text column would change: key order, number format, non-ASCII. */
export const AWKWARD_PAYLOAD = '{"z":1.0,"a":"日本 🍵","big":1e3,"quote":"it\'s \\\\ \\"?\\""}';

let lastId = 0;
/** A fresh UUIDv7-shaped gid that sorts behind the ones before it. */
export function newGid(): string {
  lastId += 1;
  return `0193f000-0000-7000-8000-${process.pid.toString(16).padStart(4, '0')}${lastId.toString(16).padStart(8, '0')}`;
}

export function begun(gid: string, branchIds: readonly string[] = ['a', 'b']): GlobalTransaction {
  const branches = branchIds.map((branchId) => ({
    ...{ branchId, participant: 'inventory', activity: 'reserve' },
    ...{ payload: AWKWARD_PAYLOAD, bodyHash: 'b'.repeat(64), policy: null, step: null },
  }));
  const given = {
    gid,
    name: 'order',
    businessKey: 'Bestellung ü',
    bodyHash: 'a'.repeat(64),
    ...{ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'vendor=value' },
    callback: null,
  };
  return after(null, {
    type: 'begun',
    pattern: 'tcc',
    mode: 'declared',
    ...given,
    timeoutMs: 30_000,
    policy,
    branches,
    now,
  });
}

/** The state after an event that the protocol accepts. */
export function after(tx: GlobalTransaction | null, event: Event): GlobalTransaction {
  const verdict = transition(tx, event);
  if (!verdict.accepted) throw new Error(`refused: ${verdict.code}`);
  return verdict.tx;
}

export const cancelled = (tx: GlobalTransaction, note?: string): GlobalTransaction =>
  after(tx, { type: 'cancelRequested', ...(note !== undefined && { note }), now });

/** Every branch answers its phase two with this. */
export function answered(
  tx: GlobalTransaction,
  reply: 'succeeded' | 'unknown',
  answer: string = reply,
): GlobalTransaction {
  const op = tx.decision?.decision ?? 'try';
  const heard = { result: null, answer, durationMs: 10, retryAfterMs: null, chance: 0.5, now };
  const hear = (at: GlobalTransaction, { branchId }: { branchId: string }) =>
    after(at, { type: 'replied', branchId, op, reply, ...heard });
  return tx.branches.reduce(hear, tx);
}

/** The save that makes `next` durable after `saved`. */
export function saveOf(saved: Saved | null, next: GlobalTransaction, given: Partial<Save> = {}): Save {
  const before = saved?.tx ?? null;
  const entries = entriesBetween(before, next);
  if (entries === null) throw new Error('nothing to save');
  const seq = (saved?.seq ?? 0) + 1;
  const wakeAt = next.finishedAt === null ? AT + 1000 : null;
  const fixed = { gid: next.gid, seq, before, after: next, entries, version: JOURNAL_VERSION, at: AT };
  return { ...fixed, writer: 'this-writer', wakeAt, beginKey: null, ...given };
}
