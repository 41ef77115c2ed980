/**
 * Spans of transactions by OpenTelemetry. The rules of parents and links:
 *
 * 1. A transaction belongs to the trace of its begin for its first minute: decision, calls and end are children of the span
 *    `tcc begin`, whose context is stored with the transaction.
 * 2. What comes later is a new root, so that no trace grows for hours. So is what a deadline, an operator's retry or a recovery
 *    causes at any time. Calls that follow a decision or a recovery of that kind within a minute are its children.
 * 3. A root is linked to the stored begin, and a call also to the attempt before it, where this process made that.
 * 4. A root is sampled if the stored begin was.
 *
 * What is remembered of a transaction is lost with the process, and bounded: then links are missing, and nothing else.
 */
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { type CarriedTrace, FIRST_MINUTE_MS, type TraceContext } from '../../application/trace-context.ts';
import type { CompletedCall } from '../../application/ports.ts';
import { type CallSpan, NO_TRACER, type Tracer } from '../../application/tracing.ts';
import type { GlobalTransaction, Instant } from '../../domain/index.ts';
import { typeOf } from '../../wire/error-fields/fields.ts';
import { spanAttributes as names, spans } from '../catalogue.ts';
import { labelOf } from '../participant-label.ts';
import { sampledLike } from './stored-flag-sampler.ts';

type Known = {
  /** The root whose children the calls of the next minute are. */
  root: { readonly context: Context; readonly at: Instant } | null;
  /** No longer a part of the trace that began it. */
  isDetached: boolean;
  /** The last attempt of each branch and op. */
  readonly attempts: Map<string, SpanContext>;
};

const MAX_KNOWN_COUNT = 10_000;

export type OtelTracerOptions = {
  /** Whether the instrumentation of the HTTP client adds the trace context to calls. */
  readonly isInjectedByClient: boolean;
};

type CallOf = Parameters<Tracer['call']>[1];

export class OtelTracer implements Tracer {
  readonly #tracer = trace.getTracer('tercet');
  readonly #options: OtelTracerOptions;
  /** By gid, the least recently added first. */
  readonly #known = new Map<string, Known>();

  readonly called = NO_TRACER.called;
  readonly circuitChanged = NO_TRACER.circuitChanged;
  readonly participantRecovered = NO_TRACER.participantRecovered;
  readonly resumed = NO_TRACER.resumed;
  readonly participantRegistered = NO_TRACER.participantRegistered;
  readonly participantRemoved = NO_TRACER.participantRemoved;
  readonly committed = NO_TRACER.committed;
  readonly removed = NO_TRACER.removed;

  constructor(options: OtelTracerOptions) {
    this.#options = options;
  }

  begin: Tracer['begin'] = (request, act, gidOf) => {
    const attributes = {
      [names.pattern]: request.pattern,
      ...(request.name !== null && { [names.name]: request.name }),
    };
    return this.#spanned(spans.begin, attributes, request.trace, async (span) => {
      const own = span.spanContext();
      const done = await act(isSpanContextValid(own) ? storedOf(own) : request.trace);
      const gid = gidOf(done);
      if (gid !== null) span.setAttribute(names.gid, gid);
      return done;
    });
  };

  register: Tracer['register'] = ({ gid, branchId, participant, trace: carried }, act) => {
    const label = labelOf(participant);
    const attributes = { [names.gid]: gid, [names.branchId]: branchId, [names.participant]: label };
    return this.#spanned(`${spans.register} ${label}`, attributes, carried, act);
  };

  saved(before: GlobalTransaction | null, after: GlobalTransaction): void {
    if (after.decision !== null && (before === null || before.decision === null)) this.#decided(after);
    if (after.finishedAt !== null && (before === null || before.finishedAt === null)) this.#finished(after);
  }

  /** In the place of an attempt: what it decides is linked to it. */
  completed(tx: GlobalTransaction, { branchId, op, reply, at }: CompletedCall): void {
    const { attempts } = this.#knownOf(tx.gid);
    const key = `${branchId}/${op}`;
    const before = attempts.get(key);
    const label = labelOf(tx.branches.find((one) => one.branchId === branchId)?.participant ?? '');
    const attributes = {
      [names.branchId]: branchId,
      [names.participant]: label,
      [names.op]: op,
      [names.reply]: reply,
    };
    const causes = before === undefined ? [] : [before];
    attempts.set(key, this.#momentSpan(tx, `${spans.complete} ${label}`, at, attributes, causes));
  }

  recovered(tx: GlobalTransaction, now: Instant): void {
    const known = this.#knownOf(tx.gid);
    Object.assign(known, { isDetached: true, root: null });
    this.#momentSpan(tx, spans.recover, now, { [names.status]: tx.status });
  }

  retried(gid: string): void {
    Object.assign(this.#knownOf(gid), { isDetached: true, root: null });
  }

  call(
    tx: GlobalTransaction,
    { branchId, op, participant, attempt }: CallOf,
    { baggage, now }: { readonly baggage: string | null; readonly now: Instant },
  ): CallSpan {
    const label = labelOf(participant);
    const { attempts } = this.#knownOf(tx.gid);
    const key = `${branchId ?? ''}/${op}`;
    const { parent, links } = this.#placeOf(tx, now, attempts.get(key));
    const attributes: Attributes = {
      ...about(tx),
      ...(branchId !== null && { [names.branchId]: branchId }),
      [names.participant]: label,
      [names.op]: op,
      [names.attempt]: attempt,
      ...(attempt > 1 && { [names.resendCount]: attempt - 1 }),
    };
    const span = this.#tracer.startSpan(`${spans[op]} ${label}`, { attributes, links }, parent);
    attempts.set(key, span.spanContext());
    const within = trace.setSpan(withBaggage(ROOT_CONTEXT, baggage), span);
    return {
      sampledTraceId: isSampled(span.spanContext()) ? span.spanContext().traceId : null,
      context: this.#options.isInjectedByClient
        ? { traceparent: null, tracestate: null, baggage: null }
        : { ...storedOf(span.spanContext()), baggage },
      run: (act) => context.with(within, act),
      end(ended) {
        if (ended !== null) {
          const { reply, httpStatus, error } = ended;
          span.setAttribute(names.reply, reply);
          if (httpStatus !== null) span.setAttribute(names.httpStatus, httpStatus);
          if (reply === 'unknown') {
            span.setAttribute(names.errorType, httpStatus === null ? 'no_answer' : String(httpStatus));
            span.setStatus({ code: SpanStatusCode.ERROR, ...(error !== null && { message: error }) });
          }
        }
        span.end();
      },
    };
  }

  /** A refusal, a cancel and a deadline are ordinary business, and no errors. */
  #decided(tx: GlobalTransaction): void {
    const { decision } = tx;
    if (decision === null) return;
    const { at, reason, branchId } = decision;
    const known = this.#knownOf(tx.gid);
    if (reason === 'deadline_passed') Object.assign(known, { isDetached: true, root: null });
    const cause = tx.branches.find((branch) => branch.branchId === branchId);
    const attributes = {
      [names.decision]: decision.decision,
      [names.reason]: reason,
      ...(cause && { [names.branchId]: cause.branchId, [names.participant]: labelOf(cause.participant) }),
    };
    const ofCause = ['try', 'action'].map((op) => known.attempts.get(`${branchId ?? ''}/${op}`));
    this.#momentSpan(
      tx,
      spans.decide,
      at,
      attributes,
      ofCause.filter((one) => one !== undefined),
    );
  }

  #finished(tx: GlobalTransaction): void {
    this.#momentSpan(tx, spans.finish, tx.finishedAt ?? 0, { [names.status]: tx.status });
    // A callback is still to be called.
    if (tx.callback === null) this.#known.delete(tx.gid);
  }

  /** A span that begins and ends now: what it stands for is durable. A root takes what follows. */
  #momentSpan(
    tx: GlobalTransaction,
    name: string,
    at: Instant,
    attributes: Attributes,
    causes: readonly SpanContext[] = [],
  ): SpanContext {
    const { parent, links, isRoot } = this.#placeOf(tx, at);
    const span = this.#tracer.startSpan(
      name,
      { attributes: { ...about(tx), ...attributes }, links: [...links, ...causes.map(linkTo)] },
      parent,
    );
    span.end();
    if (isRoot) this.#knownOf(tx.gid).root = { context: trace.setSpan(ROOT_CONTEXT, span), at };
    return span.spanContext();
  }

  #placeOf(
    tx: GlobalTransaction,
    now: Instant,
    attemptBefore?: SpanContext,
  ): { readonly parent: Context; readonly links: Link[]; readonly isRoot: boolean } {
    const known = this.#knownOf(tx.gid);
    const stored = spanContextOf(tx);
    const within = (parent: Context) => ({ parent, links: [], isRoot: false });
    if (!known.isDetached && now - tx.beganAt < FIRST_MINUTE_MS && stored !== null)
      return within(trace.setSpanContext(ROOT_CONTEXT, stored));
    const { root } = known;
    if (root !== null && now - root.at < FIRST_MINUTE_MS) return within(root.context);
    const linked = [stored, attemptBefore].filter((one) => one != null);
    return { parent: sampledLike(ROOT_CONTEXT, stored), links: linked.map(linkTo), isRoot: true };
  }

  #knownOf(gid: string): Known {
    const known = this.#known.get(gid);
    if (known !== undefined) return known;
    const made: Known = { root: null, isDetached: false, attempts: new Map() };
    this.#known.set(gid, made);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN_COUNT && oldest !== undefined) this.#known.delete(oldest);
    return made;
  }

  #spanned<T>(
    name: string,
    attributes: Attributes,
    carried: CarriedTrace,
    act: (span: Span) => Promise<T>,
  ): Promise<T> {
    return this.#tracer.startActiveSpan(name, { attributes }, parentOf(carried), async (span) => {
      try {
        return await act(span);
      } catch (error) {
        // The message may carry values.
        span.setAttribute(names.errorType, typeOf(error)).setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    });
  }
}

const about = ({ gid, name, pattern }: GlobalTransaction): Attributes => ({
  [names.gid]: gid,
  [names.pattern]: pattern,
  ...(name !== null && { [names.name]: name }),
});

const isSampled = ({ traceFlags }: SpanContext): boolean => (traceFlags & TraceFlags.SAMPLED) !== 0;

const linkTo = (to: SpanContext): Link => ({ context: to });

/** The server span of the request, where the HTTP server is instrumented; else what the request carried. */
function parentOf(carried: CarriedTrace): Context {
  if (trace.getActiveSpan() !== undefined) return context.active();
  const sent = spanContextOf(carried);
  return sent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, sent);
}

function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext | null {
  const [, traceId, spanId, flags] = traceparent?.split('-') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(tracestate !== null && { traceState: createTraceState(tracestate) }),
  };
}

/** What a row has room for. */
const MAX_TRACESTATE_LENGTH = 512;

function storedOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const text = traceState?.serialize() ?? '';
  return {
    traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}`,
    tracestate: text === '' || text.length > MAX_TRACESTATE_LENGTH ? null : text,
  };
}

const withBaggage = (to: Context, baggage: string | null): Context =>
  baggage === null ? to : propagation.extract(to, { baggage });
