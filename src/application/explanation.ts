/**
 * Why a transaction stands where it stands, in one sentence: what it waits for, since when, what happened last, and what
 * comes next.
 *
 * It is read off the durable state. Two things are known only to the replica that carries the transaction, and are told
 * by that one alone: how often a participant answered that it is still at work, and whether it is given a rest.
 */
import {
  type Call,
  type DecisionReason,
  type DecisionTaken,
  type GlobalTransaction,
  type Instant,
  isBounded,
  isFinished,
  type Op,
  type OpenCall,
  openCalls,
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
  if (tx.decision === null && tx.mode === 'interactive') return `${waitingForInitiator(tx)}.`;
  const open = [...openCalls(tx)].sort((one, other) => urgency(other.call) - urgency(one.call));
  const [first] = open;
  if (first === undefined) return 'Every branch has answered, and what comes of it is being written.';
  const parts = [
    waitingFor(tx, first, known),
    open.length > 1 && counted(open.length - 1, 'more branch waits', 'more branches wait'),
    isBounded(tx) && `cancelled unless decided by ${instant(tx.deadlineAt)}`,
    tx.decision === null && !isBounded(tx) && onlyThePivot(tx),
  ];
  return `${joined(parts)}.`;
}

/** A parked branch explains more than one that is asked again, and that more than one that is just being asked. */
const urgency = ({ parkedAt, attemptCount }: Call): number =>
  parkedAt === null ? attemptCount : Number.MAX_SAFE_INTEGER;

const onlyThePivot = ({ cancelAskedAt }: GlobalTransaction): string =>
  'it is the pivot, and only its answer decides' +
  (cancelAskedAt === null ? '' : `, though somebody asked to cancel at ${instant(cancelAskedAt)}`);

// ── Ended ────────────────────────────────────────────────────────────────────────────────────────────────────

function ending(tx: GlobalTransaction): string {
  const { decision, finishedAt, callback } = tx;
  const isConfirmed = decision?.decision === 'confirm';
  const owed = openCalls(tx).map(({ branch, call }) =>
    branch === null
      ? `${callback?.participant} is still to be told: ${lastAnswer(call, null)}`
      : `branch “${branch.branchId}” took effect late, and is being undone once more`,
  );
  return joined([
    `${isConfirmed ? 'Confirmed' : 'Cancelled'} at ${instant(finishedAt ?? 0)}, because ${reasonOf(decision)}`,
    ...owed,
  ]);
}

const REASONS: Readonly<Record<DecisionReason, string>> = {
  all_tries_succeeded: 'every try succeeded',
  confirm_requested: 'the initiator asked to confirm',
  cancel_requested: 'somebody asked to cancel',
  try_refused: 'a try was refused',
  all_actions_succeeded: 'every action succeeded',
  pivot_succeeded: 'its pivot succeeded',
  action_refused: 'an action was refused',
  deadline_passed: 'its deadline passed before it was decided',
};

function reasonOf(decision: DecisionTaken | null): string {
  if (decision === null) return 'nothing was decided';
  const { branchId, reason } = decision;
  return branchId === null ? REASONS[reason] : `${REASONS[reason]} by branch “${branchId}”`;
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────

const waitingForInitiator = ({ beganAt, deadlineAt, branches }: GlobalTransaction): string =>
  `Waiting since ${instant(beganAt)} for the initiator to confirm or cancel, with ` +
  `${counted(branches.length, 'branch', 'branches')} registered; cancelled unless decided by ${instant(deadlineAt)}`;

function waitingFor(tx: GlobalTransaction, { branch, op, call }: OpenCall, known: KnownHere): string {
  if (branch === null) throw new Error('a callback is called when all has ended');
  const { branchId, participant } = branch;
  const what = `to ${WORDS[op]} branch “${branchId}”`;
  const last = lastAnswer(call, isBounded(tx) ? null : policyOf(tx, branch).retry.budget);
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

const WORDS: Readonly<Record<Op, string>> = {
  try: 'try',
  confirm: 'confirm',
  cancel: 'cancel',
  action: 'carry out',
  compensate: 'compensate',
  notify: 'hear of',
};

/** @param budget null where the attempts are not counted out */
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
  const asked = openCalls(current).find((open) => open.op === op && open.branch?.branchId === branchId);
  const ongoing = asked?.call.ongoing;
  if (!ongoing) return null;
  return `it said ${counted(ongoing.count, 'time', 'times')} that it is still at work, and is asked again at ${instant(ongoing.nextAt)}`;
}

// ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────

const joined = (parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join('; ');

const counted = (count: number, one: string, several: string): string =>
  `${count} ${count === 1 ? one : several}`;

/** To the second: the sentence is for people, the fields beside it have the milliseconds. */
const instant = (at: Instant): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
