/**
 * What can no longer matter is done at once: a stray that would change nothing is gone, a request whose answer is
 * certain and changes nothing is answered, a reply that tells a decided transaction nothing is heard.
 *
 * Such a step commutes with every other one, and each fault that could befall it can befall its reply with the
 * same outcome; so nothing is left out but worlds that look alike.
 */
import type { StoredTransaction, Ledger, Stage } from './ledger.ts';
import { type Participant, receive, record } from './participant.ts';
import {
  at,
  BRANCH_OPS,
  type BranchOp,
  put,
  type Replica,
  STRAGGLER,
  type Strays,
  type Time,
  type World,
  withReplica,
} from './world.ts';

export function normalForm(ledger: Ledger, world: World): World {
  let next = withIdleTime(ledger, withoutDoneStraggler(ledger, world));
  for (let b = 0; b < world.participants.length; b++) {
    next = withoutEmptyReplies(ledger, next, b);
    const participant = at(world.participants, b);
    if (participant.tries === 0 && !participant.tombstone && !participant.refused) continue;
    const strays = at(next.strays, b);
    const left = mattering(strays, participant);
    if (left !== strays) next = { ...next, strays: put(next.strays, b, left) };
    // In a saga a request may be delayed, or answered wrongly, where losses are not in the bounds.
    if (ledger.rules.plan !== null) continue;
    for (const r of [0, 1]) {
      const calls = answered(at(next.replicas, r).calls, b, participant);
      if (calls !== at(next.replicas, r).calls) next = withReplica(next, r, { calls });
    }
    const calls = answered(next.initiator.calls, b, participant);
    if (calls !== next.initiator.calls) next = { ...next, initiator: { ...next.initiator, calls } };
  }
  return next;
}

function mattering(strays: Strays, participant: Participant): Strays {
  let left = strays;
  for (const op of BRANCH_OPS)
    if (strays[op] && !mayHaveEffect(op, participant)) left = { ...left, [op]: false };
  return left;
}

/** Now, or once a confirm, a cancel or the end of what was accepted has come first: each time the participant itself says so. */
function mayHaveEffect(op: BranchOp, participant: Participant): boolean {
  const ended = participant.accepted === null ? participant : record(participant, 'succeeded');
  const thens = [participant, ended].flatMap((then) => [
    then,
    receive(then, 'confirm').participant,
    receive(then, 'cancel').participant,
  ]);
  return thens.some((then) => receive(then, op).participant !== then);
}

function answered(calls: Replica['calls'], b: number, participant: Participant): Replica['calls'] {
  const call = calls[b];
  if (call?.stage !== 'request') return calls;
  const status = certainAnswer(call.op, participant);
  return status === null ? calls : put(calls, b, { ...call, stage: status });
}

/**
 * The answer of a participant that is through with its branch, given by the participant itself: were it to have
 * an effect after all, the request would stay in flight and be explored.
 */
function certainAnswer(op: BranchOp, participant: Participant): Stage | null {
  const { confirms, cancels, tombstone, accepted } = participant;
  if (accepted !== null) return null;
  if (confirms === 0 && cancels === 0 && !tombstone) return null;
  const received = receive(participant, op);
  return received.participant === participant ? received.status : null;
}

/** Dropped only where `transition` itself says that hearing it changes nothing. */
function withoutEmptyReplies(ledger: Ledger, world: World, b: number): World {
  const { durable } = world;
  if (!durable?.of.tx.decision) return world;
  let next = world;
  world.replicas.forEach(({ calls, held }, r) => {
    const call = calls[b];
    if (!call || call.stage === 'request' || held) return;
    const isPhaseOne = call.op === 'try' || call.op === 'action';
    const isEmpty = isPhaseOne ? call.stage !== 200 : isSettledForGood(world, b);
    const answer = ledger.answer(durable.of, ledger.reply(b, call, call.stage), world.time);
    if (isEmpty && answer.accepted && answer.need === 'none')
      next = withReplica(next, r, { calls: put(calls, b, null) });
  });
  return next;
}

function isSettledForGood(world: World, b: number): boolean {
  return world.durable?.of.settled[b] === true && !mayHearTry(world, b);
}

/** A straggler that was overtaken, and would send nothing, acts no more on what it knew: its saves are all lost. */
function withoutDoneStraggler(ledger: Ledger, world: World): World {
  const { known, kept } = world.replicas[STRAGGLER];
  if (known === null || kept.length > 0 || ledger.rules.bothDrive || known.seq === world.durable?.seq)
    return world;
  return maySend(ledger, world, STRAGGLER, known) ? world : withReplica(world, STRAGGLER, { known: null });
}

/** Where everyone who acts knows of a decision, the deadline means nothing any more: it may as well have passed. */
function withIdleTime(ledger: Ledger, world: World): World {
  if (world.time >= 2 || !world.durable?.of.tx.decision) return world;
  const isTimeless = world.replicas.every(
    ({ known }, r) => known === null || known.of.tx.decision !== null || !maySend(ledger, world, r, known),
  );
  return isTimeless && ledger.isTimeless(world.durable.of) ? { ...world, time: 2 } : world;
}

/** Now, or when calls that still wait are due. */
function maySend(ledger: Ledger, world: World, r: number, known: StoredTransaction): boolean {
  const { calls } = at(world.replicas, r);
  // A compensate that waits for its own action is sent once that is heard, also by one that learns nothing from it.
  const isFree = (op: BranchOp, b: number) =>
    calls[b] === null || (ledger.rules.plan !== null && calls[b]?.op !== op);
  const wouldSend = (op: BranchOp | null, b: number) => op !== null && isFree(op, b);
  return [world.time, 2, 3].some((time) => ledger.due(known.of, time as Time).some(wouldSend));
}

/** Someone still waits for a try of this branch, or may yet send one. */
export function mayHearTry({ durable, replicas }: World, b: number): boolean {
  if (!durable?.of.tx.decision) return true;
  return replicas.some(({ known, calls, held }) => {
    const isBehind = known !== null && known.of.tx.decision === null;
    return isBehind || held !== null || calls[b]?.op === 'try' || calls[b]?.op === 'action';
  });
}
