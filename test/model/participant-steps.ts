/**
 * What a participant does of itself: work that it accepted ends outside, which it records, and it tells the coordinator. It
 * may never do so: whoever polls finds the record.
 */
import { takeRequest } from './initiator.ts';
import type { Ledger } from './ledger.ts';
import { type Participant, record } from './participant.ts';
import type { Take } from './world-steps.ts';
import { at, put, spend, type World } from './world.ts';

export function participantSteps(ledger: Ledger, world: World, take: Take): void {
  for (let b = 0; b < world.participants.length; b++) {
    const participant = at(world.participants, b);
    if (participant.accepted !== null) takeEnd(ledger, world, b, participant, take);
    if (participant.completion !== null) takeCompletion(ledger, world, b, participant, take);
  }
}

function takeEnd(ledger: Ledger, world: World, b: number, participant: Participant, take: Take): void {
  const { accepted: op } = participant;
  take('free', withParticipant(world, b, record(participant, 'succeeded')), op ?? '', b, 'is done outside');
  const { isAfterPivot = false } = ledger.rules.plan?.steps[b] ?? {};
  const mayRefuse = (op === 'try' || op === 'action') && !isAfterPivot && world.left.refusedTries > 0;
  if (!mayRefuse) return;
  const refused = withParticipant(spend(world, 'refusedTries'), b, record(participant, 'refused'));
  take('fault', refused, op, b, 'is refused outside');
}

/** It is sent until it is answered. Where the answer is lost it is sent again. */
function takeCompletion(ledger: Ledger, world: World, b: number, participant: Participant, take: Take): void {
  const { durable } = world;
  const { completion } = participant;
  if (durable === null || completion === null) return;
  const told = { ...participant, completion: null };
  takeRequest(ledger, world, durable, ledger.completion(b, completion), take, (next) =>
    withParticipant(next, b, told),
  );
}

const withParticipant = (world: World, b: number, participant: Participant): World => ({
  ...world,
  participants: put(world.participants, b, participant),
});
