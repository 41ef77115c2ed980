/** A transaction as answers show it. Reads fields and never asks for a status: what they mean is the domain's. */
import type * as wire from '@tercet/sdk/wire';
import {
  type Branch,
  type Call,
  type DecisionTaken,
  type GlobalTransaction,
  type Instant,
  isParked,
  isSettled,
  traceIdOf,
} from '../domain/index.ts';

/** Says in one sentence what a transaction waits for. */
export type Explain = (tx: GlobalTransaction) => string;

export function transactionView(tx: GlobalTransaction, explain: Explain): wire.TransactionView {
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
    isParked: isParked(tx),
    traceId: traceIdOf(tx),
    explanation: explain(tx),
    branches: tx.branches.map((branch) => branchView(branch, tx)),
  };
}

function branchView(branch: Branch, tx: GlobalTransaction): wire.BranchView {
  const { branchId, participant, activity, lateTryCount, phaseOne, phaseTwo } = branch;
  const decision = tx.decision?.decision;
  return {
    branchId,
    participant,
    activity,
    try: tx.mode === 'declared' ? callView(phaseOne, decision === undefined) : null,
    confirm: decision === 'confirm' ? callView(phaseTwo, true) : null,
    cancel: decision === 'cancel' ? callView(phaseTwo, true) : null,
    lateTryCount,
  };
}

/**
 * @param isUnderWay false when the phase is over, and no further call of it is made. Polling after `ongoing` is
 * progress of one replica and not shown: another replica would show something else.
 */
export function callView(call: Call, isUnderWay: boolean): wire.CallView {
  const isPlanned = isUnderWay && !isSettled(call) && call.parkedAt === null;
  return {
    reply: call.reply,
    attemptCount: call.attemptCount,
    nextAttemptAt: isPlanned ? iso(call.dueAt) : null,
    parkedAt: isoOrNull(call.parkedAt),
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
  };

export const iso = (at: Instant): string => new Date(at).toISOString();
export const isoOrNull = (at: Instant | null): string | null => (at === null ? null : iso(at));
