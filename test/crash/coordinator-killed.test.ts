/**
 * A coordinator dies by SIGKILL, at points that gates pin, and whoever comes after it ends every transaction right, with
 * no person's help. The invariants that are asserted stand with their numbers in checks.ts and participants.ts.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeOn } from '../support/servers.ts';
import { checkLane, checkStanding } from './checks.ts';
import { type Lane, openLane, SHUTDOWN_TIMEOUT_MS } from './lane.ts';
import { commits, heldCountOf, holdConfirms, holdTries, points, type Story } from './points.ts';
import { type Actor, ENDS_WITHIN_MS, type Ending, finish, isHeld, place, runRound } from './round.ts';

const KILLS_PER_POINT = 20;
/** A lane mostly waits until what its dead process left is due. */
const LANES_PER_POINT = 2;
const KILLS_PER_LANE = KILLS_PER_POINT / LANES_PER_POINT;
const LIMIT_MS = 300_000;

type Scene = readonly [title: string, laneCount: number, play: (lane: Lane) => Promise<void>];

const scenes: readonly Scene[] = [
  ['that is told to stop answers the requests under way, and loses nothing', 1, stopAndRestart],
  ['that is killed while commits are under way has told nobody of them', 1, killInCommits],
  ['that is killed while another replica runs is succeeded by that one', 1, killByTurns],
  ...points.map(
    (point): Scene => [
      `that is killed ${KILLS_PER_POINT} times ${point.title} leaves nothing undone, and nothing done twice`,
      LANES_PER_POINT,
      (lane) => killAndRestart(lane, point.stories),
    ],
  ),
];

describeOn(['mysql'], 'a coordinator', (server) => {
  /** All side by side, each on databases of its own; each is reported by its own test. */
  let runs: ReadonlyMap<string, Promise<unknown>> = new Map();

  async function run([, laneCount, play]: Scene): Promise<void> {
    const lanes = Array.from({ length: laneCount }, async () => {
      const lane = await openLane(server);
      try {
        await play(lane);
        await checkLane(lane);
      } finally {
        await lane.close();
      }
    });
    await Promise.all(lanes);
  }

  beforeAll(() => {
    runs = new Map(scenes.map((scene) => [scene[0], run(scene)]));
    for (const running of runs.values()) running.catch(() => {});
  });
  afterAll(async () => {
    await Promise.allSettled(runs.values());
  }, LIMIT_MS);

  test.each(scenes.map(([title]) => title))(
    '%s',
    async (title) => {
      await runs.get(title);
    },
    LIMIT_MS,
  );
});

async function killAndRestart(lane: Lane, stories: readonly Story[]): Promise<void> {
  const coordinator = await lane.startCoordinator();
  const next = () => coordinator.start();
  const long: Actor[] = [];
  for (let kill = 1; kill <= KILLS_PER_LANE; kill += 1) {
    const lands = kill % 2 === 0 ? 'at once' : 'last';
    long.push(...(await runRound({ lane, stories, coordinator, next, lands })));
  }
  await finish(lane, long, ENDS_WITHIN_MS);
}

/** The dead one is not started again before the other has ended its transactions. */
async function killByTurns(lane: Lane): Promise<void> {
  const stories = points.flatMap((point) => point.stories.filter(({ isLong }) => !isLong).slice(0, 2));
  let [coordinator, other] = [await lane.startCoordinator(), await lane.startReplica()];
  for (const lands of ['at once', 'last', 'at once'] as const) {
    const next = async () => lane.ask(other);
    await runRound({ lane, stories, coordinator, next, lands });
    await coordinator.start();
    [coordinator, other] = [other, coordinator];
  }
}

/** However a commit under way ends: nobody was told (I3) or called (I9) because of it, and its transactions end right. */
async function killInCommits(lane: Lane): Promise<void> {
  const { participants } = lane;
  const coordinator = await lane.startCoordinator();
  for (let kill = 1; kill <= 3; kill += 1) {
    const actors = commits.map((story) => place(lane, story));
    const gids = actors.map(({ order }) => order.gid);
    for (const { story, order } of actors) participants.follow(order.gid, story.script);
    await Promise.all(actors.map(({ story, order }) => story.before(order)));
    await Promise.all(actors.map((actor) => isHeld(lane, actor, heldCountOf(actor.story))));
    const confirmCounts = () => gids.map((gid) => participants.callCount(gid, 'confirm'));
    const before = confirmCounts();

    const unlock = await lane.lockRows(gids);
    for (const gid of gids) {
      participants.forgetScript(gid);
      participants.letGo(gid);
    }
    const asking = actors.filter(({ story }) => story.after);
    const answers = Promise.allSettled(asking.map(({ order }) => order.confirm()));
    await lane.untilSomeoneWaits();
    await coordinator.kill();
    expect((await answers).map(({ status }) => status)).toEqual(asking.map(() => 'rejected'));
    expect(confirmCounts()).toEqual(before);
    for (const actor of actors) await checkStanding(lane, actor);
    await unlock();
    await coordinator.start();
    await Promise.all(actors.map(({ story, order }) => story.after?.(order)));
    await finish(lane, actors, ENDS_WITHIN_MS);
  }
}

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

  const stoppedAt = Date.now();
  const exit = coordinator.end('SIGTERM');
  // Long before their minute is over, which also shows that the coordinator has begun to stop.
  await Promise.all(answers);
  await unlock();
  await decided;
  expect(deciding.order.told.at(-1)?.decision).toMatchObject({ decision: 'confirm' });
  for (const { order } of waiting) participants.letGo(order.gid);
  expect(await exit).toEqual({ code: 0, signal: null });
  expect(Date.now() - stoppedAt).toBeLessThan(SHUTDOWN_TIMEOUT_MS);

  const actors = [deciding, ...waiting];
  for (const actor of actors) {
    participants.forgetScript(actor.order.gid);
    participants.letGo(actor.order.gid);
    actor.rowsAtDeath = await lane.sql.store.journalOf(actor.order.gid);
  }
  await coordinator.start();
  await finish(lane, actors, ENDS_WITHIN_MS);
}
