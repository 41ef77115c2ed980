/**
 * A replica stands still beyond the deadlines of its transactions, and the other one cancels them. What it is asked
 * meanwhile comes too late, and so does what it judged in time and did not save.
 */
import { expect } from '@jest/globals';
import { untilLockAwaited } from '../support/lock-waits.ts';
import { type Arena, until } from './arena.ts';
import { begin, branch } from './kind.ts';
import type { Answer } from './replica.ts';
import { expectOneJournal, expectSameAtParticipants, expectTrue } from './truth.ts';

/** Long enough to begin them, to ask, and to be stopped; the other replica takes over a call time-out and more after it. */
const wishes = { timeoutMs: 2000, callTimeoutMs: 1500 };

/** @param count of the confirms that are under way when it stops, and again of those that come while it stands still */
export async function confirmWhileStopped(arena: Arena, count: number): Promise<void> {
  const [stopped, other] = arena.replicas;
  const begun = await Promise.all(Array.from({ length: 1 + 2 * count }, () => begin(stopped, wishes)));
  const [first = '', ...gids] = begun.map(({ gid }) => gid);
  await Promise.all(gids.map((gid) => stopped.register(gid, branch('stock'))));
  const told = new Map<string, Answer>();
  const confirm = async (gid: string) => told.set(gid, await stopped.confirm(gid));
  const statuses = () => Promise.all(gids.map(async (gid) => (await other.read(gid)).status));

  // One commit at a time: while that of the first stands before a lock, the others are judged, and wait in memory.
  const unlock = await lockRow(arena, first);
  const asked = [confirm(first)];
  try {
    await untilLockAwaited(arena.sql.dataSource);
    asked.push(...gids.slice(0, count).map(confirm));
    // This is answered after they were judged.
    await stopped.read(first);
    stopped.pause();
  } finally {
    await unlock();
  }
  try {
    asked.push(...gids.slice(count).map(confirm));
    const whenStopped = await statuses();
    const isCancelled = async () => (await statuses()).every((status) => status === 'cancelled');
    await until('the other replica has cancelled them', isCancelled);
    // It stood still in time, and until now.
    expect({ whenStopped, toldCount: told.size }).toEqual({
      whenStopped: gids.map(() => 'trying'),
      toldCount: 0,
    });
  } finally {
    stopped.goOn();
  }

  await Promise.all(asked);
  for (const gid of [first, ...gids]) {
    const answer = told.get(gid) as Answer;
    const end = await arena.endOf(gid);
    expect({ gid, status: answer.status }).toEqual({ gid, status: gid === first ? 200 : 409 });
    expectTrue(answer, end);
    await expectOneJournal(arena, end);
    expectSameAtParticipants(arena, end);
  }
}

/** Nobody can save this transaction until the answer is called. */
async function lockRow({ sql }: Arena, gid: string): Promise<() => Promise<void>> {
  const session = sql.dataSource.createQueryRunner();
  await session.startTransaction();
  await session.query('SELECT gid FROM global_transaction WHERE gid = ? FOR UPDATE', [gid]);
  return async () => {
    await session.rollbackTransaction();
    await session.release();
  };
}
