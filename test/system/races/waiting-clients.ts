/** A client waits at one replica for what the other one ends. */
import { expect } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { type ReplicaPair, until } from './replica-pair.ts';
import { begin, branch, LONG_MS } from './race-kind.ts';
import type { Answer, ReplicaClient } from './replica-client.ts';
import { expectSameAtParticipants, expectAnswerHolds } from './answer-checks.ts';

const WAIT_SECONDS = 60;
/** Before its wait is over, a client must know: only a hang takes so long. */
export const TOLD_WITHIN_MS = 55_000;

/** A call that hangs times out only long after that: no client may wait for it. */
const CALL_TIMEOUT_MS = 60_000;

/** What is waited for, and the request that both clients send and wait at. */
export type WaitingRequest = (
  home: ReplicaClient,
) => Promise<{ gid: string; ask: (replica: ReplicaClient) => Promise<Answer> }>;

export const beginDeclared: WaitingRequest = async () => {
  const gid = uuidv7();
  const body = { gid, timeoutMs: LONG_MS, callTimeoutMs: CALL_TIMEOUT_MS, branches: [branch('stock')] };
  return { gid, ask: (replica) => replica.begin(body, { prefer: `wait=${WAIT_SECONDS}` }) };
};

export const confirmInteractive: WaitingRequest = async (home) => {
  const { gid } = await begin(home, { callTimeoutMs: CALL_TIMEOUT_MS });
  await home.register(gid, branch('stock'));
  return { gid, ask: (replica) => replica.confirm(gid, WAIT_SECONDS) };
};

/** The second replica's call is answered only after both clients are: it learns of the end by reading the database. */
export async function waitAtBoth(pair: ReplicaPair, wait: WaitingRequest, number: number): Promise<void> {
  const { participants, replicas } = pair;
  const [ending, other] = number % 2 === 0 ? replicas : [replicas[1], replicas[0]];
  const { gid, ask } = await wait(ending);
  participants.holdAnswers(gid);
  const told = ask(ending);
  await until(`${gid} is confirmed by the first`, () => participants.heldCount(gid) === 1);
  const toldByOther = ask(other);
  await until(`${gid} is confirmed by the second`, () => participants.heldCount(gid) === 2);
  participants.answerFirst(gid);
  const answers = await Promise.all([told, toldByOther]).finally(() => participants.answerFirst(gid));
  const end = await pair.endOf(gid);
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 200, body: { status: 'confirmed' } });
    expectAnswerHolds(answer, end);
  }
  expectSameAtParticipants(pair, end);
  expect(end.events.at(-1)?.writer).toBe(pair.writerOf(ending));
}
