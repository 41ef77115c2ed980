/** The W3C trace context of a request: taken when it is valid, ignored when it is not, as the standard says. */

/** What a call carries on. */
export type CarriedTrace = {
  readonly traceparent: string | null;
  readonly tracestate: string | null;
  readonly baggage: string | null;
};

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE_ID = '0'.repeat(32);
const NO_SPAN_ID = '0'.repeat(16);

/** The header in the form of version 00, which every reader knows; null when there is none that is valid. */
export function traceparentOf(header: string | string[] | undefined): string | null {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  if (match === null) return null;
  const [, version, traceId, spanId, flags, more] = match;
  if (version === 'ff' || traceId === NO_TRACE_ID || spanId === NO_SPAN_ID) return null;
  if (version === '00') return more === undefined ? (header as string) : null;
  // A later version may have more fields and flags; these four keep their meaning, and of the flags the first.
  return `00-${traceId}-${spanId}-0${Number.parseInt(flags ?? '0', 16) & 1}`;
}

/** At least as much as vendors must propagate, and as much as a row stores. */
const MAX_TRACESTATE_BYTES = 512;
/** W3C Baggage, “Limits”. */
const MAX_BAGGAGE_BYTES = 8192;

type Header = string | string[] | undefined;

/** What a call carries on: `tracestate` only with a `traceparent`; what is too long is left out. */
export function traceOf(headers: { readonly [name: string]: unknown }): CarriedTrace {
  const traceparent = traceparentOf(headers.traceparent as Header);
  const baggage = listIn(headers.baggage, MAX_BAGGAGE_BYTES);
  if (traceparent === null) return { traceparent: null, tracestate: null, baggage };
  return { traceparent, tracestate: listIn(headers.tracestate, MAX_TRACESTATE_BYTES), baggage };
}

/** A header that may come several times: Node joins its values. */
function listIn(header: unknown, maxBytes: number): string | null {
  const isUsable = typeof header === 'string' && header.length <= maxBytes && /^[!-~][ -~]*$/.test(header);
  return isUsable ? header : null;
}
