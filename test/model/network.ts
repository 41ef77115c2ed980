/** What happens to messages: a request arrives, gets lost, arrives twice, or after its sender stopped waiting. */
import type { Stage } from './ledger.ts';
import { accept, type Participant, receive, refuse } from './participant.ts';
import type { Plan } from './saga-plan.ts';
import type { Take } from './world-steps.ts';
import {
  at,
  BRANCH_OPS,
  type BranchOp,
  type Call,
  put,
  spend,
  type World,
  withReplica,
  withStray,
} from './world.ts';

export function networkSteps(plan: Plan | null, world: World, take: Take): void {
  for (let b = 0; b < world.participants.length; b++) {
    world.replicas.forEach(({ calls }, r) => {
      const call = at(calls, b);
      const setCall = (next: World, stage: Stage) =>
        withReplica(next, r, { calls: put(at(next.replicas, r).calls, b, call && { ...call, stage }) });
      if (call) takeAwaited(plan, world, b, call, setCall, take);
    });
    const call = at(world.initiator.calls, b);
    const setCall = (next: World, stage: Stage) => {
      const calls = put(next.initiator.calls, b, call && { ...call, stage });
      return { ...next, initiator: { ...next.initiator, calls } };
    };
    if (call) takeAwaited(plan, world, b, call, setCall, take);
    for (const op of BRANCH_OPS) if (at(world.strays, b)[op]) takeStray(world, b, op, take);
  }
}

type SetCall = (world: World, stage: Stage) => World;

function takeAwaited(
  plan: Plan | null,
  world: World,
  b: number,
  call: Call,
  setCall: SetCall,
  take: Take,
): void {
  const { left } = world;
  if (call.stage === 'lost') return;
  if (left.losses > 0)
    take('fault', setCall(spend(world, 'losses'), 'lost'), call.op, b, 'or its reply is lost');
  if (call.stage !== 'request') return;
  // Its sender will wait no longer, yet it will arrive. A late reply, which nobody reads, is one that was lost.
  if (left.lateDeliveries > 0)
    take(
      'fault',
      withStray(setCall(spend(world, 'lateDeliveries'), 'lost'), b, call),
      call.op,
      b,
      'is delayed',
    );
  const before = at(world.participants, b);
  const { participant, status } = receive(before, call.op);
  const arrived = setCall(withParticipant(world, b, participant), status);
  take('free', arrived, 'participant', b, 'answers', call.op, status);
  if (left.duplicates > 0)
    take(
      'fault',
      withStray(spend(arrived, 'duplicates'), b, call),
      'participant',
      b,
      'will receive',
      call.op,
      'twice',
    );
  const accepted = left.acceptances > 0 ? accept(before, call.op) : null;
  if (accepted !== null) {
    const later = withParticipant(spend(world, 'acceptances'), b, accepted);
    take('fault', setCall(later, 202), 'participant', b, 'accepts', call.op);
  }
  const { isPivot = false, isAfterPivot = false } = plan?.steps[b] ?? {};
  const isFresh = before.tries === 0 && before.accepted === null;
  const mayRefuse = (call.op === 'try' || call.op === 'action') && isFresh;
  if (mayRefuse && !isAfterPivot && left.refusedTries > 0) {
    const refused = withParticipant(spend(world, 'refusedTries'), b, refuse(before, isPivot));
    take('fault', setCall(refused, 409), 'participant', b, 'refuses its', call.op);
  }
  if (left.brokenAnswers === 0) return;
  const broken = spend(world, 'brokenAnswers');
  if (status === 200) {
    const worked = setCall(withParticipant(broken, b, participant), 503);
    take('fault', worked, 'participant', b, 'does its', call.op, 'and answers 503');
  }
  take('fault', setCall(broken, 404), 'participant', b, 'answers 404 to', call.op);
  if (isAfterPivot) take('fault', setCall(broken, 409), 'participant', b, 'answers 409 to', call.op);
}

/** Nobody reads the reply. */
function takeStray(world: World, b: number, op: BranchOp, take: Take): void {
  const strays = at(world.strays, b);
  const gone = { ...world, strays: put(world.strays, b, { ...strays, [op]: false }) };
  const { participant } = receive(at(world.participants, b), op);
  take('free', withParticipant(gone, b, participant), 'participant', b, 'receives a late', op);
  const accepted = world.left.acceptances > 0 ? accept(at(world.participants, b), op) : null;
  if (accepted !== null) {
    const later = withParticipant(spend(gone, 'acceptances'), b, accepted);
    take('fault', later, 'participant', b, 'accepts a late', op);
  }
  if (world.left.losses > 0) take('fault', spend(gone, 'losses'), 'a late', op, b, 'is lost');
  if (world.left.duplicates > 0)
    take(
      'fault',
      spend(withParticipant(world, b, participant), 'duplicates'),
      'a late',
      op,
      b,
      'comes twice',
    );
}

const withParticipant = (world: World, b: number, participant: Participant): World =>
  participant === world.participants[b]
    ? world
    : { ...world, participants: put(world.participants, b, participant) };
