/**
 * Time series that may carry exemplars: a sample of a sampled trace keeps its trace id, so that a graph leads to that trace.
 *
 * A sample without a sampled trace costs no more than without exemplars: nothing is allocated for it.
 */
import type { Counter, Histogram } from 'prom-client';
import type { GlobalTransaction } from '../domain/index.ts';

type Labels = Readonly<Record<string, string>>;

/** @returns counts one. prom-client's own `labels()` takes no exemplars. */
export function countOf(counter: Counter, labels: Labels): (sampledTraceId: string | null) => void {
  const without = { labels };
  return (sampledTraceId) =>
    counter.inc(sampledTraceId === null ? without : { labels, exemplarLabels: exemplarOf(sampledTraceId) });
}

/** @returns observes a value */
export function observationOf(
  histogram: Histogram,
  labels: Labels,
): (value: number, sampledTraceId: string | null) => void {
  const without = histogram.labels(labels);
  return (value, sampledTraceId) => {
    if (sampledTraceId === null) without.observe(value);
    else histogram.observe({ labels, value, exemplarLabels: exemplarOf(sampledTraceId) });
  };
}

/** OpenMetrics allows 128 characters: these are 40. */
const exemplarOf = (sampledTraceId: string) => ({ trace_id: sampledTraceId });

/** The trace that a transaction stores, if the last flag of its `traceparent` says that it is sampled. */
export function sampledTraceIdOf({ traceparent }: Pick<GlobalTransaction, 'traceparent'>): string | null {
  const [, traceId, , flags] = traceparent?.split('-') ?? [];
  if (traceId === undefined || flags === undefined) return null;
  return (Number.parseInt(flags, 16) & 1) === 1 ? traceId : null;
}
