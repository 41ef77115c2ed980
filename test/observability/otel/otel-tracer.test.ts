// Which span is whose child, and what a root is linked to: by the clock of the transaction, without a collector.
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { FIRST_MINUTE_MS } from '../../../src/application/trace-context.ts';
import type { GlobalTransaction, Op } from '../../../src/domain/index.ts';
import { OtelTracer } from '../../../src/observability/otel/otel-tracer.ts';
import { samplerOf, StoredFlagSampler } from '../../../src/observability/otel/stored-flag-sampler.ts';
import { begin, cancelling, told } from '../../support/transactions.ts';

const exporter = new InMemorySpanExporter();
/** A ratio of 0 for roots: what is sampled here is so by its parent, or by the stored begin. */
const sampler = new StoredFlagSampler(new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0) }));
const provider = new BasicTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] });
beforeAll(() => void trace.setGlobalTracerProvider(provider));
afterEach(() => exporter.reset());

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const BEGIN_ID = 'b7ad6b7169203331';
const traced = (flags = '01'): GlobalTransaction =>
  begin({ traceparent: `00-${TRACE_ID}-${BEGIN_ID}-${flags}`, tracestate: 'a=1' });
const isOfBegin = (span: ReadableSpan) =>
  span.spanContext().traceId === TRACE_ID && span.parentSpanContext?.spanId === BEGIN_ID;
const linkedIds = ({ links }: ReadableSpan) => links.map(({ context }) => context.spanId);

function tracing({ isInjectedByClient = false } = {}) {
  const tracer = new OtelTracer({ isInjectedByClient });
  const call = (tx: GlobalTransaction, afterMs: number, { attempt = 1, op = 'confirm' as Op } = {}) => {
    const span = tracer.call(
      tx,
      { branchId: 'stock', participant: 'inventory', attempt, op },
      { baggage: 'tenant=7', now: tx.beganAt + afterMs },
    );
    span.end({ reply: 'succeeded', httpStatus: 200, error: null });
    return span.context;
  };
  return { tracer, call };
}

const last = (): ReadableSpan => exporter.getFinishedSpans().at(-1) as ReadableSpan;

describe('a call', () => {
  test('of the first minute is a child of the begin, and carries its own context', () => {
    const { call } = tracing();
    const { traceparent, tracestate, baggage } = call(traced(), FIRST_MINUTE_MS - 1);
    expect(isOfBegin(last())).toBe(true);
    expect(traceparent).toBe(`00-${TRACE_ID}-${last().spanContext().spanId}-01`);
    expect([tracestate, baggage]).toEqual(['a=1', 'tenant=7']);
  });

  test('carries nothing where the HTTP client adds the context', () => {
    const { call } = tracing({ isInjectedByClient: true });
    expect(call(traced(), 0)).toEqual({ traceparent: null, tracestate: null, baggage: null });
  });

  test('of later is a root, linked to the begin and to the attempt before', () => {
    const { call } = tracing();
    const tx = traced();
    call(tx, FIRST_MINUTE_MS);
    const first = last();
    expect(first.parentSpanContext).toBeUndefined();
    expect(linkedIds(first)).toEqual([BEGIN_ID]);
    call(tx, 2 * FIRST_MINUTE_MS, { attempt: 2 });
    expect(last().spanContext().traceId).not.toBe(first.spanContext().traceId);
    expect(linkedIds(last())).toEqual([BEGIN_ID, first.spanContext().spanId]);
    expect(last().attributes).toMatchObject({ 'tcc.attempt': 2, 'http.request.resend_count': 1 });
  });

  test('after an operator retried is a root, within the first minute too', () => {
    const { tracer, call } = tracing();
    tracer.retried(traced().gid);
    call(traced(), 5);
    expect(last().parentSpanContext).toBeUndefined();
    expect(linkedIds(last())).toEqual([BEGIN_ID]);
  });

  test('after a recovery belongs to it for a minute', () => {
    const { tracer, call } = tracing();
    const tx = traced();
    tracer.recovered(tx, tx.beganAt + 1000);
    const recovered = last();
    expect(recovered.name).toBe('tcc recover');
    expect(linkedIds(recovered)).toEqual([BEGIN_ID]);
    call(tx, 2000);
    expect(last().parentSpanContext?.spanId).toBe(recovered.spanContext().spanId);
    call(tx, 1000 + FIRST_MINUTE_MS, { attempt: 2 });
    expect(last().parentSpanContext).toBeUndefined();
  });

  test('has a trace id for exemplars if it is sampled, that of its own root if it has one', () => {
    const { tracer } = tracing();
    const traceIdAfter = (flags: string, afterMs: number) => {
      const call = { branchId: 'stock', participant: 'inventory', attempt: 1, op: 'try' } as const;
      const tx = traced(flags);
      const span = tracer.call(tx, call, { baggage: null, now: tx.beganAt + afterMs });
      span.end(null);
      return span.sampledTraceId;
    };
    expect(traceIdAfter('01', 0)).toBe(TRACE_ID);
    const later = traceIdAfter('01', FIRST_MINUTE_MS);
    expect(later).toBe(last().spanContext().traceId);
    expect(later).not.toBe(TRACE_ID);
    expect(traceIdAfter('00', 0)).toBeNull();
  });

  test('of a transaction that is not sampled is not sampled later, either', () => {
    const { tracer, call } = tracing();
    for (const afterMs of [0, FIRST_MINUTE_MS])
      expect(call(traced('00'), afterMs).traceparent).toMatch(/-00$/);
    tracer.recovered(traced('00'), traced('00').beganAt);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  test('without an answer is an error, and a refusal is none', () => {
    const { tracer } = tracing();
    const ended = (reply: 'refused' | 'unknown', httpStatus: number | null, error: string | null) => {
      const call = { branchId: 'stock', participant: 'inventory', attempt: 1, op: 'try' } as const;
      const span = tracer.call(traced(), call, { baggage: null, now: traced().beganAt });
      span.end({ reply, httpStatus, error });
      return last();
    };
    expect(ended('refused', 409, null).status.code).toBe(0);
    expect(ended('unknown', null, 'connect ECONNREFUSED').status).toMatchObject({
      code: 2,
      message: 'connect ECONNREFUSED',
    });
    expect(ended('unknown', 503, null).attributes).toMatchObject({ 'error.type': '503' });
  });
});

describe('a decision', () => {
  test('by a refusal is linked to the call that was refused', () => {
    const { tracer, call } = tracing();
    const tx = traced();
    call(tx, 1, { op: 'try' });
    const refused = last().spanContext().spanId;
    const { decision } = cancelling();
    tracer.saved(tx, { ...cancelling(), traceparent: tx.traceparent, tracestate: null, decision });
    expect(last().name).toBe('tcc decide');
    expect(isOfBegin(last())).toBe(true);
    expect(linkedIds(last())).toEqual([refused]);
    expect(last().attributes).toMatchObject({ 'tcc.decision': 'cancel', 'tcc.reason': 'try_refused' });
  });

  test('by the deadline is a root, and the cancels are its children', () => {
    const { tracer, call } = tracing();
    const tx = traced();
    const now = { earliest: tx.deadlineAt, latest: tx.deadlineAt };
    const late = told(tx, { type: 'deadlinePassed', now });
    tracer.saved(tx, late);
    const decided = last();
    expect(decided.parentSpanContext).toBeUndefined();
    expect(linkedIds(decided)).toEqual([BEGIN_ID]);
    call(late, tx.deadlineAt - tx.beganAt + 1, { op: 'cancel' });
    expect(last().parentSpanContext?.spanId).toBe(decided.spanContext().spanId);
  });
});

describe('a completion from outside', () => {
  const completed = (tx: GlobalTransaction, afterMs: number) =>
    ({ branchId: 'stock', op: 'try', reply: 'refused', at: tx.beganAt + afterMs }) as const;

  test('is a span of the transaction, linked to the last call, and the decision is linked to it', () => {
    const { tracer, call } = tracing();
    const tx = traced();
    call(tx, 1, { op: 'try' });
    const called = last().spanContext().spanId;
    tracer.completed(tx, completed(tx, 2));
    const completion = last();
    expect(completion.name).toBe('tcc complete inventory');
    expect(isOfBegin(completion)).toBe(true);
    expect(linkedIds(completion)).toEqual([called]);
    expect(completion.attributes).toMatchObject({
      'tcc.transaction.id': tx.gid,
      'tcc.branch.id': 'stock',
      'tcc.participant': 'inventory',
      'tcc.op': 'try',
      'tcc.reply': 'refused',
    });
    tracer.saved(tx, { ...cancelling(), traceparent: tx.traceparent, tracestate: null });
    expect(last().name).toBe('tcc decide');
    expect(linkedIds(last())).toEqual([completion.spanContext().spanId]);
  });

  test('of later is a root, linked to the begin, and what follows belongs to it', () => {
    const { tracer, call } = tracing();
    const tx = traced();
    tracer.completed(tx, completed(tx, 2 * FIRST_MINUTE_MS));
    const completion = last();
    expect(completion.parentSpanContext).toBeUndefined();
    expect(linkedIds(completion)).toEqual([BEGIN_ID]);
    call(tx, 2 * FIRST_MINUTE_MS + 5, { op: 'cancel' });
    expect(last().parentSpanContext?.spanId).toBe(completion.spanContext().spanId);
  });
});

test.each([
  ['parentbased_always_on', undefined, /ParentBased\{root=AlwaysOn/],
  ['always_off', undefined, /^AlwaysOff/],
  ['always_on', undefined, /^AlwaysOn/],
  ['traceidratio', '0.25', /^TraceIdRatioBased\{0\.25\}/],
  ['parentbased_traceidratio', '0.01', /ParentBased\{root=TraceIdRatioBased\{0\.01\}/],
  ['nonsense', 'x', /ParentBased\{root=AlwaysOn/],
])('OTEL_TRACES_SAMPLER=%s with argument %s is taken as it is documented', (name, argument, expected) => {
  expect(String(samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument }))).toMatch(
    expected,
  );
});

test('without a stored begin, and for children, the configured sampler decides', () => {
  const on = new StoredFlagSampler(new AlwaysOnSampler());
  const off = new StoredFlagSampler(new AlwaysOffSampler());
  expect([`${on}`, `${off}`]).toEqual([
    'StoredFlagSampler{AlwaysOnSampler}',
    'StoredFlagSampler{AlwaysOffSampler}',
  ]);
  const { call } = tracing();
  call(begin(), 0);
  expect(exporter.getFinishedSpans()).toEqual([]);
});
