/**
 * The measurements of a run, in order. In the end each coordinator's database is asked whether it holds what the clients
 * were told.
 */
import { availableParallelism, cpus } from 'node:os';
import type { Span, Tally } from './database.ts';
import type { Lab } from './lab.ts';
import type { LoadQuestion } from './load.ts';
import { type Measurement, measure } from './measure.ts';
import type { Coordinator, Target } from './target.ts';

export type Case = Omit<LoadQuestion, 'port'>;

export type Count = {
  /** What clients were told to be confirmed, warming up included, and what the database holds. */
  readonly told: number;
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
  const heard: Heard[] = [];
  const one = async (target: Target, of: Case): Promise<Measurement> => {
    const measurement = await measure(lab, target, of);
    heard.push({ target, clients: of.clients, measurement });
    return measurement;
  };
  return {
    async warmAndMeasure(target, of) {
      await one(target, { ...of, seconds: Math.max(0.5, of.seconds / 5) });
      const measurement = await one(target, of);
      progress(`${of.clients} clients, ${target.process.name}: ${Math.round(measurement.perSecond)}/s`);
      return measurement;
    },
    faults: () => heard.filter(({ measurement }) => measurement.errorCount > 0).map(faultOf),
    async countAtEnd(coordinator, spans = []) {
      await coordinator.process.stop();
      const { journalRowCounts, ...stored } = await coordinator.database.tally(spans);
      const told = heard
        .filter(({ target }) => target === coordinator)
        .reduce((sum, { measurement }) => sum + measurement.transactionCount, 0);
      const faults = differences(told, stored).map((fault) => `${coordinator.process.name}: ${fault}`);
      return { told, stored, journalRowCounts, faults };
    },
  };
}

/** Also those that only warm up. */
type Heard = { readonly target: Target; readonly clients: number; readonly measurement: Measurement };

const faultOf = ({ target, clients, measurement: { errorCount, errors } }: Heard): string =>
  [`${clients} clients at ${target.process.name}: ${errorCount} errors, such as`, ...errors].join('\n');

function differences(told: number, { transactionCount, confirmedCount }: Count['stored']): string[] {
  if (told === transactionCount && told === confirmedCount) return [];
  return [
    `clients were told of ${told} confirmed transactions; the database holds ${transactionCount}, ` +
      `of which ${confirmedCount} are confirmed`,
  ];
}

export const machine = (): string => `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`;

export const progress = (line: string): void => void process.stderr.write(`${line}\n`);
