/** A client waits at one replica for what the other one ends. */
import { expect } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { type Arena, until } from './arena.ts';
import { begin, branch, LONG_MS } from './kind.ts';
import type { Answer, Replica } from './replica.ts';
import { expectSameAtParticipants, expectTrue } from './truth.ts';

const WAIT_SECONDS = 60;
/** Before its wait is over, a client must know: only a hang takes so long. */
export const TOLD_WITHIN_MS = 55_000;

/** A call that hangs is given up only long after that: it must keep nobody waiting. */
const CALL_TIMEOUT_MS = 60_000;

/** What is waited for, and the request that both clients send and wait at. */
export type Wait = (home: Replica) => Promise<{ gid: string; ask: (replica: Replica) => Promise<Answer> }>;

export const beginDeclared: Wait = async () => {
  const gid = uuidv7();
  const body = { gid, timeoutMs: LONG_MS, callTimeoutMs: CALL_TIMEOUT_MS, branches: [branch('stock')] };
  return { gid, ask: (replica) => replica.begin(body, { prefer: `wait=${WAIT_SECONDS}` }) };
};

export const confirmInteractive: Wait = async (home) => {
  const { gid } = await begin(home, { callTimeoutMs: CALL_TIMEOUT_MS });
  await home.register(gid, branch('stock'));
  return { gid, ask: (replica) => replica.confirm(gid, WAIT_SECONDS) };
};

/** The second replica's call is not answered before both clients are told: what it says of the end, it found by looking. */
export async function waitAtBoth(arena: Arena, wait: Wait, number: number): Promise<void> {
  const { participants, replicas } = arena;
  const [ending, other] = number % 2 === 0 ? replicas : [replicas[1], replicas[0]];
  const { gid, ask } = await wait(ending);
  participants.holdAnswers(gid);
  const told = ask(ending);
  await until(`${gid} is confirmed by the first`, () => participants.heldCount(gid) === 1);
  const toldByOther = ask(other);
  await until(`${gid} is confirmed by the second`, () => participants.heldCount(gid) === 2);
  participants.answerFirst(gid);
  const answers = await Promise.all([told, toldByOther]).finally(() => participants.answerFirst(gid));
  const end = await arena.endOf(gid);
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 200, body: { status: 'confirmed' } });
    expectTrue(answer, end);
  }
  expectSameAtParticipants(arena, end);
  expect(end.events.at(-1)?.writer).toBe(arena.writerOf(ending));
}
