/**
 * Why a transaction stands where it stands, in one sentence: what it waits for, since when, what happened last, and what
 * comes next.
 *
 * It is read off the durable state. Two things are known only to the replica that carries the transaction, and are told
 * by that one alone: how often a participant answered that it is still at work, and whether it is given a rest.
 */
import {
  type Branch,
  type Call,
  type DecisionReason,
  type DecisionTaken,
  type GlobalTransaction,
  type Instant,
  isFinished,
  isSettled,
  type Op,
  policyOf,
} from '../domain/index.ts';
import type { CircuitState } from './ports.ts';

/** What this replica knows beside the durable state. */
export type KnownHere = {
  /** The same transaction as this process knows it, with what is not durable. */
  readonly current: GlobalTransaction;
  readonly circuitOf: (participant: string) => CircuitState;
  readonly now: Instant;
};

export function explanationOf(tx: GlobalTransaction, known: KnownHere): string {
  if (isFinished(tx)) return `${ending(tx)}.`;
  const op = tx.decision?.decision ?? 'try';
  const open = tx.branches.filter((branch) => !isSettled(callOf(branch, op)));
  if (tx.decision === null && tx.mode === 'interactive') return `${waitingForInitiator(tx)}.`;
  const [first, ...others] = open.sort((one, other) => urgency(other, op) - urgency(one, op));
  if (first === undefined) return 'Every branch has answered, and what comes of it is being written.';
  const parts = [
    waitingFor(tx, first, op, known),
    others.length > 0 && counted(others.length, 'more branch waits', 'more branches wait'),
    tx.decision === null && `cancelled unless decided by ${instant(tx.deadlineAt)}`,
  ];
  return `${joined(parts)}.`;
}

const callOf = (branch: Branch, op: Op): Call => (op === 'try' ? branch.phaseOne : branch.phaseTwo);

/** A parked branch explains more than one that is asked again, and that more than one that is just being asked. */
function urgency(branch: Branch, op: Op): number {
  const { parkedAt, attemptCount } = callOf(branch, op);
  return parkedAt === null ? attemptCount : Number.MAX_SAFE_INTEGER;
}

// ── Ended ────────────────────────────────────────────────────────────────────────────────────────────────────

function ending({ decision, finishedAt, branches }: GlobalTransaction): string {
  const owed = branches.find(({ phaseTwo }) => phaseTwo.reply !== 'succeeded');
  const isConfirmed = decision?.decision === 'confirm';
  return joined([
    `${isConfirmed ? 'Confirmed' : 'Cancelled'} at ${instant(finishedAt ?? 0)}, because ${reasonOf(decision)}`,
    owed && `a try of branch “${owed.branchId}” that came late is being cancelled once more`,
  ]);
}

const REASONS: Readonly<Record<DecisionReason, string>> = {
  all_tries_succeeded: 'every try succeeded',
  confirm_requested: 'the initiator asked to confirm',
  cancel_requested: 'somebody asked to cancel',
  try_refused: 'a try was refused',
  deadline_passed: 'its deadline passed before it was decided',
};

function reasonOf(decision: DecisionTaken | null): string {
  if (decision === null) return 'nothing was decided';
  return decision.branchId === null
    ? REASONS[decision.reason]
    : `branch “${decision.branchId}” refused its try`;
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────

const waitingForInitiator = ({ beganAt, deadlineAt, branches }: GlobalTransaction): string =>
  `Waiting since ${instant(beganAt)} for the initiator to confirm or cancel, with ` +
  `${counted(branches.length, 'branch', 'branches')} registered; cancelled unless decided by ${instant(deadlineAt)}`;

function waitingFor(tx: GlobalTransaction, branch: Branch, op: Op, known: KnownHere): string {
  const call = callOf(branch, op);
  const { branchId, participant } = branch;
  const what = `to ${op} branch “${branchId}”`;
  const last = lastAnswer(call, op === 'try' ? null : policyOf(tx, branch).retry.budget);
  if (call.parkedAt !== null)
    return `Parked since ${instant(call.parkedAt)}, waiting for a person to mend ${participant} and retry: ${what}, ${last}`;
  const since = tx.decision?.at ?? tx.beganAt;
  const circuit = known.circuitOf(participant);
  const next = `${call.dueAt > known.now ? 'next at' : 'due since'} ${instant(call.dueAt)}`;
  return joined([
    `Waiting since ${instant(since)} for ${participant} ${what}: ${last}`,
    stillAtWork(known.current, branchId, op) ??
      (circuit === 'closed'
        ? call.attemptCount > 0 && next
        : `its circuit is ${circuit}, since its calls fail one after the other, and this one waits until it is let through`),
  ]);
}

/** @param budget null where only the deadline ends the attempts */
function lastAnswer({ answer, attemptCount, durationMs, parkedAt }: Call, budget: number | null): string {
  if (answer === null) return 'no answer yet';
  const said = /^\d{3}$/.test(answer) ? `answered ${answer}` : `ended with “${answer}”`;
  const after = durationMs === null ? '' : ` after ${(durationMs / 1000).toFixed(1)} s`;
  if (parkedAt !== null && attemptCount < (budget ?? 0))
    return `it said too often that it is still at work, and at last ${said}${after}`;
  if (attemptCount === 0) return `retried by hand, after a call that ${said}${after}`;
  return `attempt ${attemptCount}${budget === null ? '' : ` of ${budget}`} ${said}${after}`;
}

function stillAtWork(current: GlobalTransaction, branchId: string, op: Op): string | null {
  const branch = current.branches.find((candidate) => candidate.branchId === branchId);
  const ongoing = branch ? callOf(branch, op).ongoing : null;
  if (!ongoing) return null;
  return `it said ${counted(ongoing.count, 'time', 'times')} that it is still at work, and is asked again at ${instant(ongoing.nextAt)}`;
}

// ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────

const joined = (parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join('; ');

const counted = (count: number, one: string, several: string): string =>
  `${count} ${count === 1 ? one : several}`;

/** To the second: the sentence is for people, the fields beside it have the milliseconds. */
const instant = (at: Instant): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
