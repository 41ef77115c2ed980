/** Trace ids on samples: of sampled traces only, and only with tracing. */
import { describe, expect, test } from '@jest/globals';
import { type Metric, metrics as catalogue } from '../../src/observability/catalogue.ts';
import { confirmed, confirming } from '../support/transactions.ts';
import { readOpenMetrics } from './openmetrics.ts';
import { measured, observingEverything } from './scraped.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0';

const ended = (flags: string) => ({
  ...confirmed(),
  traceparent: `00-${TRACE_ID}-b7ad6b7169203331-${flags}`,
});
const call = { participant: 'inventory', op: 'try', reply: 'succeeded', durationMs: 20 } as const;

/** By the name of the sample. */
async function exemplarsOf(metrics: Pick<ReturnType<typeof observingEverything>, 'scrape'>) {
  const families = readOpenMetrics((await metrics.scrape(OPEN_METRICS)).text);
  const samples = [...families.values()].flatMap((family) => family.samples);
  return samples.flatMap(({ name, exemplar }) => (exemplar === null ? [] : [{ name, ...exemplar }]));
}

test('the metrics of the catalogue that say so have exemplars, and no others', async () => {
  const found = (await exemplarsOf(observingEverything())).map(({ name }) => name.replace(/_bucket$/, ''));
  const wanted = Object.values<Metric>(catalogue).filter(({ hasExemplars }) => hasExemplars);
  expect(new Set(found)).toEqual(new Set(wanted.map(({ name }) => name)));
});

describe('a call', () => {
  test('of a sampled trace leaves its trace id and its duration', async () => {
    const { metrics } = measured();
    metrics.called({ ...call, sampledTraceId: TRACE_ID });
    metrics.called({ ...call, sampledTraceId: null });
    const exemplars = await exemplarsOf(metrics);
    expect(exemplars).toEqual([
      { name: 'tercet_call_attempts_total', labels: new Map([['trace_id', TRACE_ID]]), value: 1 },
      { name: 'tercet_call_duration_seconds_bucket', labels: new Map([['trace_id', TRACE_ID]]), value: 0.02 },
    ]);
  });

  test('with an exemplar counts as one without', async () => {
    const { metrics, scraped } = measured();
    metrics.called({ ...call, sampledTraceId: TRACE_ID });
    metrics.called({ ...call, sampledTraceId: null });
    const { value } = await scraped();
    const labels = 'participant="inventory",op="try"';
    expect(value(`tercet_call_attempts_total{${labels},reply="succeeded"}`)).toBe(2);
    expect(value(`tercet_call_duration_seconds_count{${labels}}`)).toBe(2);
    expect(value(`tercet_call_duration_seconds_sum{${labels}}`)).toBeCloseTo(0.04);
  });

  test('without a sampled trace leaves none', async () => {
    const { metrics } = measured();
    metrics.called({ ...call, sampledTraceId: null });
    expect(await exemplarsOf(metrics)).toEqual([]);
  });
});

describe('an end', () => {
  const traceIdsOf = async (flags: string, isTracing: boolean) => {
    const { metrics } = measured(undefined, { isTracing });
    metrics.saved(confirming(), ended(flags));
    return (await exemplarsOf(metrics)).map(({ labels }) => labels.get('trace_id'));
  };

  test('of a sampled trace leaves its trace id, in the count and in both durations', async () => {
    expect(await traceIdsOf('01', true)).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
  });

  test('of a trace that is not sampled leaves none', async () => {
    expect(await traceIdsOf('00', true)).toEqual([]);
  });

  test('leaves none without tracing, though the initiator sent a sampled context', async () => {
    expect(await traceIdsOf('01', false)).toEqual([]);
  });

  test('of a transaction without a trace leaves none', async () => {
    const { metrics } = measured(undefined, { isTracing: true });
    metrics.saved(confirming(), confirmed());
    expect(await exemplarsOf(metrics)).toEqual([]);
  });
});
