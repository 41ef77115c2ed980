/**
 * A replica is suspended beyond the deadlines of its transactions, and the other one cancels them. Requests that it
 * receives meanwhile are too late, and so are decisions that it made in time and did not save (I13, I14).
 */
import { expect } from '@jest/globals';
import { untilLockAwaited } from '../../support/database-sessions.ts';
import { type ReplicaPair, until } from './replica-pair.ts';
import { begin, branch } from './race-kind.ts';
import type { Answer } from './replica-client.ts';
import { expectOneJournal, expectSameAtParticipants, expectAnswerHolds } from './answer-checks.ts';

/** The other replica takes over a call time-out and more after the deadline. */
const CALL_TIMEOUT_MS = 3000;
/** Doubled each time that the machine was too slow for it. */
const FIRST_TIMEOUT_MS = 4000;
const ATTEMPTS = 6;

/** @param count of the confirms that are under way when it is suspended, and again of those that arrive meanwhile */
export async function confirmWhileSuspended(pair: ReplicaPair, count: number): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1)
    if (await wasStoppedInTime(pair, count, FIRST_TIMEOUT_MS * 2 ** attempt)) return;
  throw new Error(`in ${ATTEMPTS} attempts no replica was stopped between a judgement and its save`);
}

/**
 * @returns false where the replica was not stopped soon enough: a deadline had passed by then, or the save that stood before
 * the lock was set aside. Then only the answers are checked.
 */
async function wasStoppedInTime(pair: ReplicaPair, count: number, timeoutMs: number): Promise<boolean> {
  const [stopped, other] = pair.replicas;
  const wishes = { timeoutMs, callTimeoutMs: CALL_TIMEOUT_MS };
  const begun = await Promise.all(Array.from({ length: 1 + 2 * count }, () => begin(stopped, wishes)));
  const [first = '', ...gids] = begun.map(({ gid }) => gid);
  const registered = await Promise.all(gids.map((gid) => stopped.register(gid, branch('stock'))));
  const told = new Map<string, Answer>();
  const asked: Promise<unknown>[] = [];
  const confirm = (gid: string) => {
    const answered = stopped.confirm(gid).then((answer) => told.set(gid, answer));
    // It may fail before it is awaited below.
    answered.catch(() => {});
    asked.push(answered);
  };
  const statuses = () => Promise.all(gids.map(async (gid) => (await other.read(gid)).status));

  // One commit at a time: while that of the first stands before a lock, the others are decided, and wait in memory.
  const unlock = await lockRow(pair, first);
  confirm(first);
  try {
    await untilLockAwaited(pair.sql.dataSource);
    for (const gid of gids.slice(0, count)) confirm(gid);
    // This is answered after they were decided.
    await stopped.read(first);
    stopped.pause();
  } finally {
    await unlock();
  }
  let isInTime = false;
  try {
    for (const gid of gids.slice(count)) confirm(gid);
    const whenStopped = await statuses();
    const haveEnded = async () =>
      (await statuses()).every((status) => status === 'cancelled' || status === 'confirmed');
    await until('the other replica has ended them', haveEnded);
    isInTime = (await other.read(first)).status === 'confirmed' && told.size === 0;
    isInTime &&= whenStopped.every((status) => status === 'trying');
    if (isInTime) expect(await statuses()).toEqual(gids.map(() => 'cancelled'));
  } finally {
    stopped.resume();
  }

  await Promise.all(asked);
  for (const [at, gid] of [first, ...gids].entries()) {
    const end = await pair.endOf(gid);
    const isConfirmed = end.view.status === 'confirmed';
    if (isInTime) expect({ gid, isConfirmed }).toEqual({ gid, isConfirmed: gid === first });
    const confirmed = told.get(gid) as Answer;
    expect({ gid, status: confirmed.status }).toEqual({ gid, status: isConfirmed ? 200 : 409 });
    for (const answer of [confirmed, ...registered.slice(at - 1, at)]) expectAnswerHolds(answer, end);
    await expectOneJournal(pair, end);
    expectSameAtParticipants(pair, end);
  }
  return isInTime;
}

/** No replica can save this transaction until the returned function is called. */
async function lockRow({ sql }: ReplicaPair, gid: string): Promise<() => Promise<void>> {
  const session = sql.dataSource.createQueryRunner();
  await session.startTransaction();
  await session.query('SELECT gid FROM global_transaction WHERE gid = ? FOR UPDATE', [gid]);
  return async () => {
    await session.rollbackTransaction();
    await session.release();
  };
}
