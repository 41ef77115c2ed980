/**
 * One measurement: some clients, one target, some seconds. It begins and ends with nothing under way, so that what clients
 * were answered, what the server counted and the CPU time all belong to the same transactions.
 */
import { cpuSeconds } from './cpu-time.ts';
import type { Counters, Span } from './database.ts';
import type { Lab } from './lab.ts';
import type { LoadAnswer, LoadQuestion } from './load.ts';
import type { Target } from './target.ts';

/** Seconds of CPU for 1000 transactions; null where the system or a foreign server does not report it. */
export type CpuPer1000 = {
  readonly target: number | null;
  readonly database: number | null;
  readonly participants: number | null;
  readonly load: number | null;
};

export type Measurement = Span & {
  readonly transactionCount: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSecondsPer1000: CpuPer1000;
  /** Null for the wire limit, which has no database. */
  readonly commitsPerTransaction: number | null;
  readonly logSyncsPerTransaction: number | null;
  /** Null without a Redis, and for the wire limit. */
  readonly redisCommandsPerTransaction: number | null;
  readonly errorCount: number;
  readonly errors: readonly string[];
};

export async function measure(
  lab: Lab,
  target: Target,
  question: Omit<LoadQuestion, 'port'>,
): Promise<Measurement> {
  const before = await readings(lab, target);
  const received = await lab.load.ask<LoadAnswer>({ port: target.port, ...question });
  const after = await readings(lab, target);
  const { beganAt, endedAt, confirmedCount, inTimeCount, p50Ms, p99Ms, errorCount, errors } = received;
  const each = (from: number | null | undefined, to: number | null | undefined): number | null =>
    from == null || to == null || confirmedCount === 0 ? null : (to - from) / confirmedCount;
  const per1000 = (of: keyof CpuPer1000): number | null => {
    const seconds = each(before.cpu[of], after.cpu[of]);
    return seconds && seconds * 1000;
  };
  return {
    beganAt,
    endedAt,
    transactionCount: confirmedCount,
    perSecond: inTimeCount / question.seconds,
    p50Ms,
    p99Ms,
    cpuSecondsPer1000: {
      target: per1000('target'),
      database: per1000('database'),
      participants: per1000('participants'),
      load: per1000('load'),
    },
    commitsPerTransaction: each(before.counters?.commits, after.counters?.commits),
    logSyncsPerTransaction: each(before.counters?.logSyncs, after.counters?.logSyncs),
    redisCommandsPerTransaction: each(before.redisCommands, after.redisCommands),
    errorCount,
    errors,
  };
}

type Readings = {
  readonly cpu: CpuPer1000;
  readonly counters: Counters | null;
  readonly redisCommands: number | null;
};

async function readings({ participants, load }: Lab, target: Target): Promise<Readings> {
  const { database, redis } = target;
  return {
    redisCommands: (await redis?.commandCount()) || null,
    counters: (await database?.counters(target.process)) ?? null,
    cpu: {
      target: cpuSeconds(target.process.pid),
      database: cpuSeconds(database?.pid ?? null),
      participants: cpuSeconds(participants.pid),
      load: cpuSeconds(load.pid),
    },
  };
}
