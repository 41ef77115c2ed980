/** The ways in which a coordinator is killed again and again, each in one lane. */
import { expect } from '@jest/globals';
import { checkStanding } from './checks.ts';
import type { CoordinatorProcess } from './coordinator-process.ts';
import type { Lane } from './lane.ts';
import { Load } from './load.ts';
import { type Actor, bringToPoint, finish, type Landing, place, runRound } from './round.ts';
import type { Story } from './story.ts';
import { inTurn } from './turns.ts';

const ANSWERS_BETWEEN_KILLS = 15;

/**
 * It is started again.
 * @param landings what becomes by turns of what is held as it dies
 */
export async function killAndRestart(
  lane: Lane,
  stories: readonly Story[],
  killCount: number,
  landings: readonly Landing[] = ['last', 'at once'],
): Promise<void> {
  const coordinator = await lane.startCoordinator();
  const next = () => coordinator.start();
  const long: Actor[] = [];
  for (let kill = 0; kill < killCount; kill += 1) {
    const lands = landings[kill % landings.length] ?? 'last';
    long.push(...(await runRound({ lane, stories, coordinator, next, lands })));
  }
  await finish(lane, long);
}

/** It is started again when the deadlines have passed, which nobody was there to see. */
export async function killBeforeDeadlines(
  lane: Lane,
  stories: readonly Story[],
  killCount: number,
): Promise<void> {
  const coordinator = await lane.startCoordinator();
  const whileDead = async (actors: readonly Actor[]) => {
    const deadlines = actors.flatMap(({ order }) =>
      order.told.map(({ deadlineAt }) => Date.parse(deadlineAt)),
    );
    await lane.untilPast(Math.max(...deadlines));
  };
  const next = () => coordinator.start();
  for (let kill = 1; kill <= killCount; kill += 1) {
    // What lands last has been undone before (I7).
    const lands = kill % 2 === 0 ? 'never' : 'last';
    await runRound({ lane, stories, coordinator, whileDead, next, lands });
  }
}

/** The dead one is not started again before the other has ended its transactions. */
export async function killByTurns(lane: Lane, stories: readonly Story[]): Promise<void> {
  let [coordinator, other] = [await lane.startCoordinator(), await lane.startReplica()];
  for (const lands of ['at once', 'last', 'at once'] as const) {
    const next = async () => lane.ask(other);
    await runRound({ lane, stories, coordinator, next, lands });
    await coordinator.start();
    [coordinator, other] = [other, coordinator];
  }
}

/**
 * What was asked or answered is heard, and not yet durable. However the commit under way ends: nobody was told (I3) or
 * called (I9) because of it, and its transactions end right.
 */
export async function killInCommits(lane: Lane, stories: readonly Story[], killCount: number): Promise<void> {
  const coordinator = await lane.startCoordinator();
  let calledBefore = 0;
  for (let kill = 1; kill <= killCount; kill += 1) {
    const actors = stories.map((story) => place(lane, story));
    let unlock = async () => {};
    await inTurn(() =>
      bringToPoint(lane, actors, async () => {
        unlock = await killInCommit(lane, actors, coordinator, calledBefore);
      }),
    );
    for (const actor of actors) await checkStanding(lane, actor);
    await unlock();
    calledBefore = lane.participants.coordinatorCallCount;
    await coordinator.start();
    await Promise.all(actors.map(({ story, order }) => story.after?.(order)));
    await finish(lane, actors);
  }
}

/**
 * @param calledBefore how many calls had arrived when this coordinator was started
 * @returns what lets the commits end that the dead process had begun
 */
async function killInCommit(
  lane: Lane,
  actors: readonly Actor[],
  coordinator: CoordinatorProcess,
  calledBefore: number,
): Promise<() => Promise<void>> {
  const { participants } = lane;
  const gids = actors.map(({ order }) => order.gid);
  const called = () => gids.map((gid) => participants.callNames(gid));
  const before = called();
  const unlock = await lane.lockRows(gids);
  for (const gid of gids) {
    participants.forgetScript(gid);
    participants.letGo(gid);
  }
  const answers = Promise.allSettled(
    actors.flatMap(({ story, order }) => story.askedInCommit?.(order) ?? []),
  );
  await lane.untilSomeoneWaits();
  await lane.untilAllIsHeard(coordinator, calledBefore);
  await coordinator.kill();
  expect((await answers).filter(({ status }) => status === 'fulfilled')).toEqual([]);
  expect(called()).toEqual(before);
  return unlock;
}

/**
 * Clients place orders with two replicas, which are killed by turns; each is dead for a while, and both run between. Each
 * order is begun once, however often its client had to ask, and ends within the time from the last kill.
 */
export async function killUnderLoad(lane: Lane, killCount: number): Promise<void> {
  const replicas = [await lane.startCoordinator(), await lane.startReplica()] as const;
  const load = new Load(lane, replicas);
  for (let kill = 0; kill < killCount; kill += 1) {
    const replica = replicas[kill % 2 === 0 ? 0 : 1];
    await load.untilAnswered(ANSWERS_BETWEEN_KILLS);
    await replica.kill();
    await load.untilAnswered(ANSWERS_BETWEEN_KILLS);
    await replica.start();
  }
  await load.stop();
  await finish(lane, load.endings);
  expect(await lane.transactionCount()).toBe(load.endings.length);
}
