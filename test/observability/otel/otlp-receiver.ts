/** A collector for tests: takes spans by OTLP over HTTP with JSON, and keeps them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SpanName, TracedSpan, TraceReader } from './trace-reader.ts';

type Attribute = {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string };
};

type OtlpSpan = SpanName & {
  /** Absent or empty for a root. */
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly links?: readonly SpanName[];
  readonly status: { readonly code?: number };
};

type OtlpRequest = {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
};

const ERROR = 2;

export async function otlpReceiver(): Promise<TraceReader> {
  const spans: TracedSpan[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    spans.push(...spansIn(JSON.parse(Buffer.concat(chunks).toString())));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    collectorUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async spansOf(gid) {
      const naming = spans.filter(({ attributes }) => attributes['tcc.transaction.id'] === gid);
      const traceIds = new Set(
        naming.filter(({ service }) => service === 'tercet').map(({ traceId }) => traceId),
      );
      return spans.filter(({ traceId }) => traceIds.has(traceId));
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const spansIn = ({ resourceSpans = [] }: OtlpRequest): TracedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = recordOf(resource.attributes)['service.name'] ?? '';
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => tracedSpan(span, service)));
  });

const tracedSpan = (span: OtlpSpan, service: string): TracedSpan => ({
  traceId: span.traceId,
  spanId: span.spanId,
  parentSpanId: span.parentSpanId || null,
  name: span.name,
  service,
  attributes: recordOf(span.attributes),
  links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
  isError: span.status.code === ERROR,
  startedAtUs: Number(BigInt(span.startTimeUnixNano) / 1000n),
});

const recordOf = (attributes: readonly Attribute[]): Record<string, string> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue ?? '')]),
  );
