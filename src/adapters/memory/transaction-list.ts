/** Lists and counts over transactions in memory: the same answers as the SQL store gives, by the same contract suite. */
import type { Loaded, TransactionEnd, TransactionFilter, Unfinished } from '../../application/ports.ts';
import {
  type GlobalTransaction,
  type Instant,
  isParked,
  type Status,
  waitingSince,
} from '../../domain/index.ts';

export function listOf(rows: readonly Loaded[], filter: TransactionFilter): GlobalTransaction[] {
  return rows
    .map(({ tx }) => tx)
    .filter((tx) => isAskedFor(tx, filter))
    .sort((one, other) => (one.gid < other.gid ? 1 : -1))
    .slice(0, filter.limit)
    .map(withoutPayloads);
}

function isAskedFor(tx: GlobalTransaction, filter: TransactionFilter): boolean {
  const { status, attention, participant, name, businessKey, beganAfter, before, from } = filter;
  return (
    (status === null || tx.status === status) &&
    filter.isQuarantined !== true &&
    (filter.isParked === null || isParked(tx) === filter.isParked) &&
    (attention === null || waitsSince(tx, attention.since) === attention.isNeeded) &&
    (participant === null || tx.branches.some((branch) => branch.participant === participant)) &&
    (name === null || tx.name === name) &&
    (businessKey === null || tx.businessKey === businessKey) &&
    (beganAfter === null || tx.beganAt >= beganAfter) &&
    (before === null || tx.gid < before) &&
    (from === undefined || tx.gid >= from)
  );
}

function waitsSince(tx: GlobalTransaction, since: Instant): boolean {
  const waiting = waitingSince(tx);
  return waiting !== null && waiting <= since;
}

const withoutPayloads = (tx: GlobalTransaction): GlobalTransaction => ({
  ...tx,
  branches: tx.branches.map((branch) => ({ ...branch, payload: '', result: null })),
});

export function waitingFor(
  rows: readonly Loaded[],
  participant: string,
  after: string,
  limit: number,
): string[] {
  const waits = ({ branches, callback, finishedAt }: GlobalTransaction) =>
    branches.some((branch) => branch.participant === participant && branch.phaseTwo.reply !== 'succeeded') ||
    (finishedAt !== null && callback?.participant === participant);
  return owing(rows)
    .filter(({ tx }) => tx.gid > after && waits(tx))
    .map(({ tx }) => tx.gid)
    .sort()
    .slice(0, limit);
}

export function countOf(rows: readonly Loaded[], attentionSince: Instant): Unfinished {
  const counted = owing(rows);
  const countByStatus: Partial<Record<Status, number>> = {};
  for (const { tx } of counted) countByStatus[tx.status] = (countByStatus[tx.status] ?? 0) + 1;
  return {
    countByStatus,
    parkedCount: counted.filter(({ tx }) => isParked(tx)).length,
    quarantinedCount: 0,
    attentionCount: counted.filter(({ tx }) => waitsSince(tx, attentionSince)).length,
    oldestBeganAt: oldest(counted.map(({ tx }) => tx.beganAt)),
    oldestWakeAt: oldest(counted.flatMap(({ wakeAt }) => wakeAt ?? [])),
  };
}

/** Finished, and nobody owes a call of it any more. */
export const isFinal = ({ tx, wakeAt }: Pick<Loaded, 'tx' | 'wakeAt'>): boolean =>
  tx.finishedAt !== null && wakeAt === null && !isParked(tx);

export const endsOf = (rows: readonly Loaded[]): TransactionEnd[] =>
  rows
    .map(({ tx, wakeAt }) => ({
      gid: tx.gid,
      isFinal: isFinal({ tx, wakeAt }),
      deadlineAt: tx.deadlineAt,
      finishedAt: tx.finishedAt,
    }))
    .sort((one, other) => (one.gid < other.gid ? -1 : 1));

/** Somebody must look at these: they are unfinished, or a late try of theirs is still to be cancelled once more. */
const owing = (rows: readonly Loaded[]) => rows.filter(({ wakeAt }) => wakeAt !== null);

const oldest = (instants: readonly Instant[]): Instant | null =>
  instants.length > 0 ? instants.reduce((one, other) => Math.min(one, other)) : null;
