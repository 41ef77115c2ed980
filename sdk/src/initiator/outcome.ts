/**
 * From a verdict to what the initiator receives: an outcome where it is confirmed, and else the error that says
 * what is certain.
 */
import type { TransactionView } from '../../../src/wire/index.ts';
import type { Ending, Verdict } from './decide.ts';
import {
  type ActionRefused,
  asSentence,
  OutcomeUnknown,
  TransactionCancelled,
  TransactionDiverged,
  TransactionTimedOut,
  type TryRefused,
} from './errors.ts';

/** Why a transaction is cancelled, as far as its initiator knows. */
export type CancelCause = {
  readonly reason: string;
  readonly refusal: TryRefused | ActionRefused | null;
  readonly isTimedOut: boolean;
  /** The function threw what is no error of ours; it stands as `cause`. */
  readonly isFunctionAtFault?: boolean;
  readonly cause?: unknown;
};

export type Confirmed = {
  readonly gid: string;
  readonly status: 'confirmed' | 'confirming';
  readonly explanation: string;
};

/**
 * @param why null where the initiator knows no reason of its own
 * @throws TransactionDiverged when a branch is parked
 * @throws TransactionCancelled, TransactionTimedOut
 */
export function confirmedOrThrow(gid: string, ending: Ending, why: CancelCause | null): Confirmed {
  const { decision, status, explanation, isParked } = ending;
  const cancelled = decision === 'cancel' ? cancellation(gid, ending, why) : undefined;
  if (isParked) throw new TransactionDiverged({ gid, decision, status, explanation, cause: cancelled });
  if (cancelled) throw cancelled;
  return { gid, status: status === 'confirmed' ? 'confirmed' : 'confirming', explanation };
}

function cancellation(gid: string, ending: Ending, why: CancelCause | null): TransactionCancelled {
  const isTimedOut = ending.isTimedOut || why?.isTimedOut === true;
  const cancelled = {
    gid,
    status: ending.status,
    reason: why?.reason ?? (isTimedOut ? 'its deadline passed before it was decided' : ending.explanation),
    refusal: why?.refusal ?? null,
    isFunctionAtFault: why?.isFunctionAtFault === true,
    cause: why?.cause,
  };
  return isTimedOut ? new TransactionTimedOut(cancelled) : new TransactionCancelled(cancelled);
}

export type Undecided = {
  readonly gid: string;
  readonly deadlineAt: Date;
  readonly idempotencyKey: string;
  readonly find: (gid: string) => Promise<TransactionView | null>;
};

/** @throws OutcomeUnknown when no decision was acknowledged */
export function knownOrThrow(verdict: Verdict, why: CancelCause | null, tx: Undecided): Ending {
  if (verdict.decision !== null) return verdict;
  const { gid, deadlineAt, idempotencyKey, find } = tx;
  const { failure } = verdict;
  const summary =
    why === null
      ? `Whether transaction ${gid} is confirmed is not known: the coordinator did not acknowledge it ` +
        `(${failure}).`
      : `Transaction ${gid} was to be cancelled: ${asSentence(why.reason)} The coordinator did not acknowledge ` +
        `that (${failure}): it is cancelled at its deadline, ${deadlineAt.toISOString()}, unless a run with the ` +
        'same idempotencyKey confirms it.';
  throw new OutcomeUnknown({ gid, idempotencyKey, summary, find, cause: why?.cause });
}
