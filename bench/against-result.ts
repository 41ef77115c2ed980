/** What the pairs at one number of clients come to. */
import type { Measurement } from './measure.ts';
import { median } from './result.ts';

export type Pair = { readonly this: Measurement; readonly other: Measurement };

/** One figure of both checkouts: medians over the pairs. Null where the system does not report it. */
export type ComparedFigure = {
  readonly this: number | null;
  readonly other: number | null;
  /** This ÷ other, taken within each pair. */
  readonly ratio: { readonly median: number; readonly min: number; readonly max: number } | null;
};

const FIGURES = {
  perSecond: (measurement) => measurement.perSecond,
  p50Ms: (measurement) => measurement.p50Ms,
  p99Ms: (measurement) => measurement.p99Ms,
  cpuSecondsPer1000: (measurement) => measurement.cpuSecondsPer1000.target,
  databaseCpuSecondsPer1000: (measurement) => measurement.cpuSecondsPer1000.database,
} as const satisfies Record<string, (measurement: Measurement) => number | null>;

export type FigureName = keyof typeof FIGURES;

export type Compared = {
  readonly clients: number;
  readonly figures: Readonly<Record<FigureName, ComparedFigure>>;
  readonly pairs: readonly Pair[];
};

export function resultOfPairs(clients: number, pairs: readonly Pair[]): Compared {
  const compared = Object.entries(FIGURES).map(([name, of]) => [name, compare(pairs, of)]);
  return { clients, figures: Object.fromEntries(compared) as Compared['figures'], pairs };
}

function compare(pairs: readonly Pair[], of: (measurement: Measurement) => number | null): ComparedFigure {
  const ratios = pairs.map((pair) => ratioOf(of(pair.this), of(pair.other)));
  const middle = median(ratios);
  const known = ratios.filter((ratio) => ratio !== null);
  return {
    this: median(pairs.map((pair) => of(pair.this))),
    other: median(pairs.map((pair) => of(pair.other))),
    ratio: middle === null ? null : { median: middle, min: Math.min(...known), max: Math.max(...known) },
  };
}

const ratioOf = (one: number | null, other: number | null): number | null =>
  one === null || !other ? null : one / other;
