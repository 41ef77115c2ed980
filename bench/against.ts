/**
 * A comparison: the coordinator of this checkout and that of another one, alternating under this checkout's load, on one
 * server with a database each. The order changes from pair to pair, so that a machine which gets slower or faster meets
 * both. Both stay started: the one that is not measured is idle.
 */
import { type Compared, type Pair, resultOfPairs } from './against-result.ts';
import { type Checkout, type Origin, originOf, thisCheckout } from './checkout.ts';
import { openLab } from './lab.ts';
import type { Options } from './options.ts';
import { type Case, type Count, machine, openSeries, progress, type Series } from './series.ts';
import { type Coordinator, startCoordinator } from './target.ts';
import { openTracing, type SpanCounts, tracingFaults } from './tracing.ts';

export type AgainstReport = {
  readonly pattern: Options['pattern'];
  readonly database: string;
  readonly machine: string;
  readonly secondsPerMeasurement: number;
  readonly pairCount: number;
  readonly checkouts: Readonly<Record<keyof Pair, Origin & Count>>;
  readonly results: readonly Compared[];
  /** Of this checkout; null when it did not trace. */
  readonly tracing: SpanCounts | null;
  /** Why this run is no proof of anything; empty when all was well. */
  readonly faults: readonly string[];
};

export type Against = { readonly other: Checkout; readonly pairs: number };

export async function runAgainst(
  options: Options,
  { other, pairs: pairCount }: Against,
  opened: AsyncDisposableStack,
): Promise<AgainstReport> {
  const { pattern, clientCounts, seconds } = options;
  const lab = await openLab(options, opened);
  const sink = options.tracing === null ? null : await openTracing(lab, options.tracing);
  const checkouts = { this: thisCheckout(), other };
  const coordinators = {
    this: await startCoordinator(lab, {
      name: 'this checkout',
      checkout: checkouts.this,
      ...(sink && { environment: sink.environment }),
    }),
    other: await startCoordinator(lab, { name: 'the other checkout', checkout: checkouts.other }),
  };
  await lab.redis?.learnIdle();
  const database = lab.title;
  progress(`${database}; ${clientCounts.join(', ')} clients, ${pairCount} pairs of 2 × ${seconds} s each`);
  const series = openSeries(lab);
  const results: Compared[] = [];
  for (const clients of clientCounts) {
    const pairs: Pair[] = [];
    while (pairs.length < pairCount && series.faults().length === 0)
      pairs.push(await onePair(series, coordinators, { pattern, clients, seconds }, pairs.length));
    if (pairs.length > 0) results.push(resultOfPairs(clients, pairs));
  }
  const tracing = (await sink?.countAtEnd(coordinators.this)) ?? null;
  const ofThis = await series.countAtEnd(coordinators.this);
  const ofOther = await series.countAtEnd(coordinators.other);
  return {
    pattern,
    database,
    machine: machine(),
    secondsPerMeasurement: seconds,
    pairCount,
    checkouts: {
      this: { ...originOf(checkouts.this), acknowledged: ofThis.acknowledged, stored: ofThis.stored },
      other: { ...originOf(checkouts.other), acknowledged: ofOther.acknowledged, stored: ofOther.stored },
    },
    results,
    tracing,
    faults: [...series.faults(), ...ofThis.faults, ...ofOther.faults, ...tracingFaults(tracing)],
  };
}

async function onePair(
  series: Series,
  coordinators: Readonly<Record<keyof Pair, Coordinator>>,
  of: Case,
  index: number,
): Promise<Pair> {
  const measure = (which: keyof Pair) => series.warmAndMeasure(coordinators[which], of);
  if (index % 2 === 0) return { this: await measure('this'), other: await measure('other') };
  const other = await measure('other');
  return { this: await measure('this'), other };
}
