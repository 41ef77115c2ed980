/**
 * What must hold, checked in every world, by the numbers of docs/protocol.md.
 *
 * I5 and I7 stand in `participant.ts`, I9 where calls are sent (`replica.ts`, `initiator.ts`), I14 where rows are
 * saved (`journal.ts`).
 */
import type { GlobalTransaction, Now, Status } from '../../src/domain/global-transaction.ts';
import type { Pending } from '../../src/domain/pending-calls.ts';
import { type Event, transition, type Verdict } from '../../src/domain/transition.ts';
import { demand } from './violation.ts';
import { at, type World } from './world.ts';

/** The state graph. A transaction without branches has nothing to call, so its decision also ends it. */
const EDGES: Record<Status, readonly Status[]> = {
  trying: ['confirming', 'cancelling'],
  confirming: ['confirmed'],
  confirmed: [],
  cancelling: ['cancelled'],
  cancelled: [],
};

/** Holds for each step of the transaction, whoever asks for it and whether or not it is saved. */
export function checkTransition(before: GlobalTransaction | null, event: Event, verdict: Verdict): void {
  if (!verdict.accepted) return;
  const { tx } = verdict;
  if (before) {
    const step = EDGES[before.status];
    const onTheGraph = tx.status === before.status || step.includes(tx.status);
    const bothAtOnce = tx.branches.length === 0 && step.some((next) => EDGES[next].includes(tx.status));
    demand('I2', onTheGraph || bothAtOnce, `${event.type} led from ${before.status} to ${tx.status}`);
    demand(
      'I2',
      before.decision === null || tx.decision === before.decision,
      `${event.type} changed the decision`,
    );
  }
  const confirmedNow = tx.decision?.decision === 'confirm' && !before?.decision;
  demand('I13', !confirmedNow || event.now.latest < tx.deadlineAt, 'a confirm was decided too late');
  demand('I13', !confirmedNow || (tx.decision?.at ?? 0) < tx.deadlineAt, 'a confirm is dated too late');
  const repeatable = event.type !== 'replied' && event.type !== 'retryRequested';
  demand(
    'I3',
    !repeatable || isSame(transition(tx, event), tx),
    `${event.type} repeated gives another answer`,
  );
}

const isSame = (verdict: Verdict, tx: GlobalTransaction): boolean => verdict.accepted && verdict.tx === tx;

/** Nothing unfinished is ever forgotten: there is a call to make now, or an instant to look again. */
export function checkPending(tx: GlobalTransaction, { calls, lookAgainAt }: Pending, now: Now): void {
  const hasPlan = calls.length > 0 || lookAgainAt !== null;
  demand('I4', hasPlan || tx.finishedAt !== null, `${tx.status} has nothing to do, now or later`);
  const isLate = now.latest >= tx.deadlineAt;
  demand('I13', !isLate || calls.every(({ op }) => op !== 'try'), 'a try is due after the deadline');
}

export function checkWorld(world: World): void {
  const { durable, participants, initiator } = world;
  if (durable === null) return;
  const { tx, branchCodes } = durable.of;
  const decision = tx.decision?.decision ?? null;
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
  for (const { known } of world.replicas) {
    const older = known?.of.tx.decision?.decision ?? null;
    demand('I9', older === null || decision !== null, 'a replica knows a decision that is not durable');
    demand('I2', older === null || older === decision, 'a replica knows another decision');
  }
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
  demand('I3', older.finishedAt === null || newer?.status === older.status, 'an end was taken back');
}

/** Holds when nothing is in flight and nothing is left to do. */
export function checkQuiescent(world: World): void {
  const { durable, participants } = world;
  if (durable === null || durable.of.isParked) return;
  demand(
    'I4',
    durable.of.isFinished,
    `nothing is left to do, but the transaction is ${durable.of.tx.status}`,
  );
  for (const { tries, confirms, cancels, owedCancel } of participants) {
    demand('I6', tries === 0 || confirms + cancels > 0, 'a try is neither confirmed nor cancelled');
    demand('I6', !owedCancel, 'a late try was not cancelled once more');
  }
}
