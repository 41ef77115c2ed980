/** What the rounds at one number of clients come to. */
import type { Measurement } from './measure.ts';

export type Round = { readonly coordinator: Measurement; readonly wireLimit: Measurement };

/** What one number of clients came to: medians over the rounds; ratios are taken within a round. */
export type Result = {
  readonly clients: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly wireLimitPerSecond: number;
  /** 1 would be as fast as the wire allows. */
  readonly ratio: number;
  readonly cpuSecondsPer1000: number | null;
  readonly wireLimitCpuSecondsPer1000: number | null;
  /** 1 would be no more CPU than the wire limit. */
  readonly cpuRatio: number | null;
  readonly commitsPerTransaction: number | null;
  readonly logSyncsPerTransaction: number | null;
  readonly journalRowsPerTransaction: number;
  readonly redisCommandsPerTransaction: number | null;
  readonly errorCount: number;
  readonly rounds: readonly Round[];
};

/** @param rowCountOf the journal rows of each measurement's transactions */
export function resultOf(
  clients: number,
  rounds: readonly Round[],
  rowCountOf: ReadonlyMap<Measurement, number>,
): Result {
  const of = <N extends number | null>(figure: (round: Round) => N): N => median(rounds.map(figure)) as N;
  return {
    clients,
    perSecond: of(({ coordinator }) => coordinator.perSecond),
    p50Ms: of(({ coordinator }) => coordinator.p50Ms),
    p99Ms: of(({ coordinator }) => coordinator.p99Ms),
    wireLimitPerSecond: of(({ wireLimit }) => wireLimit.perSecond),
    ratio: of(({ coordinator, wireLimit }) => coordinator.perSecond / wireLimit.perSecond),
    cpuSecondsPer1000: of(({ coordinator }) => coordinator.cpuSecondsPer1000.target),
    wireLimitCpuSecondsPer1000: of(({ wireLimit }) => wireLimit.cpuSecondsPer1000.target),
    cpuRatio: of(({ coordinator, wireLimit }) => cpuRatio(coordinator, wireLimit)),
    commitsPerTransaction: of(({ coordinator }) => coordinator.commitsPerTransaction),
    logSyncsPerTransaction: of(({ coordinator }) => coordinator.logSyncsPerTransaction),
    journalRowsPerTransaction: of(
      ({ coordinator }) => (rowCountOf.get(coordinator) ?? 0) / coordinator.transactionCount,
    ),
    redisCommandsPerTransaction: of(({ coordinator }) => coordinator.redisCommandsPerTransaction),
    errorCount: rounds.reduce((sum, r) => sum + r.coordinator.errorCount + r.wireLimit.errorCount, 0),
    rounds,
  };
}

function cpuRatio(coordinator: Measurement, wireLimit: Measurement): number | null {
  const ours = coordinator.cpuSecondsPer1000.target;
  const least = wireLimit.cpuSecondsPer1000.target;
  return ours && least && least / ours;
}

/** The middle of the figures, or the mean of the two in the middle; null when any of them is unknown. */
export function median(figures: readonly (number | null)[]): number | null {
  const known = figures.filter((figure) => figure !== null).sort((one, other) => one - other);
  if (known.length < figures.length || known.length === 0) return null;
  const middle = (known.length - 1) / 2;
  return ((known[Math.floor(middle)] as number) + (known[Math.ceil(middle)] as number)) / 2;
}
