/** Reads traces back from Jaeger as its search page does: by the service and a tag, over the query API. */
import { startJaeger } from './jaeger-process.ts';
import type { TracedSpan, TraceReader } from './trace-reader.ts';

type JaegerSpan = {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly processID: string;
  /** Microseconds since 1970. */
  readonly startTime: number;
  readonly references: readonly {
    readonly refType: 'CHILD_OF' | 'FOLLOWS_FROM';
    readonly traceID: string;
    readonly spanID: string;
  }[];
  readonly tags: readonly { readonly key: string; readonly value: string | number | boolean }[];
};

type JaegerTrace = {
  readonly spans: readonly JaegerSpan[];
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
};

export async function jaegerReader(binary: string): Promise<TraceReader> {
  const { collectorUrl, queryUrl, stop } = await startJaeger(binary);
  return {
    collectorUrl,
    async spansOf(gid) {
      const url = new URL('/api/traces', queryUrl);
      url.searchParams.set('service', 'tercet');
      url.searchParams.set('tags', JSON.stringify({ 'tcc.transaction.id': gid }));
      const response = await fetch(url);
      const { data } = (await response.json()) as { data: readonly JaegerTrace[] | null };
      return (data ?? []).flatMap(spansIn);
    },
    close: stop,
  };
}

const spansIn = ({ spans, processes }: JaegerTrace): TracedSpan[] =>
  spans.map((span) => {
    const attributes = Object.fromEntries(span.tags.map(({ key, value }) => [key, String(value)]));
    const refersTo = (type: string) =>
      span.references
        .filter(({ refType }) => refType === type)
        .map(({ traceID, spanID }) => ({ traceId: traceID, spanId: spanID }));
    return {
      traceId: span.traceID,
      spanId: span.spanID,
      name: span.operationName,
      parentSpanId: refersTo('CHILD_OF')[0]?.spanId ?? null,
      service: processes[span.processID]?.serviceName ?? '',
      attributes,
      links: refersTo('FOLLOWS_FROM'),
      isError: attributes.error === 'true',
      startedAtUs: span.startTime,
    };
  });
