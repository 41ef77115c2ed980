/** The trace that a request belongs to. */
import type { FastifyRequest } from 'fastify';
import { traceparentOf } from '../../wire/trace-context.ts';

/** Present where the HTTP server is instrumented. */
type Traced = {
  opentelemetry?(): { readonly span: { spanContext(): { readonly traceId: string } } | null };
};

/** The trace id of the request's span, or that which it carries; null for neither. */
export const traceIdOfRequest = (request: FastifyRequest): string | null =>
  (request as Traced).opentelemetry?.().span?.spanContext().traceId ??
  traceparentOf(request.headers.traceparent as string | undefined)?.slice(3, 35) ??
  null;
