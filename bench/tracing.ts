/**
 * Tracing in a run: the coordinator of this checkout sends its spans to a sink, which counts and discards them. A reader of
 * the figures needs the counts: a coordinator that sends no spans, or drops many, is measured as too fast.
 */
import { benchProgram } from './child.ts';
import type { Lab } from './lab.ts';
import type { Target } from './target.ts';

export type SpanCounts = {
  /** The share of transactions that are traced. */
  readonly share: number;
  /** Spans that the sink received, those of the warm-up included. */
  readonly receivedSpanCount: number;
  /** Spans for which the coordinator's export queue had no room, or that the sink did not take. */
  readonly droppedSpanCount: number;
};

export type BenchTracing = {
  /** What the coordinator is to be started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends the coordinator, which sends what is left, and counts. */
  countAtEnd(coordinator: Target): Promise<SpanCounts>;
};

export async function openTracing(lab: Lab, share: number): Promise<BenchTracing> {
  const sink = lab.start(benchProgram('the span sink', 'bench/span-sink.ts'));
  const { port } = await sink.receive<{ port: number }>();
  return {
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(share),
    },
    async countAtEnd(coordinator) {
      const droppedSpanCount = await droppedBy(coordinator);
      await coordinator.process.stop();
      const { spanCount } = await sink.ask<{ spanCount: number }>({});
      return { share, receivedSpanCount: spanCount, droppedSpanCount };
    },
  };
}

async function droppedBy({ port }: Target): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const count = /^tercet_spans_dropped_total (\d+)$/m.exec(text)?.[1];
  if (count === undefined) throw new Error('the coordinator does not count the spans that it drops');
  return Number(count);
}

/** Why the spans make the run worthless. */
export const tracingFaults = (counts: SpanCounts | null): string[] =>
  counts?.receivedSpanCount === 0
    ? ['the span sink received no span: what was measured is a coordinator that does not trace']
    : [];

/** The counts as lines of a table for people; none without tracing. */
export const tracingLines = (counts: SpanCounts | null): string[] =>
  counts === null
    ? []
    : [
        `tracing of ${counts.share} of the transactions by this checkout: the sink received ` +
          `${counts.receivedSpanCount} spans; ${counts.droppedSpanCount} were dropped`,
      ];
