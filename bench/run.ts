/**
 * The run: for each number of clients, coordinator and wire limit by turns, round after round, so that whatever else the
 * machine does meets both. In the end the database is asked whether it holds what the clients were told.
 */
import { availableParallelism, cpus } from 'node:os';
import type { Tally } from './database.ts';
import { type Lab, openLab, type Target } from './lab.ts';
import type { LoadQuestion } from './load.ts';
import { type Measurement, measure } from './measure.ts';
import type { Options } from './options.ts';
import { type Result, type Round, resultOf } from './result.ts';

export type Report = {
  readonly pattern: Options['pattern'];
  readonly database: string;
  readonly node: string;
  readonly machine: string;
  readonly secondsPerMeasurement: number;
  readonly roundCount: number;
  readonly results: readonly Result[];
  /** What clients were told to be confirmed, warming up included, and what the database holds. */
  readonly told: number;
  readonly stored: Omit<Tally, 'journalRowCounts'>;
  /** Why this run is no proof of anything; empty when all was well. */
  readonly faults: readonly string[];
};

export async function run(options: Options, opened: AsyncDisposableStack): Promise<Report> {
  const { pattern, clientCounts, seconds, rounds: roundCount } = options;
  const lab = await openLab(options, opened);
  const database = [lab.database, lab.redis].flatMap((part) => part?.title ?? []).join(', ');
  progress(`${database}; ${clientCounts.join(', ')} clients, ${roundCount} rounds of 2 × ${seconds} s each`);
  const heard: Heard[] = [];
  const byClients: { clients: number; rounds: Round[] }[] = [];
  for (const clients of clientCounts) {
    const rounds: Round[] = [];
    while (rounds.length < roundCount && faultsIn(heard).length === 0)
      rounds.push(await oneRound(lab, { pattern, clients, seconds }, heard));
    if (rounds.length > 0) byClients.push({ clients, rounds });
  }
  await lab.coordinator.process.stop();
  const spans = byClients.flatMap(({ rounds }) => rounds.map(({ coordinator }) => coordinator));
  const { journalRowCounts, ...stored } = await lab.database.tally(spans);
  const rowCountOf = new Map(spans.map((span, index) => [span, journalRowCounts[index] ?? 0]));
  const told = heard
    .filter(({ target }) => target === lab.coordinator)
    .reduce((sum, { measurement }) => sum + measurement.transactionCount, 0);
  return {
    ...{
      pattern,
      database,
      node: process.version,
      machine: machine(),
      secondsPerMeasurement: seconds,
      roundCount,
    },
    results: byClients.map(({ clients, rounds }) => resultOf(clients, rounds, rowCountOf)),
    ...{ told, stored, faults: [...faultsIn(heard), ...differences(told, stored)] },
  };
}

/** Every measurement in order, also those that only warm up. */
type Heard = { readonly target: Target; readonly clients: number; readonly measurement: Measurement };

/** Each measurement is preceded by a short one that does not count: connections open, and code gets compiled. */
async function oneRound(
  lab: Lab,
  { pattern, clients, seconds }: Omit<LoadQuestion, 'port'>,
  heard: Heard[],
): Promise<Round> {
  const one = async (target: Target, seconds: number): Promise<Measurement> => {
    const measurement = await measure(lab, target, { pattern, clients, seconds });
    heard.push({ target, clients, measurement });
    return measurement;
  };
  const warmAndMeasure = async (target: Target): Promise<Measurement> => {
    await one(target, Math.max(0.5, seconds / 5));
    const measurement = await one(target, seconds);
    progress(`${clients} clients, ${target.process.name}: ${Math.round(measurement.perSecond)}/s`);
    return measurement;
  };
  return {
    coordinator: await warmAndMeasure(lab.coordinator),
    wireLimit: await warmAndMeasure(lab.wireLimit),
  };
}

const faultsIn = (heard: readonly Heard[]): string[] =>
  heard
    .filter(({ measurement }) => measurement.errorCount > 0)
    .map(({ target, clients, measurement: { errorCount, errors } }) =>
      [`${clients} clients at ${target.process.name}: ${errorCount} errors, such as`, ...errors].join('\n'),
    );

function differences(told: number, { transactionCount, confirmedCount }: Report['stored']): string[] {
  if (told === transactionCount && told === confirmedCount) return [];
  return [
    `clients were told of ${told} confirmed transactions; the database holds ${transactionCount}, ` +
      `of which ${confirmedCount} are confirmed`,
  ];
}

const machine = (): string => `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`;

const progress = (line: string): void => void process.stderr.write(`${line}\n`);
