/**
 * The W3C trace context that an initiator passes on: to the coordinator when it begins, and to participants
 * with each try.
 */
import { currentCall } from '../current-call.ts';

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]*)?$/;

/**
 * @param own the initiator's; that of the participant's call we run in when it has none
 * @returns null when there is none that is well formed, and where OpenTelemetry adds one to every request
 */
export function traceContext(own: string | undefined): string | null {
  if (isTracedByOpenTelemetry()) return null;
  const traceparent = own ?? currentCall()?.traceparent ?? null;
  return traceparent !== null && TRACEPARENT.test(traceparent) ? traceparent : null;
}

/** Its HTTP instrumentation writes the header; a second one would break both. */
function isTracedByOpenTelemetry(): boolean {
  const api: unknown = Reflect.get(globalThis, Symbol.for('opentelemetry.js.api.1'));
  return typeof api === 'object' && api !== null && 'propagation' in api && Boolean(api.propagation);
}
