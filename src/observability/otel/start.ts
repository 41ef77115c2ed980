/**
 * Starts OpenTelemetry, before anything that it instruments is imported. The standard OTEL_… variables configure it; with none
 * of them set this file is never loaded.
 */
import { createRequire, register } from 'node:module';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { IORedisInstrumentation } from '@opentelemetry/instrumentation-ioredis';
import { MySQL2Instrumentation } from '@opentelemetry/instrumentation-mysql2';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { MetricReader } from '@opentelemetry/sdk-metrics';
import type { FastifyInstance } from 'fastify';
import { OtelTracer } from './otel-tracer.ts';
import { samplerOf, StoredFlagSampler } from './stored-flag-sampler.ts';
import type { Tracing } from './tracing.ts';

/** Statements carry payloads, so mysql2 is instrumented only on demand, and without their text. */
const INSTRUMENTED_BY_DEFAULT = 'fastify,undici,ioredis';

/** @param environment of the process: the OpenTelemetry SDK reads it, so defaults are set in it */
export function startTracing(environment: NodeJS.ProcessEnv): Tracing {
  const names = instrumentedBy(environment);
  // Modules that are imported, in contrast to required ones, are instrumented by a hook of the loader.
  register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
  const dropped = new DroppedSpans();
  // Its own metrics count the spans that are dropped.
  environment.OTEL_NODE_EXPERIMENTAL_SDK_METRICS ??= 'true';
  if (!/\bservice\.name=/.test(environment.OTEL_RESOURCE_ATTRIBUTES ?? ''))
    environment.OTEL_SERVICE_NAME ??= 'tercet';
  const sdk = new NodeSDK({
    sampler: new StoredFlagSampler(samplerOf(environment)),
    instrumentations: instrumentationsOf(names),
    // Metrics are scraped from /metrics, and logs are lines.
    metricReaders: [dropped],
    logRecordProcessors: [],
  });
  sdk.start();
  return {
    tracer: new OtelTracer({ isInjectedByClient: names.has('undici') }),
    pluginFor: names.has('fastify') ? fastifyPlugin() : null,
    droppedSpanCount: () => dropped.count(),
    stop: () => sdk.shutdown().catch(() => {}),
  };
}

/** By the variables of OpenTelemetry's own packages for Node. */
function instrumentedBy({
  OTEL_NODE_ENABLED_INSTRUMENTATIONS: enabled = INSTRUMENTED_BY_DEFAULT,
  OTEL_NODE_DISABLED_INSTRUMENTATIONS: disabled = '',
}: NodeJS.ProcessEnv): ReadonlySet<string> {
  const listed = (text: string) => new Set(text.split(',').map((name) => name.trim()));
  return listed(enabled).difference(listed(disabled));
}

function instrumentationsOf(names: ReadonlySet<string>): Instrumentation[] {
  const all: Readonly<Record<string, () => Instrumentation>> = {
    undici: () => new UndiciInstrumentation({ requireParentforSpans: true }),
    ioredis: () =>
      new IORedisInstrumentation({ requireParentSpan: true, dbStatementSerializer: (name) => name }),
    mysql2: () => new MySQL2Instrumentation({ maskStatement: true, maskStatementHook: () => 'withheld' }),
  };
  return Object.entries(all).flatMap(([name, make]) => (names.has(name) ? [make()] : []));
}

/** Server spans of the API, and none of probes and scrapes. */
function fastifyPlugin(): (app: FastifyInstance) => Promise<void> {
  const { FastifyOtelInstrumentation } = createRequire(import.meta.url)('@fastify/otel');
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHandler: false,
    instrumentHooks: false,
    ignorePaths: ({ url }: { url: string }) => !url.startsWith('/v1/'),
    requestHook: (
      span: { updateName(name: string): void; setAttribute(name: string, value: string): void },
      { method, url, routeOptions }: { method: string; url: string; routeOptions: { url?: string } },
    ) => {
      span.updateName(`${method} ${routeOptions.url ?? ''}`.trim());
      // A query may hold a signature or a business key.
      span.setAttribute('url.path', url.split('?', 1)[0] ?? '');
    },
  });
  return async (app) => void (await app.register(instrumentation.plugin()));
}

/** Counts the spans that the bounded queue had no room for, and those that the collector did not take. */
class DroppedSpans extends MetricReader {
  async count(): Promise<number> {
    const { resourceMetrics } = await this.collect();
    const points = resourceMetrics.scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .filter(({ descriptor }) => descriptor.name === 'otel.sdk.processor.span.processed')
      .flatMap(
        ({ dataPoints }) => dataPoints as readonly { attributes: Record<string, unknown>; value: unknown }[],
      );
    return points
      .filter(({ attributes }) => attributes['error.type'] !== undefined)
      .reduce((sum, { value }) => sum + Number(value), 0);
  }

  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}
