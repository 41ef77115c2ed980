/**
 * What is left to do for a transaction, read off its state: the calls that are due, and when to check again.
 *
 * It knows nothing of calls in flight, so the first run, a recovery after a crash, a lost wake and an operator's
 * retry are one path. Sending what it returns is safe only from a state that is durable (I9).
 */
import {
  type Branch,
  type GlobalTransaction,
  type Instant,
  isBounded,
  type Now,
  type Op,
  policyOf,
} from './global-transaction.ts';
import { type Kind, kindOf } from './kind.ts';
import { type OpenCall, openCalls } from './open-calls.ts';

export type PendingCall = {
  /** Null for the callback. */
  readonly branchId: string | null;
  readonly op: Op;
  /** Null for the callback. */
  readonly kind: Kind | null;
  readonly participant: string;
  readonly activity: string;
  /** Null for the callback, whose body tells how the transaction ended. */
  readonly payload: string | null;
  /** What the payload may refer to: by step its result, as JSON. Null where it is sent as it is. */
  readonly results: Readonly<Record<string, string>> | null;
  /** What later steps refer to in the answer: without it the call has not succeeded. */
  readonly wanted: readonly string[];
  /** What a try or an action comes too late after. */
  readonly deadlineAt: Instant;
  /** 1 for the first. */
  readonly attempt: number;
  /** While the deadline bounds what is called, cut there. */
  readonly timeoutMs: number;
};

export type Pending = {
  readonly calls: readonly PendingCall[];
  /** When the state will have something else to do; null when it never will. */
  readonly checkAgainAt: Instant | null;
  /** What it will be looked at for: its deadline, or a call. */
  readonly checkAgainFor: WakeReason;
};

export type WakeReason = 'deadline' | 'call';

/** After the pivot nothing comes too late: each attempt is given this long to arrive. */
const FORWARD_MS = 24 * 3_600_000;

/**
 * What the deadline bounds is called only before it: later it could not lead to a confirm.
 * @param resumed branches whose participant has recovered: they are due whatever their dates; null is the callback
 */
export function pendingCalls(
  tx: GlobalTransaction,
  now: Now,
  resumed: ReadonlySet<string | null> = NONE,
): Pending {
  const isTooLate = isBounded(tx) && now.latest >= tx.deadlineAt;
  const open = isTooLate ? [] : openCalls(tx);
  const isDue = (call: OpenCall) => dueAt(call) <= now.earliest || resumed.has(call.branch?.branchId ?? null);
  const later = open.filter((call) => !isDue(call)).map(dueAt);
  const nextAt = later.length > 0 ? Math.min(...later) : null;
  const isForDeadline = isBounded(tx) && (nextAt ?? Infinity) >= tx.deadlineAt;
  return {
    calls: open.filter(isDue).map((call) => pending(tx, call, now)),
    checkAgainAt: isForDeadline ? tx.deadlineAt : nextAt,
    checkAgainFor: isForDeadline ? 'deadline' : 'call',
  };
}

const NONE: ReadonlySet<string | null> = new Set();

const dueAt = ({ call }: OpenCall): Instant => call.ongoing?.nextAt ?? call.dueAt;

function pending(tx: GlobalTransaction, open: OpenCall, now: Now): PendingCall {
  const { branch, op, call } = open;
  const { participant, activity } = open.to;
  const callTimeoutMs =
    branch === null
      ? (tx.callback?.callTimeoutMs ?? tx.policy.callTimeoutMs)
      : policyOf(tx, branch).callTimeoutMs;
  const isForward = op === 'action' && tx.decision !== null;
  return {
    branchId: branch?.branchId ?? null,
    op,
    participant,
    activity,
    kind: branch && kindOf(tx.pattern, tx.branches, branch),
    payload: branch?.payload ?? null,
    results: branch && resultsFor(tx, branch),
    wanted: branch && op === 'action' ? wantedOf(tx, branch.branchId) : [],
    attempt: call.attemptCount + (call.ongoing?.count ?? 0) + 1,
    timeoutMs: isBounded(tx) ? Math.min(callTimeoutMs, tx.deadlineAt - now.latest) : callTimeoutMs,
    deadlineAt: isForward ? now.latest + FORWARD_MS : tx.deadlineAt,
  };
}

/** The step that is referred to. */
export const stepOf = (reference: string): string => reference.split('.', 1)[0] ?? '';

function resultsFor({ branches }: GlobalTransaction, { step }: Branch): PendingCall['results'] {
  if (step === null) return null;
  const ids = new Set(step.references.map(stepOf));
  return Object.fromEntries(
    branches
      .filter(({ branchId }) => ids.has(branchId))
      .map(({ branchId, result }) => [branchId, result ?? 'null']),
  );
}

/** What later steps refer to in the result of a step. */
export const wantedOf = (tx: GlobalTransaction, branchId: string): readonly string[] => [
  ...new Set(
    tx.branches.flatMap(({ step }) => step?.references.filter((to) => stepOf(to) === branchId) ?? []),
  ),
];
