/**
 * Builds transactions for tests. `begun`, `replied` and `completed` give events, `told` applies events to a state, and `begin` gives a
 * state. Events are at `T0`, and the deadline is ten seconds later, unless a test says otherwise.
 */
import type {
  BranchSpec,
  CallPolicy,
  GlobalTransaction,
  Instant,
  Now,
  Op,
  Reply,
} from '../../src/domain/global-transaction.ts';
import {
  type Begun,
  type Completed,
  type Event,
  type Replied,
  transition,
} from '../../src/domain/transition.ts';

export const T0: Instant = Date.UTC(2026, 0, 1);
export const TIMEOUT_MS = 10_000;
export const DEADLINE: Instant = T0 + TIMEOUT_MS;

/** The present by an exact clock; `between` is by one that is not. */
export const exactly = (at: Instant): Now => ({ earliest: at, latest: at });
export const between = (earliest: Instant, latest: Instant): Now => ({ earliest, latest });

export const POLICY: CallPolicy = {
  callTimeoutMs: 3_000,
  retry: { firstDelayMs: 100, maxDelayMs: 60_000, budgetMs: 1_000 },
  poll: { firstDelayMs: 500, maxDelayMs: 5_000, budgetMs: 60_000 },
  maxRetryAfterMs: 30_000,
};

/** Unanswered calls after which a branch under `POLICY` is parked: its budget is spent before. */
export const CALLS_TO_PARK = 10;

/** The pause after an unanswered call of a parked branch, without jitter. */
export const PARKED_PAUSE_MS = 1_800_000;

export const spec = (branchId: string, given: Partial<BranchSpec> = {}): BranchSpec => ({
  branchId,
  participant: 'inventory',
  activity: 'reserve',
  payload: '{}',
  bodyHash: `hash of ${branchId}`,
  policy: null,
  step: null,
  ...given,
});

export const begun = (given: Partial<Begun> = {}): Begun => ({
  type: 'begun',
  gid: 'g-1',
  pattern: 'tcc',
  mode: 'declared',
  name: null,
  businessKey: null,
  bodyHash: 'hash of the begin',
  traceparent: null,
  tracestate: null,
  timeoutMs: TIMEOUT_MS,
  policy: POLICY,
  callback: null,
  branches: given.mode === 'interactive' ? [] : [spec('stock'), spec('money')],
  now: exactly(T0),
  ...given,
});

export const replied = (branchId: string, op: Op, reply: Reply, given: Partial<Replied> = {}): Replied => ({
  type: 'replied',
  branchId,
  op,
  reply,
  result: null,
  answer: reply,
  durationMs: 10,
  retryAfterMs: null,
  chance: 0,
  now: exactly(T0),
  ...given,
});

/** The branch is completed from outside. */
export const completed = (
  branchId: string,
  op: Op,
  reply: Completed['reply'] = 'succeeded',
  given: Partial<Completed> = {},
): Completed => ({
  type: 'completed',
  branchId,
  op,
  reply,
  result: null,
  answer: 'completed',
  now: exactly(T0),
  ...given,
});

export const begin = (given: Partial<Begun> = {}): GlobalTransaction => told(null, begun(given));

/** The state after these events. @throws Error where the protocol rejects one */
export function told(tx: GlobalTransaction | null, ...events: readonly Event[]): GlobalTransaction {
  let current = tx;
  for (const event of events) {
    const verdict = transition(current, event);
    if (!verdict.accepted) throw new Error(`${event.type} was rejected: ${verdict.code}`);
    current = verdict.tx;
  }
  if (current === null) throw new Error('no state and no event');
  return current;
}

// Transactions that many tests start from.

export const confirming = (): GlobalTransaction =>
  told(begin(), replied('stock', 'try', 'succeeded'), replied('money', 'try', 'succeeded'));

export const cancelling = (): GlobalTransaction => told(begin(), replied('stock', 'try', 'refused'));

export const confirmed = (): GlobalTransaction =>
  told(confirming(), replied('stock', 'confirm', 'succeeded'), replied('money', 'confirm', 'succeeded'));

export const cancelled = (): GlobalTransaction =>
  told(cancelling(), replied('stock', 'cancel', 'succeeded'), replied('money', 'cancel', 'succeeded'));

export function branch(tx: GlobalTransaction, branchId: string) {
  const found = tx.branches.find((candidate) => candidate.branchId === branchId);
  if (!found) throw new Error(`there is no branch ${branchId}`);
  return found;
}
