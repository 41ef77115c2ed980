/** Tcc whose coordinator dies at the points of the table, while commits are under way, or is told to stop. */
import { expect } from '@jest/globals';
import { killAndRestart, killByTurns, killInCommits } from './kills.ts';
import type { Lane } from './lane.ts';
import { commits, holdConfirms, holdTries, points } from './points.ts';
import { type Ending, finish, isHeld } from './round.ts';
import type { Scene } from './scenes.ts';

const KILLS_PER_POINT = 20;
/** A lane mostly waits until what its dead process left is due. */
const LANES_PER_POINT = 2;
const KILLS_PER_LANE = KILLS_PER_POINT / LANES_PER_POINT;
const KILLS_IN_COMMITS = 3;

const someOfEach = points.flatMap(({ stories }) => stories.filter(({ isLong }) => !isLong).slice(0, 2));

export const tccScenes: readonly Scene[] = [
  ['that is told to stop answers the requests under way, and loses nothing', 1, stopAndRestart],
  [
    'that is killed while commits are under way has told nobody of them',
    1,
    (lane) => killInCommits(lane, commits, KILLS_IN_COMMITS),
  ],
  [
    'that is killed while another replica runs is succeeded by that one',
    1,
    (lane) => killByTurns(lane, someOfEach),
  ],
  ...points.map(
    ({ title, stories }): Scene => [
      `that is killed ${KILLS_PER_POINT} times ${title} leaves nothing undone, and nothing done twice`,
      LANES_PER_POINT,
      (lane) => killAndRestart(lane, stories, KILLS_PER_LANE),
    ],
  ),
];

async function stopAndRestart(lane: Lane): Promise<void> {
  const { participants } = lane;
  const coordinator = await lane.startCoordinator();
  const underWay = (title: string): Ending => {
    return { story: { title, ends: 'confirmed' }, order: lane.place({}), rowsAtDeath: [] };
  };
  const deciding = underWay('a decision under way');
  const trying = underWay('tries under way');
  const confirming = underWay('confirms under way');
  const waiting = [trying, confirming];
  participants.follow(trying.order.gid, holdTries);
  participants.follow(confirming.order.gid, holdConfirms);
  const answers = waiting.map(({ order }) => order.declare(60));
  await deciding.order.begin();
  await deciding.order.register('stock', 'money');
  await deciding.order.tryBranch('stock');
  await deciding.order.tryBranch('money');
  await Promise.all(waiting.map((actor) => isHeld(lane, actor, 2)));
  const unlock = await lane.lockRows([deciding.order.gid]);
  const decided = deciding.order.confirm();
  await lane.untilSomeoneWaits();

  const exit = coordinator.end('SIGTERM');
  // Long before their minute is over, which also shows that the coordinator has begun to stop.
  await Promise.all(answers);
  await unlock();
  await decided;
  expect(deciding.order.told.at(-1)?.decision).toMatchObject({ decision: 'confirm' });
  for (const { order } of waiting) participants.letGo(order.gid);
  // It was not cut off by its shutdown timeout, which ends with code 1.
  expect(await exit).toEqual({ code: 0, signal: null });

  const actors = [deciding, ...waiting];
  for (const actor of actors) {
    participants.forgetScript(actor.order.gid);
    participants.letGo(actor.order.gid);
    actor.rowsAtDeath = await lane.sql.store.journalOf(actor.order.gid);
  }
  await coordinator.start();
  await finish(lane, actors);
}
