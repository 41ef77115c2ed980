/**
 * What must hold, checked in every world, by the numbers of docs/protocol.md.
 *
 * I10, and all that only sagas must keep, stands in `saga-invariants.ts`; I5 and I7 in `participant.ts`, I9 where calls
 * are sent (`replica.ts`, `initiator.ts`), I14 where rows are saved (`journal.ts`).
 */
import {
  type Call,
  type GlobalTransaction,
  isBounded,
  isSettled,
  type Now,
  type Op,
  type Status,
} from '../../src/domain/global-transaction.ts';
import { openCalls } from '../../src/domain/open-calls.ts';
import type { Pending } from '../../src/domain/pending-calls.ts';
import { type Completed, type Event, transition, type Verdict } from '../../src/domain/transition.ts';
import type { Plan } from './saga-plan.ts';
import { checkDue, checkEffects, checkNothingLeft, checkPivot, checkSagaState } from './saga-invariants.ts';
import { demand } from './violation.ts';
import { at, type World } from './world.ts';

/** The state graph. A decision after which there is nothing to call also ends the transaction. */
const EDGES: Record<Status, readonly Status[]> = {
  trying: ['confirming', 'cancelling'],
  confirming: ['confirmed'],
  confirmed: [],
  cancelling: ['cancelled'],
  cancelled: [],
};

/** Holds for each step of the transaction, whoever asks for it and whether or not it is saved. */
export function checkTransition(
  plan: Plan | null,
  before: GlobalTransaction | null,
  event: Event,
  verdict: Verdict,
): void {
  const tx = verdict.accepted ? verdict.tx : verdict.noted;
  if (tx === undefined) return;
  if (before) {
    const step = EDGES[before.status];
    const onTheGraph = tx.status === before.status || step.includes(tx.status);
    const mayOweNothing = tx.branches.length === 0 || plan !== null;
    const bothAtOnce = mayOweNothing && step.some((next) => EDGES[next].includes(tx.status));
    demand('I2', onTheGraph || bothAtOnce, `${event.type} led from ${before.status} to ${tx.status}`);
    demand(
      'I2',
      before.decision === null || tx.decision === before.decision,
      `${event.type} changed the decision`,
    );
  }
  checkWaiting(before, tx);
  if (before !== null && event.type === 'completed') checkCompletion(before, event, tx);
  if (plan !== null) {
    checkSagaState(plan, tx);
    if (before) checkPivot(plan, before, event, tx);
  }
  const mayBeLate = tx.pivotStartedAt !== null;
  const confirmedNow = tx.decision?.decision === 'confirm' && !before?.decision && !mayBeLate;
  demand('I13', !confirmedNow || event.now.latest < tx.deadlineAt, 'a confirm was decided too late');
  demand('I13', !confirmedNow || (tx.decision?.at ?? 0) < tx.deadlineAt, 'a confirm is dated too late');
  const repeatable = event.type !== 'replied' && event.type !== 'retryRequested';
  demand(
    'I3',
    !repeatable || isSame(transition(tx, event), verdict, tx),
    `${event.type} repeated gives another answer`,
  );
}

/** A completion speaks for one op that is open, and takes back nothing that is known. */
function checkCompletion(before: GlobalTransaction, event: Completed, tx: GlobalTransaction): void {
  const { branchId, op } = event;
  for (const [b, { phaseOne, phaseTwo }] of before.branches.entries()) {
    const after = at(tx.branches, b);
    const isKept =
      (!isSettled(phaseOne) || phaseOne.reply === after.phaseOne.reply) &&
      (!isSettled(phaseTwo) || phaseTwo.reply === after.phaseTwo.reply);
    demand('I3', isKept, `${op} of ${branchId} is completed, and changes what was settled`);
  }
  const isOpen = openCalls(before).some((open) => open.branch?.branchId === branchId && open.op === op);
  demand('I9', tx === before || isOpen, `${op} is completed, but was never called`);
}

/** What must come is waited for since one instant, from when its call is opened until it has succeeded or is accepted. */
function checkWaiting(before: GlobalTransaction | null, tx: GlobalTransaction): void {
  const waits = ({ reply, acceptedAt, parkedAt }: Call) =>
    reply !== null || acceptedAt === null || parkedAt !== null;
  const openInTx = isBounded(tx) ? [] : openCalls(tx).filter(({ call }) => waits(call));
  const open = new Set(openInTx.map(({ branch }) => branch?.branchId));
  for (const { branchId, waitingSince } of tx.branches) {
    demand(
      'I4',
      open.has(branchId) === (waitingSince !== null),
      `${branchId} waits, and no one can tell since when`,
    );
    const was = before?.branches.find((branch) => branch.branchId === branchId)?.waitingSince ?? null;
    demand('I4', was === null || waitingSince === null || was === waitingSince, `${branchId} waits anew`);
  }
}

const isSame = (repeated: Verdict, first: Verdict, tx: GlobalTransaction): boolean =>
  repeated.accepted
    ? first.accepted && repeated.tx === tx
    : !first.accepted && repeated.code === first.code && repeated.noted === undefined;

/** Nothing unfinished is ever forgotten: there is a call to make now, or an instant to look again. */
export function checkPending(
  plan: Plan | null,
  tx: GlobalTransaction,
  { calls, checkAgainAt }: Pending,
  now: Now,
): void {
  const isLookedAt = calls.length > 0 || checkAgainAt !== null;
  demand('I4', isLookedAt || tx.finishedAt !== null, `${tx.status} has nothing to do, now or later`);
  const isLate = now.latest >= tx.deadlineAt;
  const isBound = (op: Op) => op === 'try' || (op === 'action' && !tx.decision && tx.pivotStartedAt === null);
  const inTime = !isLate || !calls.some(({ op }) => isBound(op));
  demand('I13', inTime, 'a try or an action is due after the deadline');
  if (plan !== null) checkDue(plan, tx, calls, now);
}

export function checkWorld(plan: Plan | null, world: World): void {
  const { durable, participants, initiator } = world;
  if (durable === null) return;
  const { tx, branchCodes } = durable.of;
  const decision = tx.decision?.decision ?? null;
  for (const { known } of world.replicas) {
    const older = known?.of.tx.decision?.decision ?? null;
    demand('I9', older === null || decision !== null, 'a replica knows a decision that is not durable');
    demand('I2', older === null || older === decision, 'a replica knows another decision');
  }
  if (plan !== null) {
    checkEffects(plan, world);
    return;
  }
  let confirmCount = 0;
  let cancelCount = 0;
  for (let b = 0; b < participants.length; b++) {
    const { tries, confirms, cancels, tombstone } = at(participants, b);
    confirmCount += confirms;
    cancelCount += cancels;
    if (branchCodes[b] === 0) {
      demand('I3', initiator.branches[b] === 'no', 'a branch that was answered as registered is not there');
      continue;
    }
    demand('I1', decision !== 'confirm' || tries === 1, 'a confirm was decided though a try has no effect');
    demand('I8', tx.status !== 'confirmed' || confirms === 1, 'confirmed, but one branch is not');
    demand('I8', tx.status !== 'cancelled' || cancels === 1 || tombstone, 'cancelled, but one branch is not');
  }
  demand('I1', confirmCount === 0 || cancelCount === 0, 'one branch is confirmed, another cancelled');
}

/** Whatever a client was told of a durable state stays true. */
export function checkStep(before: World, after: World): void {
  const older = before.durable?.of.tx;
  const newer = after.durable?.of.tx;
  if (!older || older === newer) return;
  demand(
    'I3',
    !older.decision || older.decision.decision === newer?.decision?.decision,
    'a decision was lost',
  );
  const isWishKept = older.cancelAskedAt === null || !!newer?.decision || newer?.cancelAskedAt !== null;
  demand('I3', isWishKept, 'a wish to cancel was lost');
  demand('I3', older.finishedAt === null || newer?.status === older.status, 'an end was taken back');
}

/** Holds when nothing is in flight and nothing is left to do. */
export function checkQuiescent(plan: Plan | null, world: World): void {
  const { durable, participants } = world;
  if (durable === null || durable.of.isParked) return;
  demand(
    'I4',
    durable.of.isFinished,
    `nothing is left to do, but the transaction is ${durable.of.tx.status}`,
  );
  if (plan !== null) {
    checkNothingLeft(plan, world);
    return;
  }
  for (const { tries, confirms, cancels, owedCancel } of participants) {
    demand('I6', tries === 0 || confirms + cancels > 0, 'a try is neither confirmed nor cancelled');
    demand('I6', !owedCancel, 'a late try was not cancelled once more');
  }
}

/** What is only counted, and not saved, differs from the durable state in counts alone: a crash loses nothing else. */
export function checkLater(plan: Plan | null, durable: GlobalTransaction, current: GlobalTransaction): void {
  const known = openCalls(durable).map(({ branch }) => branch?.branchId);
  const isOpened = openCalls(current).some(({ branch }) => !known.includes(branch?.branchId));
  demand(plan === null ? 'I9' : 'I10', !isOpened, 'a call is opened by what is not saved');
  demand('I12', durable.status === current.status, 'the status changes, and no row says so');
  current.branches.forEach(({ phaseOne, phaseTwo }, b) => {
    const before = at(durable.branches, b);
    for (const [one, other] of [
      [before.phaseOne, phaseOne],
      [before.phaseTwo, phaseTwo],
    ] as const) {
      demand('I4', one.parkedAt === other.parkedAt, 'a branch is parked, and no row says so');
      const isSame = one.reply === other.reply && one.answer === other.answer;
      demand(
        'I12',
        isSame,
        `${other.reply} (${other.answer}) after ${one.reply} (${one.answer}), and no row says so`,
      );
    }
  });
}
