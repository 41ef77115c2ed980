/** A transaction as answers show it. Reads fields and never asks for a status: what they mean is the domain's. */
import type * as wire from '../wire/index.ts';
import {
  type Branch,
  type Call,
  callsOf,
  type DecisionTaken,
  type GlobalTransaction,
  type Instant,
  isParked,
  isSettled,
  type Op,
  type OpenCall,
  openCalls,
  type Step,
  traceIdOf,
  waitingSince,
} from '../domain/index.ts';

/** What an answer shows in addition to the state: how it is to be taken now, and the link to its trace. */
export type Annotate = (tx: GlobalTransaction) => {
  readonly needsAttention: boolean;
  readonly explanation: string;
  readonly traceUrl: string | null;
};

/** @param template with `{traceId}` in it; empty for no links */
export const traceUrlOf = (template: string, tx: GlobalTransaction): string | null => {
  const traceId = traceIdOf(tx);
  return template === '' || traceId === null ? null : template.replaceAll('{traceId}', traceId);
};

export function transactionView(tx: GlobalTransaction, annotate: Annotate): wire.TransactionView {
  const open = openCalls(tx);
  return {
    gid: tx.gid,
    pattern: tx.pattern,
    mode: tx.mode,
    name: tx.name,
    businessKey: tx.businessKey,
    status: tx.status,
    decision: decisionView(tx.decision),
    beganAt: iso(tx.beganAt),
    deadlineAt: iso(tx.deadlineAt),
    finishedAt: isoOrNull(tx.finishedAt),
    pivotStartedAt: isoOrNull(tx.pivotStartedAt),
    cancelAskedAt: isoOrNull(tx.cancelAskedAt),
    callback: callbackView(tx),
    isParked: isParked(tx),
    waitingSince: isoOrNull(waitingSince(tx)),
    traceId: traceIdOf(tx),
    ...annotate(tx),
    branches: tx.branches.map((branch) => branchView(branch, tx, open)),
  };
}

type Notified = Pick<GlobalTransaction, 'callback' | 'notification'>;
type CallViews = Partial<Record<Op, wire.CallView>>;

function branchView(branch: Branch, tx: GlobalTransaction, open: readonly OpenCall[]): wire.BranchView {
  const { branchId, participant, activity, step, waitingSince, lateSuccessCount } = branch;
  const isOpen = ({ op }: OpenCall) => open.some((call) => call.op === op && call.branch === branch);
  const views: CallViews = Object.fromEntries(
    callsOf(tx, branch).map((call) => [call.op, callView(call.call, isOpen(call))]),
  );
  return {
    branchId,
    participant,
    activity,
    step: stepView(step),
    try: views.try ?? null,
    confirm: views.confirm ?? null,
    cancel: views.cancel ?? null,
    action: views.action ?? null,
    compensate: views.compensate ?? null,
    waitingSince: isoOrNull(waitingSince),
    lateSuccessCount,
  };
}

export const stepView = (step: Step | null): wire.StepPlace | null =>
  step && { dependsOn: [...step.dependsOn], isPivot: step.isPivot, isCompensated: step.isCompensated };

export const callbackView = ({ callback, notification }: Notified): wire.CallbackView | null =>
  callback && {
    participant: callback.participant,
    activity: callback.activity,
    notify: notification && callView(notification, true),
  };

/**
 * @param isUnderWay false when no call of it is made now: it is not yet reached, or over. Polling after `ongoing` is
 * progress of one replica and not shown: another replica would show something else.
 */
export function callView(call: Call, isUnderWay: boolean): wire.CallView {
  const isPolled = call.acceptedAt !== null && call.reply === null;
  const isPlanned = isUnderWay && !isSettled(call) && !isPolled;
  return {
    reply: call.reply,
    attemptCount: call.attemptCount,
    nextAttemptAt: isPlanned ? iso(call.dueAt) : null,
    parkedAt: isoOrNull(call.parkedAt),
    acceptedAt: isoOrNull(call.acceptedAt),
    answer: call.answer,
    durationMs: call.durationMs,
  };
}

export const decisionView = (taken: DecisionTaken | null): wire.DecisionView | null =>
  taken && {
    decision: taken.decision,
    reason: taken.reason,
    decidedAt: iso(taken.at),
    branchId: taken.branchId,
    note: taken.note ?? null,
  };

export const iso = (at: Instant): string => new Date(at).toISOString();
export const isoOrNull = (at: Instant | null): string | null => (at === null ? null : iso(at));
