/**
 * I10, the five lines of a saga, and what I1, I6 and I8 say of one. Stated of what was called and of what had an effect
 * at participants, by the definition of a plan; nothing here asks the coordinator what it would do.
 */
import type { Call, GlobalTransaction, Now, Op } from '../../src/domain/global-transaction.ts';
import type { PendingCall } from '../../src/domain/pending-calls.ts';
import type { Event } from '../../src/domain/transition.ts';
import type { Participant } from './participant.ts';
import { CALLS_TO_PARK } from '../support/transactions.ts';
import { mayHaveRun, type Plan, resultOf } from './saga-plan.ts';
import { demand } from './violation.ts';
import { at, type World } from './world.ts';

// ── Each step of the transaction ─────────────────────────────────────────────────────────────────────────────

/** While the pivot is in flight only its own answer decides; it is started once all before it have succeeded. */
export function checkPivot(
  { steps, pivot }: Plan,
  before: GlobalTransaction,
  event: Event,
  tx: GlobalTransaction,
): void {
  const isDecidedNow = before.decision === null && tx.decision !== null;
  const isOutcome = event.type === 'replied' || event.type === 'completed';
  const isOfPivot = isOutcome && event.op === 'action' && event.branchId === steps[pivot ?? -1]?.branchId;
  const mayDecide = before.pivotStartedAt === null || isOfPivot;
  demand('I10', !isDecidedNow || mayDecide, `${event.type} decided, while the pivot was in flight`);
  demand(
    'I10',
    before.pivotStartedAt === null || tx.pivotStartedAt === before.pivotStartedAt,
    'that the pivot was started is forgotten',
  );
  demand(
    'I3',
    before.cancelAskedAt === null || tx.cancelAskedAt === before.cancelAskedAt,
    'a wish to cancel is forgotten',
  );
}

/** What a state says of itself, however it came about. */
export function checkSagaState({ steps, pivot }: Plan, tx: GlobalTransaction): void {
  const { decision, pivotStartedAt, deadlineAt, branches } = tx;
  const hasRun = (n: number) => at(branches, n).phaseOne.reply === 'succeeded';
  for (const [b, { upstream }] of steps.entries())
    demand('I10', !hasRun(b) || upstream.every(hasRun), 'a step succeeded before one that it depends on');
  demand('I13', (pivotStartedAt ?? 0) < deadlineAt, 'the pivot was started too late');
  const isReached = pivot !== null && at(steps, pivot).upstream.every(hasRun);
  demand('I10', pivotStartedAt === null || isReached, 'the pivot was started before all before it succeeded');
  const needed = pivot === null ? [...steps.keys()] : [pivot];
  demand('I1', decision?.decision !== 'confirm' || needed.every(hasRun), 'a confirm lacks an action');
  demand(
    'I8',
    tx.status !== 'confirmed' || branches.every((_, n) => hasRun(n)),
    'confirmed, but an action is open',
  );
  const isBounded = decision === null && pivotStartedAt === null;
  for (const { phaseOne, phaseTwo } of branches) {
    const call = decision?.decision === 'cancel' ? phaseTwo : phaseOne;
    // Each attempt spends 1 ms.
    const spentMs = call.attemptCount - CALLS_TO_PARK + 1;
    const isSpent = call.reply === 'unknown' && spentMs >= tx.policy.retry.budgetMs;
    demand(
      'I4',
      isBounded || !isSpent || call.parkedAt !== null,
      'its retries are used up, but nobody is asked',
    );
    demand('I4', !isBounded || call.parkedAt === null, 'a person is asked for what the deadline ends');
  }
  const ran = mayHaveRun({ steps }, branches);
  const isUndone = (n: number) =>
    at(branches, n).phaseTwo.reply === 'succeeded' || at(branches, n).lateSuccessCount > 0;
  const isOwed = steps.some(({ isCompensated }, n) => isCompensated && ran[n] && !isUndone(n));
  demand('I8', tx.status !== 'cancelled' || !isOwed, 'cancelled, but a compensation is open');
}

/** The calls that are due, each of them and no other, by the definition: also those that only a sibling might delay. */
export function checkDue(plan: Plan, tx: GlobalTransaction, calls: readonly PendingCall[], now: Now): void {
  const expected = due(plan, tx, now).join();
  const found = calls.map(({ op, branchId }) => `${op} ${branchId}`).join();
  demand('I10', found === expected, `due is “${found}”, where it should be “${expected}”`);
  for (const { branchId, results } of calls) {
    const { dependsOn } = plan.steps.find((step) => step.branchId === branchId) ?? { dependsOn: [] };
    const wanted = Object.fromEntries(dependsOn.map((id) => [id, resultOf(id)]));
    const isComplete = JSON.stringify(results) === JSON.stringify(wanted);
    demand('I10', isComplete, `${branchId} is called without the results of those before it`);
  }
}

function due({ steps }: Plan, tx: GlobalTransaction, now: Now): readonly string[] {
  const { decision, pivotStartedAt, deadlineAt, branches } = tx;
  const ran = mayHaveRun({ steps }, branches);
  if (decision?.decision === 'cancel') {
    const isOwed = (n: number) =>
      ran[n] && at(steps, n).isCompensated && at(branches, n).phaseTwo.reply !== 'succeeded';
    return steps.flatMap(({ branchId, downstream }, b) =>
      isOwed(b) && !downstream.some(isOwed) && isWaitedFor(at(branches, b).phaseTwo, now)
        ? `compensate ${branchId}`
        : [],
    );
  }
  const isBounded = decision === null && pivotStartedAt === null;
  if (isBounded && now.latest >= deadlineAt) return [];
  return steps.flatMap(({ branchId, isPivot }, b) =>
    ran[b] && (!isPivot || pivotStartedAt !== null) && isWaitedFor(at(branches, b).phaseOne, now)
      ? `action ${branchId}`
      : [],
  );
}

const isWaitedFor = ({ reply, dueAt }: Call, { earliest }: Now): boolean =>
  (reply === null || reply === 'unknown') && dueAt <= earliest;

// ── What is sent ─────────────────────────────────────────────────────────────────────────────────────────────

/** What a cancel has to undo is settled as it becomes durable: no later success adds to it. */
export function withPlanOfCancel(plan: Plan | null, before: World, after: World): World {
  const decision = after.durable?.of.tx.decision?.decision;
  if (plan === null || decision !== 'cancel' || before.ran !== null || !after.durable) return after;
  return { ...after, ran: mayHaveRun(plan, after.durable.of.tx.branches) };
}

export function checkSentBySaga({ steps }: Plan, world: World, b: number, op: Op): void {
  const { durable, participants, ran } = world;
  if (durable === null) throw new Error('nothing is sent before the begin');
  const { tx } = durable.of;
  const { branchId, upstream, downstream, isPivot, isAfterPivot, isCompensated } = at(steps, b);
  const branch = (n: number) => at(tx.branches, n);
  if (op === 'action') {
    const isReady = (n: number) =>
      branch(n).phaseOne.reply === 'succeeded' && branch(n).result !== null && at(participants, n).tries > 0;
    demand(
      'I10',
      !isPivot || tx.pivotStartedAt !== null,
      'the pivot is sent before that it started is durable',
    );
    demand(
      'I10',
      upstream.every(isReady),
      `action ${branchId} is sent before all that it depends on succeeded`,
    );
    const isConfirmed = tx.decision?.decision === 'confirm';
    demand('I9', !isAfterPivot || isConfirmed, `action ${branchId} is sent before the pivot has decided`);
    return;
  }
  demand('I9', op === 'compensate' && ran !== null, `${op} is sent without a cancel that is durable`);
  demand('I10', isCompensated && ran?.[b] === true, `${op} is sent to ${branchId}, which cannot have run`);
  const isDone = (n: number) =>
    isUndone(at(participants, n)) &&
    (branch(n).phaseTwo.reply === 'succeeded' || branch(n).lateSuccessCount > 0);
  const later = downstream.filter((n) => ran?.[n] && at(steps, n).isCompensated);
  demand('I10', later.every(isDone), `${op} is sent to ${branchId} before what depends on it is undone`);
}

// ── Effects ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A compensate has come: with an effect, or as a tombstone. */
const isUndone = ({ cancels, tombstone }: Participant): boolean => cancels > 0 || tombstone;

export function checkEffects({ steps, pivot }: Plan, world: World): void {
  const { durable, participants, ran } = world;
  if (durable === null) return;
  const { tx } = durable.of;
  const decision = tx.decision?.decision ?? null;
  const isEffective = (n: number) => at(participants, n).tries > 0;
  const isTouched = (n: number) => isUndone(at(participants, n));
  const anyUndone = participants.some(isUndone);
  for (const [b, { branchId, upstream, downstream, isCompensated }] of steps.entries()) {
    const { tries, cancels } = at(participants, b);
    const isReached = upstream.every((n) => at(tx.branches, n).phaseOne.reply === 'succeeded');
    demand(
      'I10',
      tries === 0 || (isReached && upstream.every(isEffective)),
      `${branchId} had its effect too early`,
    );
    demand('I10', !isTouched(b) || isCompensated, `${branchId} was compensated, but is declared not to be`);
    demand('I10', !isTouched(b) || ran?.[b] === true, `${branchId} was compensated, but cannot have run`);
    const stands = (n: number) =>
      at(steps, n).isCompensated && at(participants, n).tries > at(participants, n).cancels;
    demand(
      'I10',
      !isTouched(b) || !downstream.some(stands),
      `${branchId} was undone before what depends on it`,
    );
    demand('I8', tx.status !== 'confirmed' || tries === 1, 'confirmed, but one action has no effect');
    const isOwed = isCompensated && ran?.[b] === true;
    demand(
      'I8',
      tx.status !== 'cancelled' || !isOwed || isTouched(b),
      'cancelled, but one step is not undone',
    );
    demand('I1', decision !== 'confirm' || cancels === 0, 'a step of a confirmed saga was compensated');
  }
  demand('I1', decision !== 'confirm' || !anyUndone, 'a confirmed saga was told to compensate');
  if (pivot === null) {
    const isUp = [...steps.keys()].every(isEffective);
    demand('I1', decision !== 'confirm' || isUp, 'a confirm was decided though an action has no effect');
    return;
  }
  demand('I10', decision !== 'cancel' || !isEffective(pivot), 'cancelled, but the pivot has its effect');
  demand('I1', !isEffective(pivot) || !anyUndone, 'a step is compensated beside a pivot that has its effect');
  demand('I1', decision !== 'confirm' || isEffective(pivot), 'a confirm was decided without the pivot');
}

/** When nothing is in flight and nothing is left to do. */
export function checkNothingLeft({ steps }: Plan, { durable, participants }: World): void {
  const isConfirmed = durable?.of.tx.decision?.decision === 'confirm';
  for (const [b, { branchId, isCompensated }] of steps.entries()) {
    const { tries, cancels, owedCancel } = at(participants, b);
    const isLeft = isCompensated && tries > cancels && !isConfirmed;
    demand('I6', !isLeft, `${branchId} is neither part of a whole nor undone`);
    demand('I6', !owedCancel, 'a late action was not compensated once more');
  }
}
