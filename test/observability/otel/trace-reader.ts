/** Where spans are sent to and read back from: the tests' own receiver (otlp-receiver.ts), or a Jaeger (jaeger-reader.ts). */

export type SpanName = { readonly traceId: string; readonly spanId: string };

export type TracedSpan = SpanName & {
  /** Null for a root. */
  readonly parentSpanId: string | null;
  readonly name: string;
  /** The process that made it, by its OTEL_SERVICE_NAME. */
  readonly service: string;
  /** Numbers as text. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly SpanName[];
  readonly isError: boolean;
  /** Since 1970. */
  readonly startedAtUs: number;
};

export type TraceReader = {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is to be; takes JSON. */
  readonly collectorUrl: string;
  /** All spans, received so far, of the traces in which the coordinator names the transaction. */
  spansOf(gid: string): Promise<readonly TracedSpan[]>;
  close(): Promise<void>;
};

/** What a process needs of OpenTelemetry's variables: every span is sent soon, as JSON. */
export const tracingTo = (collectorUrl: string, service: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_SERVICE_NAME: service,
});
