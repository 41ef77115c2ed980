/**
 * What is left to do for a transaction, read off its state: the calls that are due, and when to look again.
 *
 * It knows nothing of calls in flight, so the first run, a recovery after a crash, a lost wake and an operator's
 * retry are one path. Sending what it returns is safe only from a state that is durable (I9).
 */
import {
  type Branch,
  type Call,
  type GlobalTransaction,
  type Instant,
  isSettled,
  type Now,
  type Op,
  policyOf,
} from './global-transaction.ts';

export type PendingCall = {
  readonly branchId: string;
  readonly op: Op;
  readonly participant: string;
  readonly activity: string;
  readonly payload: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** A try's is cut at the deadline. */
  readonly timeoutMs: number;
};

export type Pending = {
  readonly calls: readonly PendingCall[];
  /** When the state will have something else to do; null when it never will. */
  readonly lookAgainAt: Instant | null;
  /** What it will be looked at for: its deadline, or a call. */
  readonly lookAgainFor: LookFor;
};

export type LookFor = 'timeout' | 'call';

/** A transaction that waits for a person is looked at this often, so that no row is ever forgotten. */
export const PARKED_LOOK_MS = 3_600_000;

export function pendingCalls(tx: GlobalTransaction, now: Now): Pending {
  switch (tx.status) {
    case 'trying':
      return pendingTries(tx, now);
    case 'confirming':
    case 'confirmed':
      return pendingPhaseTwo(tx, 'confirm', now);
    case 'cancelling':
    case 'cancelled':
      return pendingPhaseTwo(tx, 'cancel', now);
  }
}

/** Tries are the coordinator's in declared transactions only, and only while they can still lead to a confirm. */
function pendingTries(tx: GlobalTransaction, now: Now): Pending {
  const inTime = now.latest < tx.deadlineAt;
  const open = tx.mode === 'declared' && inTime ? tx.branches.filter((b) => !isSettled(b.phaseOne)) : [];
  const leftMs = tx.deadlineAt - now.latest;
  const timeoutMs = (branch: Branch) => Math.min(policyOf(tx, branch).callTimeoutMs, leftMs);
  const tries = split(open, (b) => b.phaseOne, now);
  return {
    calls: tries.due.map((branch) => callOf(branch, branch.phaseOne, 'try', timeoutMs(branch))),
    lookAgainAt: Math.min(tx.deadlineAt, tries.nextAt ?? Infinity),
    lookAgainFor: (tries.nextAt ?? Infinity) < tx.deadlineAt ? 'call' : 'timeout',
  };
}

/**
 * Confirm and cancel go to every branch: each of them may have been tried, the refused ones too, since a refusal
 * speaks for one attempt and an older one may land later (I6). Finished transactions owe a call only where a late
 * try is cancelled once more.
 */
function pendingPhaseTwo(tx: GlobalTransaction, op: 'confirm' | 'cancel', now: Now): Pending {
  const open = tx.branches.filter((branch) => branch.phaseTwo.reply !== 'succeeded');
  const running = open.filter((branch) => branch.phaseTwo.parkedAt === null);
  const calls = split(running, (branch) => branch.phaseTwo, now);
  const parkedLookAt = open.length > running.length ? now.latest + PARKED_LOOK_MS : null;
  return {
    calls: calls.due.map((branch) => callOf(branch, branch.phaseTwo, op, policyOf(tx, branch).callTimeoutMs)),
    lookAgainAt: calls.nextAt ?? parkedLookAt,
    lookAgainFor: 'call',
  };
}

/** The branches whose call is due, and the instant at which the next of the others is. */
function split(branches: readonly Branch[], phase: (branch: Branch) => Call, now: Now) {
  const dueAt = (branch: Branch) => phase(branch).ongoing?.nextAt ?? phase(branch).dueAt;
  const later = branches.map(dueAt).filter((at) => at > now.earliest);
  return {
    due: branches.filter((branch) => dueAt(branch) <= now.earliest),
    nextAt: later.length > 0 ? Math.min(...later) : null,
  };
}

function callOf(branch: Branch, call: Call, op: Op, timeoutMs: number): PendingCall {
  const { branchId, participant, activity, payload } = branch;
  const attempt = call.attemptCount + (call.ongoing?.count ?? 0) + 1;
  return { branchId, op, participant, activity, payload, attempt, timeoutMs };
}
