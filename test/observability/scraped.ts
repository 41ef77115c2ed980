/** Metrics of a store that answers as a test says, and what a scrape of them reads. */
import type { Unfinished } from '../../src/application/ports.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { begin, cancelled, confirmed, confirming, T0 } from '../support/transactions.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const nothingUnfinished: Unfinished = {
  countByStatus: {},
  parkedCount: 0,
  quarantinedCount: 0,
  attentionCount: 0,
  oldestBeganAt: null,
  oldestWakeAt: null,
};

export const build = { version: '1.2.3', node_version: 'v24.0.0', journal_version: '2' };

export function measured(
  countUnfinished = async (): Promise<Unfinished> => nothingUnfinished,
  { isTracing = false } = {},
) {
  const time = new VirtualClock();
  const wakes = { areWhole: true };
  const database = { hasLostCommits: false };
  const metrics = new Metrics({
    store: { countUnfinished },
    time,
    attentionAfterMs: 600_000,
    isWakeQueueUp: () => wakes.areWhole,
    hasLostCommits: () => database.hasLostCommits,
    droppedSpanCount: async () => 0,
    isTracing,
    build,
  });
  return { metrics, time, wakes, database, scraped: async () => readText((await metrics.scrape()).text) };
}

export type Scraped = ReturnType<typeof readText>;

/** The text format, read by hand: `name{label="value"} 1`. */
export function readText(text: string) {
  const lines = text.split('\n');
  const types = new Map(lines.flatMap((line) => pairOf(/^# TYPE (\S+) (\S+)$/.exec(line))));
  const samples = new Map(
    lines
      .flatMap((line) => pairOf(/^(?!#)(.+) (\S+)$/.exec(line)))
      .map(([key, value]) => [key, Number(value)]),
  );
  const seriesOf = (name: string): readonly string[] =>
    [...samples.keys()].filter(
      (key) => key.replace(/\{.*/, '').replace(/_(?:bucket|sum|count)$/, '') === name,
    );
  return {
    types,
    /** By its name with its labels; undefined when it is absent. */
    value: (series: string): number | undefined => samples.get(series),
    seriesOf,
    labelsOf: (name: string): readonly string[] =>
      [
        ...new Set(
          seriesOf(name).flatMap((key) => [...key.matchAll(/[{,](\w+)=/g)].map(([, label]) => label)),
        ),
      ].sort() as string[],
  };
}

const pairOf = (match: RegExpExecArray | null): [string, string][] =>
  match ? [[match[1] as string, match[2] as string]] : [];

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** Of everything that can be observed, once, with traces. */
export function observingEverything(): Metrics {
  const { metrics } = measured(
    async () => ({
      countByStatus: { trying: 1 },
      parkedCount: 1,
      quarantinedCount: 0,
      attentionCount: 1,
      oldestBeganAt: T0,
      oldestWakeAt: T0,
    }),
    { isTracing: true },
  );
  const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;
  metrics.saved(null, { ...confirmed(), traceparent });
  metrics.saved(confirming(), { ...cancelled(), traceparent });
  metrics.called({
    participant: 'inventory',
    op: 'try',
    reply: 'succeeded',
    durationMs: 1,
    sampledTraceId: TRACE_ID,
  });
  metrics.completed(begin(), { branchId: 'stock', op: 'try', reply: 'succeeded', at: T0 });
  metrics.circuitChanged('inventory', 'open');
  metrics.resumed('inventory', 1);
  metrics.committed(1);
  metrics.removed(1);
  metrics.alertPosted('accepted');
  return metrics;
}

export const observedEverything = async (): Promise<Scraped> =>
  readText((await observingEverything().scrape()).text);
