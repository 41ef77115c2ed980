/** A collector for tests: takes spans by OTLP over HTTP with JSON, and keeps them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../support/until.ts';

type Value = { readonly stringValue?: string; readonly intValue?: number | string };

export type ReceivedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent or empty for a root. */
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
};

export type OtlpReceiver = {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Waits for a span of this name in a transaction. */
  spanOf(gid: string, name: string): Promise<ReceivedSpan>;
  close(): void;
};

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { resourceSpans = [] } = JSON.parse(Buffer.concat(chunks).toString());
    for (const { scopeSpans } of resourceSpans)
      for (const scope of scopeSpans) spans.push(...(scope.spans as ReceivedSpan[]));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const find = (gid: string, name: string) =>
    spans.find((span) => span.name === name && attributeOf(span, 'tcc.transaction.id') === gid);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async spanOf(gid, name) {
      await until(`a span ${name}`, async () => find(gid, name) !== undefined);
      return find(gid, name) as ReceivedSpan;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export function attributeOf({ attributes }: ReceivedSpan, key: string): string | undefined {
  const value = attributes.find((one) => one.key === key)?.value;
  const found = value?.stringValue ?? value?.intValue;
  return found === undefined ? undefined : String(found);
}

/** Names of a span and of what is below it, one a line, each level indented; siblings by name. */
export function treeOf(root: ReceivedSpan, spans: readonly ReceivedSpan[], depth = 0): string {
  const children = spans.filter(
    ({ parentSpanId, traceId }) => parentSpanId === root.spanId && traceId === root.traceId,
  );
  const below = children.map((child) => treeOf(child, spans, depth + 1)).sort();
  return [`${'  '.repeat(depth)}${root.name}`, ...below].join('\n');
}

/** What a process needs of OpenTelemetry's variables: every span is sent soon, as JSON. */
export const tracingTo = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '50',
});
