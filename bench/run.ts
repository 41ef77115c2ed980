/**
 * The run: for each number of clients, coordinator and wire limit by turns, round after round, so that whatever else the
 * machine does meets both.
 */
import { thisCheckout } from './checkout.ts';
import { openLab } from './lab.ts';
import type { Options } from './options.ts';
import { type Result, type Round, resultOf } from './result.ts';
import { type Case, type Count, machine, openSeries, progress, type Series } from './series.ts';
import { startCoordinator, startWireLimit, type Target } from './target.ts';
import { openTracing, type SpanCounts, tracingFaults } from './tracing.ts';

export type Report = Count & {
  readonly pattern: Options['pattern'];
  readonly database: string;
  readonly node: string;
  readonly machine: string;
  readonly secondsPerMeasurement: number;
  readonly roundCount: number;
  readonly results: readonly Result[];
  /** Null when the coordinator did not trace. */
  readonly tracing: SpanCounts | null;
  /** Why this run is no proof of anything; empty when all was well. */
  readonly faults: readonly string[];
};

export async function run(options: Options, opened: AsyncDisposableStack): Promise<Report> {
  const { pattern, clientCounts, seconds, rounds: roundCount, profile } = options;
  const lab = await openLab(options, opened);
  const sink = options.tracing === null ? null : await openTracing(lab, options.tracing);
  const targets = {
    wireLimit: await startWireLimit(lab),
    coordinator: await startCoordinator(lab, {
      name: 'the coordinator',
      checkout: thisCheckout(),
      flags: profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
      ...(sink && { environment: sink.environment }),
    }),
  };
  await lab.redis?.learnIdle();
  const database = lab.title;
  progress(`${database}; ${clientCounts.join(', ')} clients, ${roundCount} rounds of 2 × ${seconds} s each`);
  const series = openSeries(lab);
  const byClients: { clients: number; rounds: Round[] }[] = [];
  for (const clients of clientCounts) {
    const rounds: Round[] = [];
    while (rounds.length < roundCount && series.faults().length === 0)
      rounds.push(await oneRound(series, targets, { pattern, clients, seconds }));
    if (rounds.length > 0) byClients.push({ clients, rounds });
  }
  const spans = byClients.flatMap(({ rounds }) => rounds.map(({ coordinator }) => coordinator));
  const tracing = (await sink?.countAtEnd(targets.coordinator)) ?? null;
  const { acknowledged, stored, journalRowCounts, faults } = await series.countAtEnd(
    targets.coordinator,
    spans,
  );
  const rowCountOf = new Map(spans.map((span, index) => [span, journalRowCounts[index] ?? 0]));
  return {
    pattern,
    database,
    node: process.version,
    machine: machine(),
    secondsPerMeasurement: seconds,
    roundCount,
    results: byClients.map(({ clients, rounds }) => resultOf(clients, rounds, rowCountOf)),
    tracing,
    acknowledged,
    stored,
    faults: [...series.faults(), ...faults, ...tracingFaults(tracing)],
  };
}

type Targets = { readonly coordinator: Target; readonly wireLimit: Target };

const oneRound = async (series: Series, { coordinator, wireLimit }: Targets, of: Case): Promise<Round> => ({
  coordinator: await series.warmAndMeasure(coordinator, of),
  wireLimit: await series.warmAndMeasure(wireLimit, of),
});
