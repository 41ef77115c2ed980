/** Everything that can happen next in a world. */
import { initiatorSteps } from './initiator.ts';
import type { Ledger } from './ledger.ts';
import { networkSteps } from './network.ts';
import { participantSteps } from './participant-steps.ts';
import { replicaSteps } from './replica.ts';
import type { Time, World } from './world.ts';

/** A fault spends a budget, a client may as well stay silent; only what is free keeps a world from quiescence. */
export type Kind = 'free' | 'fault' | 'client';

export type Take = (kind: Kind, next: World, ...words: readonly (string | number)[]) => void;

export function steps(ledger: Ledger, world: World, take: Take): void {
  initiatorSteps(ledger, world, take);
  replicaSteps(ledger, world, take);
  networkSteps(ledger.rules.plan, world, take);
  participantSteps(ledger, world, take);
  if (world.time < 2 && world.durable !== null) {
    const time = (world.time + 1) as Time;
    take('free', { ...world, time }, time === 1 ? 'the deadline is near' : 'the deadline has passed');
  }
  if (world.time === 2 && world.durable !== null && ledger.isDueLater(world.durable.of))
    take('free', { ...world, time: 3 }, 'hours pass');
}
