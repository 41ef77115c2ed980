/** A transaction and its branches as rows, and what they amount to in the domain's words. */
import { isReadVersion, NEWEST_READ_VERSION, readCall, readPolicy } from '../../application/journal.ts';
import { type Branch, type Call, type GlobalTransaction, withUsualWaits } from '../../domain/index.ts';
import type { BranchRow, CallRow, TransactionRow } from './entities.ts';

/** A replica that does not know how a row was meant neither calls for it nor saves over it. */
export function refuseUnknownVersion({ gid, version }: { gid: string; version: number }): void {
  if (isReadVersion(version)) return;
  throw new Error(
    `transaction ${gid} was written in version ${version} of the journal; this coordinator reads up to ${NEWEST_READ_VERSION}`,
  );
}

export function transactionOf(row: TransactionRow): GlobalTransaction {
  const { decision, decisionReason: reason, decidedAt: at, decidedByBranchId: branchId, decisionNote } = row;
  const note = decisionNote === null ? {} : { note: decisionNote };
  return withUsualWaits({
    gid: row.gid,
    pattern: row.pattern,
    mode: row.mode,
    name: row.name,
    businessKey: row.businessKey,
    bodyHash: row.bodyHash,
    traceparent: row.traceparent,
    tracestate: row.tracestate,
    policy: readPolicy(row.policy),
    beganAt: row.beganAt,
    deadlineAt: row.deadlineAt,
    status: row.status,
    decision: decision && reason && at !== null ? { decision, reason, at, branchId, ...note } : null,
    finishedAt: row.finishedAt,
    pivotStartedAt: row.pivotStartedAt,
    cancelAskedAt: row.cancelAskedAt,
    callback: row.callback,
    notification: row.notification && readCall(row.notification),
    branches: row.branches.map(branchOf),
  });
}

const branchOf = (row: BranchRow): Branch => ({
  branchId: row.branchId,
  participant: row.participant,
  activity: row.activity,
  payload: row.payload,
  bodyHash: row.bodyHash,
  policy: row.policy,
  phaseOne: callOf(row.phaseOne),
  phaseTwo: callOf(row.phaseTwo),
  waitingSince: row.waitingSince,
  lateSuccessCount: row.lateSuccessCount,
  step: row.step,
  result: row.result,
});

const callOf = (row: CallRow): Call => ({
  reply: row.reply,
  attemptCount: row.attemptCount,
  spentMs: row.spentMs ?? 0,
  dueAt: row.dueAt,
  parkedAt: row.parkedAt,
  acceptedAt: row.acceptedAt,
  answer: row.answer,
  durationMs: row.durationMs,
  ongoing: null,
});
