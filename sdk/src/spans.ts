/**
 * Spans by OpenTelemetry, where the application has `@opentelemetry/api` (an optional peer) and an SDK for it. Otherwise
 * `inSpan` only runs what it is given.
 *
 * Attributes are names and outcomes, never payloads, results, keys or messages of errors.
 */
import { createRequire } from 'node:module';
import type * as OpenTelemetry from '@opentelemetry/api';
import { typeOf } from '../../src/wire/error-fields/fields.ts';

type Attributes = Readonly<Record<string, string | number>>;

export type SpanOptions<T> = {
  readonly attributes?: Attributes;
  /** W3C trace context of the parent, where no span is active; null for none. */
  readonly traceparent?: string | null;
  /** What the outcome adds. */
  readonly attributesOf?: (done: T) => Attributes;
  /** Whether an outcome, or what was thrown, is a failure: a refusal and a cancel are not. */
  readonly isFailure?: (outcome: { readonly done: T } | { readonly error: unknown }) => boolean;
};

const api = loaded();

function loaded(): typeof OpenTelemetry | null {
  try {
    return createRequire(import.meta.url)('@opentelemetry/api');
  } catch {
    return null;
  }
}

/** Runs `act` in a span of its own, which is active while `act` runs. */
export async function inSpan<T>(
  name: string,
  { attributes = {}, traceparent = null, attributesOf, isFailure = isThrown }: SpanOptions<T>,
  act: () => Promise<T>,
): Promise<T> {
  if (api === null) return act();
  const { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } = api;
  const parent =
    trace.getActiveSpan() !== undefined || traceparent === null
      ? context.active()
      : propagation.extract(ROOT_CONTEXT, { traceparent });
  const tracer = trace.getTracer('@tercet/sdk');
  return tracer.startActiveSpan(name, { attributes }, parent, async (span) => {
    const failIf = (isSo: boolean) => isSo && span.setStatus({ code: SpanStatusCode.ERROR });
    try {
      const done = await act();
      if (attributesOf) span.setAttributes(attributesOf(done));
      failIf(isFailure({ done }));
      return done;
    } catch (error) {
      span.setAttribute('error.type', typeOf(error));
      failIf(isFailure({ error }));
      throw error;
    } finally {
      span.end();
    }
  });
}

const isThrown = (outcome: object): boolean => 'error' in outcome;

/** By which OpenTelemetry's own `suppressTracing` says so; `@opentelemetry/core` need not be there. */
const SUPPRESSED = 'OpenTelemetry SDK Context Key SUPPRESS_TRACING';

/**
 * Runs `act` without spans of instrumented clients, for a request whose URL is a secret: they have the complete URL.
 *
 * @param act is given the headers that carry the trace on, which the instrumentation would have added
 */
export function untraced<T>(act: (headers: Readonly<Record<string, string>>) => T): T {
  const headers: Record<string, string> = {};
  if (api === null) return act(headers);
  const { context, createContextKey, propagation } = api;
  propagation.inject(context.active(), headers);
  return context.with(context.active().setValue(createContextKey(SUPPRESSED), true), () => act(headers));
}
