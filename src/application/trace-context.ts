/** The trace context that requests bring and calls carry on, with or without a tracer. */
import type { Instant } from '../domain/index.ts';

/** W3C trace context, as a transaction stores it. */
export type TraceContext = {
  readonly traceparent: string | null;
  readonly tracestate: string | null;
};

/** The same as a request or a call carries it. */
export type CarriedTrace = TraceContext & { readonly baggage: string | null };

export const NO_TRACE: CarriedTrace = { traceparent: null, tracestate: null, baggage: null };

/** How long a transaction belongs to the trace that began it. Baggage is passed on no longer, either. */
export const FIRST_MINUTE_MS = 60_000;
const MAX_BAGGAGE_COUNT = 10_000;

/** The baggage of transactions that began here within the last minute. It is never stored. */
export class BaggageMemory {
  readonly #known = new Map<string, { readonly baggage: string; readonly until: Instant }>();

  remember(gid: string, baggage: string | null, now: Instant): void {
    if (baggage === null) return;
    this.#forgetOld(now);
    this.#known.set(gid, { baggage, until: now + FIRST_MINUTE_MS });
  }

  of(gid: string, now: Instant): string | null {
    const found = this.#known.get(gid);
    return found !== undefined && now < found.until ? found.baggage : null;
  }

  /** The oldest come first. */
  #forgetOld(now: Instant): void {
    for (const [gid, { until }] of this.#known) {
      if (now < until && this.#known.size < MAX_BAGGAGE_COUNT) return;
      this.#known.delete(gid);
    }
  }
}
