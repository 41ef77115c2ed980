/** One round: transactions are brought to a point, their coordinator is killed there, and all must end right. */
import { expect } from '@jest/globals';
import type { JournalRow } from '../../../src/application/ports.ts';
import { checkEnd, checkStanding } from './checks.ts';
import type { CoordinatorProcess } from './coordinator-process.ts';
import type { Lane } from './lane.ts';
import type { Order } from './order.ts';
import { heldCountOf, type Story } from './story.ts';
import { inTurn } from './turns.ts';

/** Bounds hangs: a slow machine takes its time. */
const ENDS_WITHIN_MS = 240_000;
const AT_POINT_WITHIN_MS = 120_000;

/** A transaction that must end, and how. */
export type Ending = {
  readonly story: Pick<Story, 'title' | 'ends'>;
  readonly order: Order;
  /** Its journal when its coordinator was dead. */
  rowsAtDeath: readonly JournalRow[];
};

/** A transaction on its way through a round. */
export type Actor = Ending & { readonly story: Story };

export type RoundParts = {
  readonly lane: Lane;
  readonly stories: readonly Story[];
  readonly coordinator: CoordinatorProcess;
  /** What is waited for while no process runs. */
  readonly whileDead?: (actors: readonly Actor[]) => Promise<void>;
  /** Another one carries on with these. */
  readonly next: (actors: readonly Actor[]) => Promise<void>;
  readonly lands: Landing;
};

/** What was held lands at once, or when everything has ended; or a request that was held was never sent. */
export type Landing = 'at once' | 'last' | 'never';

/** @returns the transactions that wait for their deadlines still, for `finish` */
export async function runRound(parts: RoundParts): Promise<Actor[]> {
  const { lane, stories, coordinator, whileDead, next, lands } = parts;
  const { participants } = lane;
  const actors = stories.map((story) => place(lane, story));
  await inTurn(() => bringToPoint(lane, actors, () => coordinator.kill()));
  // The scripts still hold: a request that the dead process has left in a socket waits at its gate, too.
  for (const actor of actors) actor.rowsAtDeath = await checkStanding(lane, actor);

  const short = actors.filter(({ story }) => !story.isLong);
  if (lands === 'at once') for (const { order } of short) participants.letGo(order.gid);
  if (lands === 'never') for (const { order } of short) participants.lose(order.gid);
  await whileDead?.(actors);
  for (const { order } of actors) participants.forgetScript(order.gid);
  await next(actors);
  await Promise.all(actors.map(({ story, order }) => story.after?.(order)));
  await finish(lane, short);
  return actors.filter(({ story }) => story.isLong);
}

export const place = (lane: Lane, story: Story): Actor => ({
  story,
  order: lane.place(story),
  rowsAtDeath: [],
});

/** Every actor does what its story says until each is where it is to be; then `kill`. */
export async function bringToPoint(
  lane: Lane,
  actors: readonly Actor[],
  kill: () => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  let isDead = false;
  const begun = actors.map(({ story, order }) => {
    lane.participants.follow(order.gid, story.script);
    const answered = story.before(order);
    if (!story.isUnanswered) return answered;
    answered.then(
      () => !isDead && errors.push(`“${story.title}” was answered`),
      (error) => !isDead && errors.push(error),
    );
    return undefined;
  });
  await Promise.all([...begun, ...actors.map((actor) => isAtPoint(lane, actor))]);
  // Told to a client, who may not find another truth later (I3).
  await Promise.all(actors.map(({ order }) => order.read()));
  expect(errors).toEqual([]);
  isDead = true;
  await kill();
}

async function isAtPoint(lane: Lane, actor: Actor): Promise<void> {
  const { story, order } = actor;
  const { participants } = lane;
  await isHeld(lane, actor, heldCountOf(story));
  const isDone = () =>
    order.form.branches.every(
      ({ branchId }, at) => participants.books.recordOf(order.gid, branchId) === story.atDeath.records[at],
    );
  await participants.until(`“${story.title}” is at its point`, isDone, AT_POINT_WITHIN_MS);
}

/** So many of its calls stand at their gates. */
export function isHeld({ participants }: Lane, { story, order }: Ending, count: number): Promise<void> {
  const isThere = () => participants.heldCount(order.gid) === count;
  return participants.until(`“${story.title}” is at its gates`, isThere, AT_POINT_WITHIN_MS);
}

/** All have ended, and as they must. */
export async function finish(lane: Lane, actors: readonly Ending[]): Promise<void> {
  const unended = await lane.unended(
    actors.map(({ order }) => order.gid),
    ENDS_WITHIN_MS,
  );
  const titles = actors.filter(({ order }) => unended.includes(order.gid)).map(({ story }) => story.title);
  expect({ unended: titles }).toEqual({ unended: [] });
  for (const { order } of actors) lane.participants.letGo(order.gid);
  await lane.participants.quiet();
  for (const actor of actors) await checkEnd(lane, actor);
}
