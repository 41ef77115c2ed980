/** What a kind of race is, and what several kinds share: requests, and which side won. */
import type * as wire from '@tercet/sdk/wire';
import { MARKS } from '../../support/marks.ts';
import type { StartOffset, Side } from './start-offset.ts';
import type { ReplicaPair, End } from './replica-pair.ts';
import { PARTICIPANT } from './participants.ts';
import type { Answer, ReplicaClient } from './replica-client.ts';

/** One race before it runs. The roles of the replicas change from race to race. */
export type RaceStart = {
  readonly pair: ReplicaPair;
  /** Counts the races of a kind. */
  readonly number: number;
  /** The two that are asked at the same moment. */
  readonly sides: readonly [ReplicaClient, ReplicaClient];
  /** The one of them that began what is raced for, and has it in memory. */
  readonly home: ReplicaClient;
  readonly away: ReplicaClient;
  readonly offset: StartOffset;
};

/** One race that has run. `winner` is called when its transaction has ended. */
export type RaceResult = {
  readonly gid: string;
  readonly answers: readonly Answer[];
  readonly winner: (end: End) => Side;
};

export type RaceKind = {
  readonly title: string;
  readonly sides: readonly [string, string];
  readonly race: (start: RaceStart) => Promise<RaceResult>;
  /** How much earlier the first side starts in the first races; 0 when absent. */
  readonly leadMs?: number;
  /** How many races run concurrently, where that differs from the other kinds. */
  readonly atOnceCount?: number;
};

/** Long before it nothing decides by itself. */
export const LONG_MS = 600_000;

export const branch = (branchId: string, note = 'the same'): wire.BranchRequest => ({
  branchId,
  participant: PARTICIPANT,
  activity: 'reserve',
  payload: { note, card: MARKS.payload },
});

export async function begin(
  replica: ReplicaClient,
  wishes: wire.BeginRequest = {},
): Promise<wire.TransactionView> {
  const { status, body } = await replica.begin({
    timeoutMs: LONG_MS,
    businessKey: MARKS.businessKey,
    ...wishes,
  });
  if (status !== (wishes.branches ? 202 : 201))
    throw new Error(`a beginning was answered ${status}: ${JSON.stringify(body)}`);
  return body as wire.TransactionView;
}

/** One answer says that it was made, all others that it stood. @returns the index of the one */
export function onlyMaker(answers: readonly Answer[]): number {
  const statuses = answers.map(({ status }) => status);
  if (statuses.toSorted().join() !== [...answers.slice(1).map(() => 200), 201].join())
    throw new Error(`the same was asked, and answered ${JSON.stringify(answers)}`);
  return statuses.indexOf(201);
}

/** One answer says that it was made, the other that it differs. @returns the side of the one */
export function onlyWinner(answers: readonly [Answer, Answer], code: string): Side {
  const said = answers.map(({ status, body }) => ('code' in body ? body.code : status));
  if (said.includes(201) && said.includes(code)) return said[0] === 201 ? 0 : 1;
  throw new Error(`one had to win, and they were answered ${JSON.stringify(answers)}`);
}

/** The side whose replica wrote the row. */
export function sideThatWrote({ pair, sides }: RaceStart, { events }: End, seq: number): Side {
  const writer = events[seq - 1]?.writer;
  const side = sides.findIndex((replica) => pair.writerOf(replica) === writer);
  if (side < 0) throw new Error(`row ${seq} was written by neither replica: ${JSON.stringify(events)}`);
  return side === 0 ? 0 : 1;
}
