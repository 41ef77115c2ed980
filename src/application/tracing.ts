/**
 * Tracing in terms of the protocol: what is a span, and which trace context a call carries. The application knows no library:
 * `NO_TRACER` passes the contexts on that it is given, and makes no spans.
 */
import type { GlobalTransaction, Instant, Op, Pattern, PendingCall, Reply } from '../domain/index.ts';
import type { Observer } from './ports.ts';
import type { CarriedTrace, TraceContext } from './trace-context.ts';

/** A call as it ended; `httpStatus` is null when no complete answer came. */
export type EndedCall = {
  readonly reply: Reply;
  readonly httpStatus: number | null;
  /** Why no complete answer came; null where one did. */
  readonly error: string | null;
};

export type CallSpan = {
  /** Its trace, if that is sampled; else null. */
  readonly sampledTraceId: string | null;
  /** What the participant is sent; null where the instrumentation of the HTTP client adds it by itself. */
  readonly context: CarriedTrace;
  /** Runs `act` as a part of the span. */
  run<T>(act: () => Promise<T>): Promise<T>;
  /** @param ended null for a call that never left this process */
  end(ended: EndedCall | null): void;
};

/** It must not throw, and nothing depends on it. As an observer it is notified of what is durable. */
export interface Tracer extends Observer {
  /**
   * Runs a begin in a span.
   * @param act is given the context that the transaction stores
   * @param gidOf the gid of the transaction that began; null where none did
   */
  begin<T>(
    request: { readonly trace: CarriedTrace; readonly name: string | null; readonly pattern: Pattern },
    act: (stored: TraceContext) => Promise<T>,
    gidOf: (done: T) => string | null,
  ): Promise<T>;
  /** Runs the registration of a branch in a span. */
  register<T>(
    request: {
      readonly trace: CarriedTrace;
      readonly gid: string;
      readonly branchId: string;
      readonly participant: string;
    },
    act: () => Promise<T>,
  ): Promise<T>;
  /** This process continues a transaction whose calls are overdue. */
  recovered(tx: GlobalTransaction, now: Instant): void;
  /** An operator retries the calls of a transaction: they belong to no earlier span. */
  retried(gid: string): void;
  call(
    tx: GlobalTransaction,
    call: Pick<PendingCall, 'branchId' | 'participant' | 'attempt'> & { readonly op: Op },
    carried: { readonly baggage: string | null; readonly now: Instant },
  ): CallSpan;
}

/** Calls carry the stored context. */
export const NO_TRACER: Tracer = {
  begin: (request, act) => act(request.trace),
  register: (_request, act) => act(),
  recovered() {},
  retried() {},
  call: ({ traceparent, tracestate }, _call, { baggage }) => ({
    sampledTraceId: null,
    context: { traceparent, tracestate, baggage },
    run: (act) => act(),
    end() {},
  }),
  saved() {},
  called() {},
  completed() {},
  circuitChanged() {},
  participantRecovered() {},
  resumed() {},
  participantRegistered() {},
  participantRemoved() {},
  committed() {},
  removed() {},
};
