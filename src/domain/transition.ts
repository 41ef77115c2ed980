/**
 * The protocol: what each event makes of a transaction. The only file that changes a status.
 *
 * `transition(tx, event)` answers with the next state, or refuses with a code and changes nothing. An event that
 * tells nothing new is accepted and answers the very same object, so every call can be repeated (I3).
 *
 * - I2: a decision is taken only while trying, and never again.
 * - I8: a transaction finishes only when every branch answered its phase two with success.
 * - I13: no confirm is decided at or after the deadline, judged by the latest time it may be.
 */
import {
  type Branch,
  type BranchSpec,
  type Call,
  type CallPolicy,
  type Decision,
  type DecisionReason,
  freshCall,
  type GlobalTransaction,
  isFinished,
  isSettled,
  MAX_BRANCHES,
  MAX_PAYLOAD_BYTES,
  MAX_TRANSACTION_BYTES,
  type Mode,
  type Now,
  type Op,
  policyOf,
  type Reply,
  unreachable,
} from './global-transaction.ts';
import { backOff } from './retry-policy.ts';

export type Begun = {
  readonly type: 'begun';
  readonly gid: string;
  readonly mode: Mode;
  readonly name: string | null;
  readonly businessKey: string | null;
  readonly bodyHash: string;
  readonly traceparent: string | null;
  readonly timeoutMs: number;
  readonly policy: CallPolicy;
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
  readonly branchId: string;
  readonly op: Op;
  readonly reply: Reply;
  readonly answer: string;
  /** How long the call took. */
  readonly durationMs: number;
  readonly retryAfterMs: number | null;
  /** In [0, 1): the jitter of the next attempt. */
  readonly chance: number;
  readonly now: Now;
};

type ConfirmRequested = {
  readonly type: 'confirmRequested';
  /** All that the initiator tried; null when it does not say. */
  readonly branchIds: readonly string[] | null;
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
  | { readonly type: 'cancelRequested'; readonly now: Now }
  | { readonly type: 'deadlinePassed'; readonly now: Now }
  | Replied
  | RetryRequested;

/** Why an event was refused; `errors.ts` gives each its HTTP status and its words. */
export type Refusal =
  | 'unknown_transaction'
  | 'transaction_differs'
  | 'branch_differs'
  | 'duplicate_branch'
  | 'no_branches'
  | 'too_many_branches'
  | 'payload_too_large'
  | 'transaction_too_large'
  | 'not_interactive'
  | 'other_branches'
  | 'decided_confirm'
  | 'decided_cancel'
  | 'deadline_passed'
  | 'deadline_not_reached'
  | 'nothing_to_retry';

export type Verdict =
  | { readonly accepted: true; readonly tx: GlobalTransaction }
  | { readonly accepted: false; readonly code: Refusal };

const accepted = (tx: GlobalTransaction): Verdict => ({ accepted: true, tx });
const refused = (code: Refusal): Verdict => ({ accepted: false, code });

/** @param tx null when there is no such transaction. */
export function transition(tx: GlobalTransaction | null, event: Event): Verdict {
  if (event.type === 'begun') return begin(tx, event);
  if (tx === null) return refused('unknown_transaction');
  switch (event.type) {
    case 'branchRegistered':
      return registerBranch(tx, event);
    case 'confirmRequested':
      return requestConfirm(tx, event);
    case 'cancelRequested':
      return requestCancel(tx, event.now);
    case 'deadlinePassed':
      return expire(tx, event.now);
    case 'replied':
      return accepted(event.op === 'try' ? hearTry(tx, event) : hearPhaseTwo(tx, event));
    case 'retryRequested':
      return retry(tx, event);
    default:
      return unreachable(event);
  }
}

// ── Beginning ────────────────────────────────────────────────────────────────────────────────────────────────

function begin(tx: GlobalTransaction | null, event: Begun): Verdict {
  if (tx !== null) return tx.bodyHash === event.bodyHash ? accepted(tx) : refused('transaction_differs');
  const { type: _type, timeoutMs, now, branches: specs, ...given } = event;
  if (event.mode === 'declared' && specs.length === 0) return refused('no_branches');
  if (new Set(specs.map((spec) => spec.branchId)).size < specs.length) return refused('duplicate_branch');
  const overLimit = limitBrokenBy(specs);
  if (overLimit !== null) return refused(overLimit);
  return accepted({
    ...given,
    pattern: 'tcc',
    beganAt: now.earliest,
    deadlineAt: now.earliest + timeoutMs,
    status: 'trying',
    decision: null,
    finishedAt: null,
    branches: specs.map((spec) => newBranch(spec, now)),
  });
}

/** Registration and decision change the same state, so one of the two sees the other: no branch is missed (I6). */
function registerBranch(tx: GlobalTransaction, { branch, now }: BranchRegistered): Verdict {
  const known = tx.branches.find(({ branchId }) => branchId === branch.branchId);
  if (known) return known.bodyHash === branch.bodyHash ? accepted(tx) : refused('branch_differs');
  if (tx.mode === 'declared') return refused('not_interactive');
  if (tx.decision !== null) return refused(`decided_${tx.decision.decision}`);
  if (now.latest >= tx.deadlineAt) return refused('deadline_passed');
  const overLimit = limitBrokenBy([...tx.branches, branch]);
  if (overLimit !== null) return refused(overLimit);
  return accepted({ ...tx, branches: [...tx.branches, newBranch(branch, now)] });
}

function limitBrokenBy(specs: readonly BranchSpec[]): Refusal | null {
  const sizes = specs.map(({ payload }) => utf8Length(payload));
  if (specs.length > MAX_BRANCHES) return 'too_many_branches';
  if (sizes.some((size) => size > MAX_PAYLOAD_BYTES)) return 'payload_too_large';
  return sizes.reduce((sum, size) => sum + size, 0) > MAX_TRANSACTION_BYTES ? 'transaction_too_large' : null;
}

const newBranch = (spec: BranchSpec, now: Now): Branch => ({
  ...spec,
  phaseOne: freshCall(now.earliest),
  phaseTwo: freshCall(now.earliest),
  lateTryCount: 0,
});

// ── Deciding ─────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What was not tried must not be confirmed: an initiator that says what it tried is refused when another branch stands,
 * as one does that a second run of the same initiator has registered meanwhile.
 */
function requestConfirm(tx: GlobalTransaction, { branchIds, now }: ConfirmRequested): Verdict {
  if (tx.decision !== null)
    return tx.decision.decision === 'confirm' ? accepted(tx) : refused('decided_cancel');
  if (tx.mode === 'declared') return refused('not_interactive');
  if (now.latest >= tx.deadlineAt) return refused('deadline_passed');
  if (branchIds !== null && !areThose(tx.branches, branchIds)) return refused('other_branches');
  return accepted(decide(tx, 'confirm', 'confirm_requested', now));
}

const areThose = (branches: readonly Branch[], branchIds: readonly string[]): boolean =>
  new Set(branchIds).size === branches.length &&
  branches.every(({ branchId }) => branchIds.includes(branchId));

function requestCancel(tx: GlobalTransaction, now: Now): Verdict {
  if (tx.decision !== null)
    return tx.decision.decision === 'cancel' ? accepted(tx) : refused('decided_confirm');
  return accepted(decide(tx, 'cancel', 'cancel_requested', now));
}

function expire(tx: GlobalTransaction, now: Now): Verdict {
  if (tx.decision !== null) return accepted(tx);
  if (now.earliest < tx.deadlineAt) return refused('deadline_not_reached');
  return accepted(decide(tx, 'cancel', 'deadline_passed', now));
}

function decide(
  tx: GlobalTransaction,
  decision: Decision,
  reason: DecisionReason,
  now: Now,
  branchId: string | null = null,
): GlobalTransaction {
  const status = decision === 'confirm' ? 'confirming' : 'cancelling';
  return finishIfDone({ ...tx, status, decision: { decision, reason, at: now.latest, branchId } }, now);
}

function finishIfDone(tx: GlobalTransaction, now: Now): GlobalTransaction {
  if (isFinished(tx) || tx.branches.some((branch) => branch.phaseTwo.reply !== 'succeeded')) return tx;
  const status = tx.status === 'confirming' ? 'confirmed' : 'cancelled';
  return { ...tx, status, finishedAt: now.latest };
}

// ── Hearing replies ──────────────────────────────────────────────────────────────────────────────────────────

function hearTry(tx: GlobalTransaction, event: Replied): GlobalTransaction {
  const branch = branchOf(tx, event);
  if (tx.decision !== null) return hearLateTry(tx, branch, event);
  if (isSettled(branch.phaseOne)) return tx;
  const next = withBranch(tx, { ...branch, phaseOne: heard(tx, branch, event) });
  if (event.reply === 'failed') return decide(next, 'cancel', 'try_refused', event.now, branch.branchId);
  if (next.branches.some(({ phaseOne }) => phaseOne.reply !== 'succeeded')) return next;
  // Too late to confirm: nothing is decided here, the deadline will (I13).
  if (event.now.latest >= next.deadlineAt) return next;
  return decide(next, 'confirm', 'all_tries_succeeded', event.now);
}

/** A try that ends after the decision changes no plan; where its cancel may have come too early, cancel again. */
function hearLateTry(tx: GlobalTransaction, branch: Branch, event: Replied): GlobalTransaction {
  if (event.reply !== 'succeeded' || branch.phaseOne.reply === 'succeeded') return tx;
  const phaseOne = heard(tx, branch, event);
  if (tx.decision?.decision !== 'cancel' || branch.phaseTwo.reply !== 'succeeded')
    return withBranch(tx, { ...branch, phaseOne });
  const phaseTwo = freshCall(event.now.earliest);
  return withBranch(tx, { ...branch, phaseOne, phaseTwo, lateTryCount: branch.lateTryCount + 1 });
}

function hearPhaseTwo(tx: GlobalTransaction, event: Replied): GlobalTransaction {
  const branch = branchOf(tx, event);
  if (tx.decision?.decision !== event.op) throw new Error(`${event.op} was called without its decision (I9)`);
  if (branch.phaseTwo.reply === 'succeeded') return tx;
  const phaseTwo = heard(tx, branch, event);
  if (phaseTwo === branch.phaseTwo) return tx;
  return finishIfDone(withBranch(tx, { ...branch, phaseTwo }), event.now);
}

/** A refusal is an answer to a try only; phase two has no business reason to refuse, so it is asked again. */
function heard(tx: GlobalTransaction, branch: Branch, event: Replied): Call {
  const { answer, now } = event;
  const isPhaseTwo = event.op !== 'try';
  const call = isPhaseTwo ? branch.phaseTwo : branch.phaseOne;
  const reply = isPhaseTwo && event.reply === 'failed' ? 'unknown' : event.reply;
  if (reply === 'succeeded' || reply === 'failed')
    return { ...freshCall(call.dueAt), reply, attemptCount: call.attemptCount + 1, answer };
  if (call.parkedAt !== null) return call;
  return backOff(call, policyOf(tx, branch), { ...event, reply, at: now.latest }, isPhaseTwo);
}

// ── A person's retry ─────────────────────────────────────────────────────────────────────────────────────────

/** Makes every waiting and parked call due now, with a new budget. */
function retry(tx: GlobalTransaction, { participant, now }: RetryRequested): Verdict {
  const isPhaseOne = tx.decision === null;
  const mayCall = isPhaseOne ? tx.mode === 'declared' && now.latest < tx.deadlineAt : true;
  const isOpen = ({ phaseOne, phaseTwo, participant: name }: Branch) =>
    (participant ?? name) === name && (isPhaseOne ? !isSettled(phaseOne) : phaseTwo.reply !== 'succeeded');
  if (!mayCall || !tx.branches.some(isOpen)) return refused('nothing_to_retry');
  const again = ({ reply, answer, durationMs }: Call): Call => ({
    ...freshCall(now.earliest),
    ...{ reply, answer, durationMs },
  });
  const branches = tx.branches.map((branch) => {
    if (!isOpen(branch)) return branch;
    return isPhaseOne
      ? { ...branch, phaseOne: again(branch.phaseOne) }
      : { ...branch, phaseTwo: again(branch.phaseTwo) };
  });
  return accepted({ ...tx, branches });
}

// ── Pieces ───────────────────────────────────────────────────────────────────────────────────────────────────

function branchOf(tx: GlobalTransaction, { branchId }: Replied): Branch {
  const branch = tx.branches.find((candidate) => candidate.branchId === branchId);
  if (!branch) throw new Error(`a reply came for branch ${branchId}, which was never registered`);
  return branch;
}

const withBranch = (tx: GlobalTransaction, changed: Branch): GlobalTransaction => ({
  ...tx,
  branches: tx.branches.map((branch) => (branch.branchId === changed.branchId ? changed : branch)),
});

/** Bytes of a text in UTF-8, counted without an encoder: the domain has no other code to call. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
