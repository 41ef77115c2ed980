/** Tracing as the composition root is given it; loads no package of OpenTelemetry. */
import type { FastifyInstance } from 'fastify';
import type { Tracer } from '../../application/tracing.ts';

export type Tracing = {
  readonly tracer: Tracer;
  /** Makes a span of each request; null where the HTTP server is not instrumented. */
  readonly pluginFor: ((app: FastifyInstance) => Promise<void>) | null;
  /** Spans that were lost because the queue was full or the collector did not take them. */
  droppedSpanCount(): Promise<number>;
  /** Sends what is left. Never rejects; a collector that does not answer takes it seconds. */
  stop(): Promise<void>;
};

/** Whether any of the standard variables asks for it. */
export const isTracingConfigured = (environment: Readonly<Record<string, string | undefined>>): boolean =>
  environment.OTEL_SDK_DISABLED !== 'true' &&
  Object.keys(environment).some((name) => name.startsWith('OTEL_') && environment[name] !== '');
