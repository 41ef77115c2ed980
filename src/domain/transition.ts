/**
 * The protocol: what each event makes of a transaction. The only file that changes a status.
 *
 * `transition(tx, event)` answers with the next state, or rejects with a code and changes nothing. An event that
 * tells nothing new is accepted and answers the very same object, so every call can be repeated (I3).
 *
 * - I2: a decision is taken only while trying, and never again.
 * - I8: a transaction finishes only when no call of it is open any more.
 * - I10: once the pivot is started, neither the deadline nor a cancel decides, but the pivot's answer.
 * - I13: no confirm is decided at or after the deadline, judged by the latest time it may be; but by a pivot.
 */
import {
  type Branch,
  type BranchSpec,
  type Call,
  type Callback,
  type CallPolicy,
  type Decision,
  type DecisionReason,
  freshCall,
  type GlobalTransaction,
  isAccepted,
  isBounded,
  isFinished,
  isPhaseOne,
  isSettled,
  MAX_BRANCHES,
  MAX_PAYLOAD_BYTES,
  MAX_TRANSACTION_BYTES,
  type Mode,
  type Now,
  type Op,
  type Pattern,
  policyOf,
  type Reply,
  unreachable,
} from './global-transaction.ts';
import { kindOf } from './kind.ts';
import { hasPlan, type OpenCall, openCalls, opsOf } from './open-calls.ts';
import { backOff } from './retry-policy.ts';
import { isSameJson } from './same-json.ts';

export type Begun = {
  readonly type: 'begun';
  readonly gid: string;
  readonly pattern: Pattern;
  readonly mode: Mode;
  readonly name: string | null;
  readonly businessKey: string | null;
  readonly bodyHash: string;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  readonly timeoutMs: number;
  readonly policy: CallPolicy;
  readonly callback: Callback | null;
  /** Of a saga: a plan without circles, in which the pivot has every other step before or after it. */
  readonly branches: readonly BranchSpec[];
  readonly now: Now;
};

export type BranchRegistered = {
  readonly type: 'branchRegistered';
  readonly branch: BranchSpec;
  readonly now: Now;
};

export type Replied = {
  readonly type: 'replied';
  /** Null for the callback. */
  readonly branchId: string | null;
  readonly op: Op;
  readonly reply: Reply;
  /** What was answered, as JSON, where something of it was wanted; else null. */
  readonly result: string | null;
  readonly answer: string;
  /** How long the call took. */
  readonly durationMs: number;
  readonly retryAfterMs: number | null;
  /** The call probed an open circuit: it spends no budget. */
  readonly isProbe?: true;
  /** Of its branch when the call was sent: what was sent before a late success does not undo that. Absent: as it is now. */
  readonly lateSuccessCount?: number;
  /** In [0, 1): the jitter of the next attempt. */
  readonly chance: number;
  readonly now: Now;
};

/** A branch was completed from outside: its participant says how the op ended, before it is asked. */
export type Completed = {
  readonly type: 'completed';
  readonly branchId: string;
  readonly op: Op;
  readonly reply: 'succeeded' | 'refused';
  /** What was answered, as JSON, where something of it is wanted; else null. */
  readonly result: string | null;
  /** For operators: what completed it, and why it refuses. */
  readonly answer: string;
  readonly now: Now;
};

type ConfirmRequested = {
  readonly type: 'confirmRequested';
  /** All that the initiator tried; null when it does not say. */
  readonly branchIds: readonly string[] | null;
  readonly now: Now;
};

type CancelRequested = {
  readonly type: 'cancelRequested';
  /** For operators; absent where the request has none. */
  readonly note?: string;
  readonly now: Now;
};

type RetryRequested = {
  readonly type: 'retryRequested';
  /** Only the branches of this participant; null for all. */
  readonly participant: string | null;
  readonly now: Now;
};

export type Event =
  | Begun
  | BranchRegistered
  | ConfirmRequested
  | CancelRequested
  | { readonly type: 'deadlinePassed'; readonly now: Now }
  | Replied
  | Completed
  | RetryRequested;

/** Why an event was rejected; `errors.ts` gives each its HTTP status and its words. */
export type Rejection =
  | 'unknown_transaction'
  | 'transaction_differs'
  | 'branch_differs'
  | 'no_branches'
  | 'too_many_branches'
  | 'payload_too_large'
  | 'transaction_too_large'
  | 'not_interactive'
  | 'other_branches'
  | 'decided_confirm'
  | 'decided_cancel'
  | 'pivot_in_flight'
  | 'deadline_passed'
  | 'deadline_not_reached'
  | 'unknown_branch'
  | 'op_not_open'
  | 'cannot_refuse'
  | 'completed_differently'
  | 'nothing_to_retry';

export type Verdict =
  | { readonly accepted: true; readonly tx: GlobalTransaction }
  | {
      readonly accepted: false;
      readonly code: Rejection;
      /** The transaction with the request that was rejected, to be kept; nothing else of it has changed. */
      readonly noted?: GlobalTransaction;
    };

const accepted = (tx: GlobalTransaction): Verdict => ({ accepted: true, tx });
const rejected = (code: Rejection): Verdict => ({ accepted: false, code });

/** @param tx null when there is no such transaction. */
export function transition(tx: GlobalTransaction | null, event: Event): Verdict {
  const verdict = judge(tx, event);
  return verdict.accepted && verdict.tx !== tx ? accepted(noteWaiting(verdict.tx, event.now)) : verdict;
}

function judge(tx: GlobalTransaction | null, event: Event): Verdict {
  if (event.type === 'begun') return begin(tx, event);
  if (tx === null) return rejected('unknown_transaction');
  switch (event.type) {
    case 'branchRegistered':
      return registerBranch(tx, event);
    case 'confirmRequested':
      return requestConfirm(tx, event);
    case 'cancelRequested':
      return requestCancel(tx, event);
    case 'deadlinePassed':
      return expire(tx, event.now);
    case 'replied':
      return accepted(hear(tx, event));
    case 'completed':
      return complete(tx, event);
    case 'retryRequested':
      return retry(tx, event);
    default:
      return unreachable(event);
  }
}

// ── Beginning ────────────────────────────────────────────────────────────────────────────────────────────────

function begin(tx: GlobalTransaction | null, event: Begun): Verdict {
  if (tx !== null) return tx.bodyHash === event.bodyHash ? accepted(tx) : rejected('transaction_differs');
  const { type: _type, timeoutMs, now, branches: specs, ...given } = event;
  const mayBeEmpty = event.mode === 'interactive' && !hasPlan(event.pattern);
  if (specs.length === 0 && !mayBeEmpty) return rejected('no_branches');
  const overLimit = limitBrokenBy(specs);
  if (overLimit !== null) return rejected(overLimit);
  const begun: GlobalTransaction = {
    ...given,
    beganAt: now.earliest,
    deadlineAt: now.earliest + timeoutMs,
    status: 'trying',
    decision: null,
    finishedAt: null,
    pivotStartedAt: null,
    cancelAskedAt: null,
    notification: null,
    branches: specs.map((spec) => newBranch(spec, now)),
  };
  return accepted(startPivotIfReached(begun, now));
}

/** Registration and decision change the same state, so one of the two sees the other: no branch is missed (I6). */
function registerBranch(tx: GlobalTransaction, { branch, now }: BranchRegistered): Verdict {
  const known = tx.branches.find(({ branchId }) => branchId === branch.branchId);
  if (known) return known.bodyHash === branch.bodyHash ? accepted(tx) : rejected('branch_differs');
  if (tx.mode === 'declared') return rejected('not_interactive');
  if (tx.decision !== null) return rejected(`decided_${tx.decision.decision}`);
  if (now.latest >= tx.deadlineAt) return rejected('deadline_passed');
  const overLimit = limitBrokenBy([...tx.branches, branch]);
  if (overLimit !== null) return rejected(overLimit);
  return accepted({ ...tx, branches: [...tx.branches, newBranch(branch, now)] });
}

function limitBrokenBy(specs: readonly BranchSpec[]): Rejection | null {
  const sizes = specs.map(({ payload }) => new TextEncoder().encode(payload).length);
  if (specs.length > MAX_BRANCHES) return 'too_many_branches';
  if (sizes.some((size) => size > MAX_PAYLOAD_BYTES)) return 'payload_too_large';
  return sizes.reduce((sum, size) => sum + size, 0) > MAX_TRANSACTION_BYTES ? 'transaction_too_large' : null;
}

const newBranch = (spec: BranchSpec, now: Now): Branch => ({
  ...spec,
  phaseOne: freshCall(now.earliest),
  phaseTwo: freshCall(now.earliest),
  waitingSince: null,
  lateSuccessCount: 0,
  result: null,
});

// ── Deciding ─────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What was not tried must not be confirmed: an initiator that says what it tried is rejected when another branch stands,
 * as one does that a second run of the same initiator has registered meanwhile.
 */
function requestConfirm(tx: GlobalTransaction, { branchIds, now }: ConfirmRequested): Verdict {
  if (tx.decision !== null)
    return tx.decision.decision === 'confirm' ? accepted(tx) : rejected('decided_cancel');
  if (tx.mode === 'declared') return rejected('not_interactive');
  if (now.latest >= tx.deadlineAt) return rejected('deadline_passed');
  if (branchIds !== null && !areThose(tx.branches, branchIds)) return rejected('other_branches');
  return accepted(decide(tx, 'confirm', 'confirm_requested', now));
}

const areThose = (branches: readonly Branch[], branchIds: readonly string[]): boolean =>
  new Set(branchIds).size === branches.length &&
  branches.every(({ branchId }) => branchIds.includes(branchId));

function requestCancel(tx: GlobalTransaction, { note, now }: CancelRequested): Verdict {
  if (tx.decision !== null)
    return tx.decision.decision === 'cancel' ? accepted(tx) : rejected('decided_confirm');
  if (isBounded(tx))
    return accepted(decide(tx, 'cancel', 'cancel_requested', now, note !== undefined ? { note } : {}));
  const noted = { ...tx, cancelAskedAt: tx.cancelAskedAt ?? now.latest };
  return { accepted: false, code: 'pivot_in_flight', ...(tx.cancelAskedAt === null && { noted }) };
}

function expire(tx: GlobalTransaction, now: Now): Verdict {
  if (!isBounded(tx)) return accepted(tx);
  if (now.earliest < tx.deadlineAt) return rejected('deadline_not_reached');
  return accepted(decide(tx, 'cancel', 'deadline_passed', now));
}

function decide(
  tx: GlobalTransaction,
  decision: Decision,
  reason: DecisionReason,
  now: Now,
  more: { readonly branchId?: string; readonly note?: string } = {},
): GlobalTransaction {
  const status = decision === 'confirm' ? 'confirming' : 'cancelling';
  const taken = { decision, reason, at: now.latest, branchId: null, ...more };
  return finishIfDone({ ...tx, status, decision: taken }, now);
}

function finishIfDone(tx: GlobalTransaction, now: Now): GlobalTransaction {
  if (isFinished(tx) || openCalls(tx).length > 0) return tx;
  const status = tx.status === 'confirming' ? 'confirmed' : 'cancelled';
  const notification = tx.callback && freshCall(now.earliest);
  return { ...tx, status, finishedAt: now.latest, notification };
}

/** All before it have succeeded, in time: whoever saves this may send it, and from then on it decides alone (I10). */
function startPivotIfReached(tx: GlobalTransaction, now: Now): GlobalTransaction {
  const pivot = tx.branches.find(({ step }) => step?.isPivot);
  const isReached = pivot?.step?.dependsOn.every((id) => branchOf(tx, id).phaseOne.reply === 'succeeded');
  return isReached && now.latest < tx.deadlineAt ? { ...tx, pivotStartedAt: now.latest } : tx;
}

/**
 * A wait begins when the call is opened, and ends when it is open no more: however often it is made between. One that is
 * accepted waits for the business.
 */
function noteWaiting(tx: GlobalTransaction, now: Now): GlobalTransaction {
  if (isBounded(tx)) return tx;
  const open = openCalls(tx).filter(({ call }) => !isAccepted(call));
  const sinceOf = (branch: Branch) =>
    open.some((call) => call.branch === branch) ? (branch.waitingSince ?? now.latest) : null;
  if (tx.branches.every((branch) => sinceOf(branch) === branch.waitingSince)) return tx;
  return { ...tx, branches: tx.branches.map((branch) => ({ ...branch, waitingSince: sinceOf(branch) })) };
}

// ── Hearing replies ──────────────────────────────────────────────────────────────────────────────────────────

function hear(tx: GlobalTransaction, event: Replied): GlobalTransaction {
  switch (event.op) {
    case 'try':
      return hearTry(tx, event);
    case 'action':
      return hearAction(tx, event);
    case 'notify':
      return hearNotify(tx, event);
    default:
      return hearPhaseTwo(tx, event, event.op);
  }
}

function hearTry(tx: GlobalTransaction, event: Replied): GlobalTransaction {
  const branch = branchOf(tx, event.branchId);
  if (tx.decision !== null) return applyLateSuccess(tx, branch, event);
  if (isSettled(branch.phaseOne)) return tx;
  const next = withBranch(tx, { ...branch, phaseOne: heard(tx, branch.phaseOne, branch, event) });
  if (event.reply === 'refused')
    return decide(next, 'cancel', 'try_refused', event.now, { branchId: branch.branchId });
  if (next.branches.some(({ phaseOne }) => phaseOne.reply !== 'succeeded')) return next;
  // Too late to confirm: nothing is decided here, the deadline will (I13).
  if (event.now.latest >= next.deadlineAt) return next;
  return decide(next, 'confirm', 'all_tries_succeeded', event.now);
}

/** A try that ends after the decision changes no plan; where its cancel may have come too early, cancel again. */
function applyLateSuccess(tx: GlobalTransaction, branch: Branch, event: Replied): GlobalTransaction {
  if (event.reply !== 'succeeded' || branch.phaseOne.reply === 'succeeded') return tx;
  const heardBranch = { ...branch, phaseOne: heard(tx, branch.phaseOne, branch, event) };
  const isUndone = tx.decision?.decision === 'cancel' && branch.phaseTwo.reply === 'succeeded';
  return withBranch(tx, isUndone ? undoneOnceMore(heardBranch, event.now) : heardBranch);
}

const undoneOnceMore = (branch: Branch, now: Now): Branch => ({
  ...branch,
  phaseTwo: freshCall(now.earliest),
  lateSuccessCount: branch.lateSuccessCount + 1,
});

function hearAction(tx: GlobalTransaction, event: Replied): GlobalTransaction {
  const { now, result } = event;
  const branch = branchOf(tx, event.branchId);
  if (tx.decision?.decision === 'cancel') return hearLateAction(tx, branch, event);
  const phaseOne = heard(tx, branch.phaseOne, branch, event);
  if (isSettled(branch.phaseOne) || phaseOne === branch.phaseOne) return tx;
  const next = withBranch(tx, { ...branch, phaseOne, result });
  if (tx.decision !== null) return finishIfDone(next, now);
  if (phaseOne.reply === 'refused')
    return decide(next, 'cancel', 'action_refused', now, { branchId: branch.branchId });
  if (phaseOne.reply !== 'succeeded') return next;
  if (branch.step?.isPivot) return decide(next, 'confirm', 'pivot_succeeded', now);
  // Too late to go on: nothing is decided here, the deadline will (I13).
  if (now.latest >= next.deadlineAt) return next;
  const isLast = next.branches.every((each) => each.phaseOne.reply === 'succeeded');
  return isLast ? decide(next, 'confirm', 'all_actions_succeeded', now) : startPivotIfReached(next, now);
}

/**
 * The plan of a cancel is read off the actions that had succeeded before it. So, unlike a late try, which only completes the
 * record, a late action is never added to them (I10).
 */
function hearLateAction(tx: GlobalTransaction, branch: Branch, { reply, now }: Replied): GlobalTransaction {
  const isUndone = branch.phaseTwo.reply === 'succeeded' && branch.phaseOne.reply !== 'succeeded';
  return reply === 'succeeded' && isUndone ? withBranch(tx, undoneOnceMore(branch, now)) : tx;
}

const DECISION_BEFORE = { confirm: 'confirm', cancel: 'cancel', compensate: 'cancel' } as const;

function hearPhaseTwo(
  tx: GlobalTransaction,
  event: Replied,
  op: keyof typeof DECISION_BEFORE,
): GlobalTransaction {
  const branch = branchOf(tx, event.branchId);
  if (tx.decision?.decision !== DECISION_BEFORE[op])
    throw new Error(`${op} was called without its decision (I9)`);
  if (branch.phaseTwo.reply === 'succeeded') return tx;
  if ((event.lateSuccessCount ?? branch.lateSuccessCount) < branch.lateSuccessCount) return tx;
  const phaseTwo = heard(tx, branch.phaseTwo, branch, event);
  if (phaseTwo === branch.phaseTwo) return tx;
  return finishIfDone(withBranch(tx, { ...branch, phaseTwo }), event.now);
}

/** Never parked: it is repeated until it is delivered. */
function hearNotify(tx: GlobalTransaction, event: Replied): GlobalTransaction {
  if (tx.notification === null || tx.notification.reply === 'succeeded') return tx;
  return { ...tx, notification: heard(tx, tx.notification, null, event) };
}

/** Refusals count until the decision; afterwards there is no business reason to refuse, and it is asked again. */
function heard(tx: GlobalTransaction, call: Call, branch: Branch | null, event: Replied): Call {
  const { answer, now } = event;
  const reply = tx.decision !== null && event.reply === 'refused' ? 'unknown' : event.reply;
  if (reply === 'succeeded' || reply === 'refused')
    return { ...freshCall(call.dueAt), reply, attemptCount: call.attemptCount + 1, answer };
  const policy = branch === null ? tx.policy : policyOf(tx, branch);
  const bound = branch === null ? 'nothing' : isBounded(tx) ? 'deadline' : 'parking';
  return backOff(call, policy, { ...event, reply, at: now.latest }, bound);
}

// ── Completion from outside ──────────────────────────────────────────────────────────────────────────────────

/**
 * Counts as the reply of a call that is open: it may have been sent, and its participant has recorded the outcome. Whatever a call
 * under way replies later finds it settled.
 */
function complete(tx: GlobalTransaction, event: Completed): Verdict {
  const { branchId, op, reply, result } = event;
  const branch = tx.branches.find((candidate) => candidate.branchId === branchId);
  if (!branch) return rejected('unknown_branch');
  const isOpen = openCalls(tx).some((open) => open.branch === branch && open.op === op);
  if (reply === 'refused' && !(isPhaseOne(op) && kindOf(tx.pattern, tx.branches, branch) !== 'final'))
    return rejected('cannot_refuse');
  // It may speak for the cancel before the late success, so only a reply to a call ends the one that came of that.
  if (isOpen && !isPhaseOne(op) && branch.lateSuccessCount > 0) return accepted(tx);
  if (isOpen)
    return accepted(hear(tx, { ...event, type: 'replied', durationMs: 0, retryAfterMs: null, chance: 0 }));
  const known = settledBy(tx, branch, op);
  if (known === null) return rejected('op_not_open');
  const isSame =
    known === reply && (op !== 'action' || reply === 'refused' || isSameJson(branch.result, result));
  return isSame ? accepted(tx) : rejected('completed_differently');
}

/** How the op of a branch was settled; null where it was not, or where this branch has no such op. */
function settledBy(tx: GlobalTransaction, branch: Branch, op: Op): 'succeeded' | 'refused' | null {
  const { one, two } = opsOf(tx.pattern, tx.decision?.decision ?? null);
  if (op !== one && op !== two) return null;
  const { reply } = op === one ? branch.phaseOne : branch.phaseTwo;
  return reply === 'unknown' ? null : reply;
}

// ── An operator's retry ─────────────────────────────────────────────────────────────────────────────────────────

/** Makes every waiting and parked call due now, with a new budget. */
function retry(tx: GlobalTransaction, { participant, now }: RetryRequested): Verdict {
  const isOver = isBounded(tx) && now.latest >= tx.deadlineAt;
  const isMeant = ({ to }: OpenCall) => participant === null || participant === to.participant;
  const open = isOver ? [] : openCalls(tx).filter(isMeant);
  return open.length === 0 ? rejected('nothing_to_retry') : accepted(open.reduce(retried, tx));

  function retried(before: GlobalTransaction, { branch, op, call }: OpenCall): GlobalTransaction {
    const { reply, answer, durationMs } = call;
    const again = { ...freshCall(now.earliest), reply, answer, durationMs };
    if (branch === null) return { ...before, notification: again };
    return withBranch(before, { ...branch, ...(isPhaseOne(op) ? { phaseOne: again } : { phaseTwo: again }) });
  }
}

// ── Pieces ───────────────────────────────────────────────────────────────────────────────────────────────────

function branchOf(tx: GlobalTransaction, branchId: string | null): Branch {
  const branch = tx.branches.find((candidate) => candidate.branchId === branchId);
  if (!branch) throw new Error(`a reply came for branch ${branchId}, which was never registered`);
  return branch;
}

const withBranch = (tx: GlobalTransaction, changed: Branch): GlobalTransaction => ({
  ...tx,
  branches: tx.branches.map((branch) => (branch.branchId === changed.branchId ? changed : branch)),
});
