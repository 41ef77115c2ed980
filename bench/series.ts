/**
 * The measurements of a run, in order. At the end each coordinator's database must hold what the clients
 * were answered.
 */
import { availableParallelism, cpus } from 'node:os';
import type { Span, Tally } from './database.ts';
import type { Lab } from './lab.ts';
import type { LoadQuestion } from './load.ts';
import { type Measurement, measure } from './measure.ts';
import type { Coordinator, Target } from './target.ts';

export type Case = Omit<LoadQuestion, 'port'>;

export type Count = {
  /** Transactions that clients were answered as confirmed, warm-up included, and what the database holds. */
  readonly acknowledged: number;
  readonly stored: Omit<Tally, 'journalRowCounts'>;
};

export type Series = {
  /** A measurement, after a short one that does not count: connections open, and code gets compiled. */
  warmAndMeasure(target: Target, of: Case): Promise<Measurement>;
  /** Errors that clients met so far, in words. */
  faults(): string[];
  /** Ends the coordinator, and counts. */
  countAtEnd(
    coordinator: Coordinator,
    spans?: readonly Span[],
  ): Promise<Count & { readonly journalRowCounts: readonly number[]; readonly faults: readonly string[] }>;
};

export function openSeries(lab: Lab): Series {
  const measured: Measured[] = [];
  const one = async (target: Target, of: Case): Promise<Measurement> => {
    const measurement = await measure(lab, target, of);
    measured.push({ target, clients: of.clients, measurement });
    return measurement;
  };
  return {
    async warmAndMeasure(target, of) {
      await one(target, { ...of, seconds: Math.max(0.5, of.seconds / 5) });
      const measurement = await one(target, of);
      progress(`${of.clients} clients, ${target.process.name}: ${Math.round(measurement.perSecond)}/s`);
      return measurement;
    },
    faults: () => measured.filter(({ measurement }) => measurement.errorCount > 0).map(faultOf),
    async countAtEnd(coordinator, spans = []) {
      await coordinator.process.stop();
      const { journalRowCounts, ...stored } = await coordinator.database.tally(spans);
      const acknowledged = measured
        .filter(({ target }) => target === coordinator)
        .reduce((sum, { measurement }) => sum + measurement.transactionCount, 0);
      const faults = differences(acknowledged, stored).map(
        (fault) => `${coordinator.process.name}: ${fault}`,
      );
      return { acknowledged, stored, journalRowCounts, faults };
    },
  };
}

/** Also those that only warm up. */
type Measured = { readonly target: Target; readonly clients: number; readonly measurement: Measurement };

const faultOf = ({ target, clients, measurement: { errorCount, errors } }: Measured): string =>
  [`${clients} clients at ${target.process.name}: ${errorCount} errors, such as`, ...errors].join('\n');

function differences(acknowledged: number, { transactionCount, confirmedCount }: Count['stored']): string[] {
  if (acknowledged === transactionCount && acknowledged === confirmedCount) return [];
  return [
    `${acknowledged} transactions were acknowledged as confirmed; the database holds ${transactionCount}, ` +
      `of which ${confirmedCount} are confirmed`,
  ];
}

export const machine = (): string => `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`;

export const progress = (line: string): void => void process.stderr.write(`${line}\n`);
