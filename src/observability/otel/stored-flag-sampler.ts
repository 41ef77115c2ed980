/**
 * Samples the roots of a transaction as its begin was sampled: a trace of a later retry is there if that of the begin is. All
 * other spans are left to the sampler that OTEL_TRACES_SAMPLER names.
 */
import { type Context, createContextKey, type SpanContext, TraceFlags, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';

const IS_SAMPLED = createContextKey('tercet: whether the stored begin was sampled');

/** @param stored null for a transaction without a context: the sampler decides */
export const sampledLike = (on: Context, stored: SpanContext | null): Context =>
  stored === null ? on : on.setValue(IS_SAMPLED, (stored.traceFlags & TraceFlags.SAMPLED) !== 0);

export class StoredFlagSampler implements Sampler {
  readonly #otherwise: Sampler;

  constructor(otherwise: Sampler) {
    this.#otherwise = otherwise;
  }

  shouldSample: Sampler['shouldSample'] = (on, ...about) => {
    const isSampled = on.getValue(IS_SAMPLED);
    const isRoot = trace.getSpanContext(on) === undefined;
    if (!isRoot || typeof isSampled !== 'boolean') return this.#otherwise.shouldSample(on, ...about);
    return { decision: isSampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
  };

  toString(): string {
    return `StoredFlagSampler{${this.#otherwise}}`;
  }
}

/** OpenTelemetry, “Environment Variable Specification”: OTEL_TRACES_SAMPLER and its argument. */
export function samplerOf({
  OTEL_TRACES_SAMPLER: name = 'parentbased_always_on',
  OTEL_TRACES_SAMPLER_ARG: argument = '1',
}: Readonly<Record<string, string | undefined>>): Sampler {
  const ratio = Number(argument);
  const isRatio = argument.trim() !== '' && ratio >= 0 && ratio <= 1;
  const roots: Readonly<Record<string, Sampler>> = {
    always_on: new AlwaysOnSampler(),
    always_off: new AlwaysOffSampler(),
    traceidratio: new TraceIdRatioBasedSampler(isRatio ? ratio : 1),
  };
  const root = roots[name.replace(/^parentbased_/, '')] ?? new AlwaysOnSampler();
  return name.startsWith('parentbased_') || roots[name] === undefined
    ? new ParentBasedSampler({ root })
    : root;
}
