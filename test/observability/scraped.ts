/** Metrics of a store that answers as a test says, and what a scrape of them reads. */
import type { Time, Unfinished } from '../../src/application/ports.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { cancelled, confirmed, confirming, T0 } from '../support/transactions.ts';

export const nothingUnfinished: Unfinished = {
  countByStatus: {},
  parkedCount: 0,
  attentionCount: 0,
  oldestBeganAt: null,
  oldestWakeAt: null,
};

/** Time that passes when the test says so, and patience that ends when it says so. */
export class StoodTime implements Time {
  at = T0;
  readonly waiting = new Set<() => void>();

  now() {
    return { earliest: this.at, latest: this.at };
  }

  elapsedMs(): number {
    return this.at;
  }

  settle(): null {
    return null;
  }

  after(_delayMs: number, fn: () => void): () => void {
    this.waiting.add(fn);
    return () => this.waiting.delete(fn);
  }
}

export function measured(countUnfinished = async (): Promise<Unfinished> => nothingUnfinished) {
  const time = new StoodTime();
  const wakes = { areWhole: true };
  const metrics = new Metrics({
    store: { countUnfinished },
    time,
    attentionAfterMs: 600_000,
    isWakeQueueUp: () => wakes.areWhole,
    droppedSpanCount: async () => 0,
  });
  return { metrics, time, wakes, scraped: async () => readText((await metrics.scrape()).text) };
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

/** Of everything that can be observed, once. */
export async function observedEverything(): Promise<Scraped> {
  const { metrics, scraped } = measured(async () => ({
    countByStatus: { trying: 1 },
    parkedCount: 1,
    attentionCount: 1,
    oldestBeganAt: T0,
    oldestWakeAt: T0,
  }));
  metrics.saved(null, confirmed());
  metrics.saved(confirming(), cancelled());
  metrics.called({ participant: 'inventory', op: 'try', reply: 'succeeded', durationMs: 1 });
  metrics.circuitChanged('inventory', 'open');
  metrics.committed(1);
  metrics.removed(1);
  return scraped();
}
