/**
 * Why a transaction stands where it stands, in one sentence: what it waits for, since when, what happened last, and what
 * comes next.
 *
 * It is read off the durable state. Some things are known only to the replica that carries the transaction, and only its
 * answers have them: how often a participant answered that it is still at work or gave the same unknown reply, and whether its
 * circuit is open.
 */
import {
  type Branch,
  type Call,
  callsOf,
  type DecisionReason,
  type DecisionTaken,
  type GlobalTransaction,
  type Instant,
  isBounded,
  isFinished,
  isSameButForCounts,
  isSettled,
  mayLag,
  type Op,
  type OpenCall,
  openCalls,
  type Step,
} from '../domain/index.ts';
import type { CircuitState } from './ports.ts';
import { reasonIn, withoutReason } from './refusal-reason.ts';

/** What this replica knows beside the durable state. */
export type ReplicaState = {
  /** The same transaction as this process knows it, with what is not durable. */
  readonly current: GlobalTransaction;
  readonly circuitOf: (participant: string) => CircuitState;
  readonly now: Instant;
};

export function explanationOf(stored: GlobalTransaction, known: ReplicaState): string {
  const tx = withNewestCounts(stored, known.current);
  if (isFinished(tx)) return `${ending(tx, known)}.`;
  if (tx.decision === null && tx.mode === 'interactive') return `${waitingForInitiator(tx)}.`;
  const open = [...openCalls(tx)].sort((one, other) => urgency(other.call) - urgency(one.call));
  const [first] = open;
  if (first === undefined) return `${tooLate(tx)}.`;
  return `${joined([waitingFor(tx, first, known), ...others(tx, first, open), ...bounds(tx, known)])}.`;
}

/** With what this replica has counted of the same unknown replies. */
function withNewestCounts(stored: GlobalTransaction, current: GlobalTransaction): GlobalTransaction {
  const newest = <C extends Call | null>(call: C, counted: C | undefined): C =>
    counted && isSameButForCounts(call, counted) ? counted : call;
  const branches = stored.branches.map((branch, at) => ({
    ...branch,
    phaseOne: newest(branch.phaseOne, current.branches[at]?.phaseOne),
    phaseTwo: newest(branch.phaseTwo, current.branches[at]?.phaseTwo),
  }));
  return { ...stored, branches, notification: newest(stored.notification, current.notification) };
}

/** A parked branch explains more than one that is asked again, and that more than one that is just being asked. */
const urgency = ({ parkedAt, attemptCount }: Call): number =>
  parkedAt === null ? attemptCount : Number.MAX_SAFE_INTEGER;

// ── Ended ────────────────────────────────────────────────────────────────────────────────────────────────────

function ending(tx: GlobalTransaction, known: ReplicaState): string {
  const { decision, finishedAt } = tx;
  const isConfirmed = decision?.decision === 'confirm';
  const owed = openCalls(tx).map((open) =>
    open.branch === null
      ? `the callback to ${open.to.participant} is not delivered yet: ${inTurn(open, known)}`
      : `${nameOf(open.branch)} took effect late, and is being undone once more`,
  );
  return joined([
    `${isConfirmed ? 'Confirmed' : 'Cancelled'} at ${instant(finishedAt ?? 0)}, because ${reasonOf(tx)}`,
    ...owed,
  ]);
}

const REASONS: Readonly<Record<DecisionReason, string>> = {
  all_tries_succeeded: 'every try succeeded',
  confirm_requested: 'the initiator requested confirm',
  cancel_requested: 'cancel was requested',
  try_refused: 'refused its try',
  all_actions_succeeded: 'every action succeeded',
  pivot_succeeded: 'its pivot succeeded',
  action_refused: 'refused its action',
  deadline_passed: 'its deadline passed before it was decided',
};

function reasonOf(tx: GlobalTransaction): string {
  const { decision, branches } = tx;
  if (decision === null) return 'nothing was decided';
  const refused = branches.find(({ branchId }) => branchId === decision.branchId);
  if (refused !== undefined)
    return `${nameOf(refused)} ${REASONS[decision.reason]}${wordsOfRefusal(refused)}`;
  const { reason, note } = decision;
  if (reason === 'deadline_passed') return `${REASONS[reason]}${unansweredThen(tx)}`;
  return note === undefined ? REASONS[reason] : `${REASONS[reason]} (“${note}”)`;
}

/** Quoted where it is the participant's: a log keeps a message up to its first quote. */
function wordsOfRefusal({ participant, phaseOne: { answer } }: Branch): string {
  if (answer === null) return '';
  const reason = reasonIn(answer);
  if (reason !== null) return `: “${reason}”`;
  return /^\d{3}, /.test(answer) ? ` (${participant} answered ${answer})` : '';
}

/** What the deadline came for: the calls that were open, as they are still stored. */
function unansweredThen(tx: GlobalTransaction): string {
  const open = openCalls({ ...tx, decision: null, notification: null });
  const named = open.slice(0, MAX_NAMED).map(({ branch, to, call }) => {
    const name = branch === null ? 'the callback' : nameOf(branch);
    const isWorking = call.answer === null || call.acceptedAt !== null;
    const last = call.answer === null ? '' : ` (${lastAnswer(call)})`;
    return `${name} had no ${isWorking ? 'final' : 'usable'} answer from ${to.participant}${last}`;
  });
  const unnamedCount = open.length - named.length;
  const all = [...named, ...(unnamedCount > 0 ? [counted(unnamedCount, 'other', 'others')] : [])];
  return all.length > 0 ? `: ${all.join(', ')}` : '';
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────

const waitingForInitiator = ({ beganAt, deadlineAt, branches }: GlobalTransaction): string =>
  `Waiting since ${instant(beganAt)} for the initiator to confirm or cancel, with ` +
  `${counted(branches.length, 'branch', 'branches')} registered; cancelled unless decided by ${instant(deadlineAt)}`;

/** The only way in which nothing is open and nothing was decided: the deadline is so near that it may be over. */
const tooLate = ({ deadlineAt }: GlobalTransaction): string =>
  `Its last reply came too late to continue; cancelled once its deadline, ${instant(deadlineAt)}, has surely passed`;

function waitingFor(tx: GlobalTransaction, open: OpenCall, known: ReplicaState): string {
  const { branch, op, call, to } = open;
  if (branch === null) throw new Error('a callback is called when all has ended');
  const what = `to ${WORDS[op]} ${nameOf(branch)}`;
  if (call.parkedAt === null)
    return `${lead(tx, branch)} for ${to.participant} ${what}: ${inTurn(open, known)}`;
  const since = `Parked since ${instant(call.parkedAt)}`;
  return joined([
    `${since}, waiting for ${to.participant} to recover or for an operator to fix it: ${what}, ${lastAnswer(call)}`,
    next(call, known),
    tx.decision !== null && isToldWhy(branch.step, tx.decision) && decided(tx, tx.decision),
  ]);
}

/** When a step was reached is told nowhere: what is known is since when the whole is under way, and why. */
function lead(tx: GlobalTransaction, { step }: Branch): string {
  const { decision, pivotStartedAt, beganAt } = tx;
  if (decision !== null && isToldWhy(step, decision))
    return `${capitalized(decided(tx, decision))}; now waiting`;
  if (step === null) return `Waiting since ${instant(decision?.at ?? beganAt)}`;
  return step.isPivot
    ? `Waiting since ${instant(pivotStartedAt ?? beganAt)}`
    : `Begun at ${instant(beganAt)}; now waiting`;
}

/** All but a confirm of a tcc, whose reason says nothing that the confirm does not. */
const isToldWhy = (step: Step | null, { decision }: DecisionTaken): boolean =>
  step !== null || decision === 'cancel';

const decided = (tx: GlobalTransaction, { decision, at }: DecisionTaken): string =>
  `decided to ${decision} at ${instant(at)}, because ${reasonOf(tx)}`;

/** What the last call came to, and when the next is made. */
function inTurn(open: OpenCall, known: ReplicaState): string {
  const { call, to } = open;
  const circuit = known.circuitOf(to.participant);
  return joined([
    lastAnswer(call),
    stillAtWork(known.current, open) ??
      (circuit === 'closed'
        ? call.attemptCount > 0 && next(call, known)
        : `its circuit is ${circuit} after consecutive failures, so the call is deferred`),
  ]);
}

function next(call: Call, { now }: ReplicaState): string {
  const at = call.ongoing?.nextAt ?? call.dueAt;
  if (at > now) return `next at ${instant(at)}`;
  // Another replica may have called it since.
  const lag = ', and attempts since then with the same answer are stored within 10 minutes';
  return `due since ${instant(at)}${call.parkedAt === null && mayLag(call) ? lag : ''}`;
}

/** Those that wait besides the first, for whom, and those whose turn comes when these are done. */
function others(tx: GlobalTransaction, { branch, op }: OpenCall, open: readonly OpenCall[]) {
  const [one, several] = branch?.step == null ? ['branch', 'branches'] : ['step', 'steps'];
  const calls = tx.branches.flatMap((each) => callsOf(tx, each));
  const laterCount = calls.filter((each) => each.op === op && !isSettled(each.call)).length - open.length;
  const [, ...alsoOpen] = open;
  const waiting = counted(alsoOpen.length, `more ${one} waits`, `more ${several} wait`);
  return [
    alsoOpen.length > 0 && `${waiting} for ${awaited(alsoOpen)}`,
    laterCount > 0 && `then ${counted(laterCount, `more ${one}`, `more ${several}`)} to ${WORDS[op]}`,
  ];
}

/** More would hide the rest of the sentence. */
const MAX_NAMED = 3;

/** Each participant once, with its last answer: the first one that is named may not be the only one to fix. */
function awaited(open: readonly OpenCall[]): string {
  const answers = new Map<string, string>();
  for (const { to, call } of open)
    if (!answers.has(to.participant)) answers.set(to.participant, shortAnswer(call));
  const named = [...answers].slice(0, MAX_NAMED).map(([participant, answer]) => `${participant} (${answer})`);
  const unnamedCount = answers.size - named.length;
  return [...named, ...(unnamedCount > 0 ? [counted(unnamedCount, 'other', 'others')] : [])].join(', ');
}

/** Without the words of the participant, which the events have. */
const shortAnswer = ({ answer }: Call): string => (answer === null ? 'no answer yet' : withoutReason(answer));

/** What ends the waiting, where that is not the calls themselves. */
function bounds(tx: GlobalTransaction, { now }: ReplicaState) {
  const { decision, deadlineAt, cancelAskedAt } = tx;
  if (decision !== null) return [];
  if (isBounded(tx)) return [`cancelled unless decided by ${instant(deadlineAt)}`];
  const inVain = [
    now >= deadlineAt && `the deadline passed at ${instant(deadlineAt)}`,
    cancelAskedAt !== null && `cancel was requested at ${instant(cancelAskedAt)}`,
  ].filter(Boolean);
  const though = inVain.length > 0 ? `, though ${inVain.join(' and ')}` : '';
  return [`this is the pivot: only its reply decides${though}`];
}

const WORDS: Readonly<Record<Op, string>> = {
  try: 'try',
  confirm: 'confirm',
  cancel: 'cancel',
  action: 'carry out',
  compensate: 'compensate',
  notify: 'hear of',
};

function lastAnswer({ answer, attemptCount, durationMs, parkedAt, acceptedAt, reply }: Call): string {
  if (answer === null) return 'no answer yet';
  const said = /^\d{3}(?:: |$)/.test(answer) ? `answered ${answer}` : `ended with “${answer}”`;
  const after = durationMs === null ? '' : ` after ${(durationMs / 1000).toFixed(1)} s`;
  if (acceptedAt !== null && reply === null) {
    const accepted = `accepted at ${instant(acceptedAt)}, and not completed yet`;
    return parkedAt === null ? accepted : `${accepted}: its poll budget is spent`;
  }
  if (attemptCount === 0) return `retried by an operator, after a call that ${said}${after}`;
  return `attempt ${attemptCount} ${said}${after}`;
}

function stillAtWork(current: GlobalTransaction, { branch, op }: OpenCall): string | null {
  const asked = openCalls(current).find(
    (open) => open.op === op && open.branch?.branchId === branch?.branchId,
  );
  const ongoing = asked?.call.ongoing;
  if (!ongoing) return null;
  return `it answered ${counted(ongoing.count, 'time', 'times')} that it is still working; next poll at ${instant(ongoing.nextAt)}`;
}

// ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────

const nameOf = ({ branchId, step }: Branch): string => `${step === null ? 'branch' : 'step'} “${branchId}”`;

const capitalized = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}`;

const joined = (parts: readonly (string | false)[]): string => parts.filter(Boolean).join('; ');

const counted = (count: number, one: string, several: string): string =>
  `${count} ${count === 1 ? one : several}`;

/** To the second: the sentence is for people, the fields beside it have the milliseconds. */
const instant = (at: Instant): string => `${new Date(at).toISOString().slice(0, 19)}Z`;
