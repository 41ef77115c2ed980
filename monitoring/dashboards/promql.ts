/**
 * Expressions of PromQL over the metrics of the catalogue, each in the one form that is right for its kind:
 *
 * 1. Counters are summed as rates, since each replica counts for itself.
 * 2. What a replica measures of itself is shown for each replica.
 * 3. What replicas read from the database that they share is never summed: each reports the same number.
 */
import type { Metric, metrics } from '../../src/observability/catalogue.ts';

/** Which replicas: those that the variables of the dashboard select. */
const REPLICAS = 'job=~"$job", instance=~"$instance"';
/** Every replica of the selected jobs, since any of them reports the same. */
const JOBS = 'job=~"$job"';

/** Deployments are told apart by these labels, as in the alert rules. */
const DEPLOYMENT = ['namespace', 'job'];

export type Selection = {
  readonly by?: readonly string[];
  /** Further matchers of labels. */
  readonly where?: string;
  readonly window?: string;
};

type Of<Kind extends Metric['kind']> = Extract<(typeof metrics)[keyof typeof metrics], { kind: Kind }>;

/** Per second, of a counter of the catalogue. */
export const perSecond = ({ name }: Of<'counter'>, selection: Selection = {}): string =>
  sumOfRates(name, selection);

/** Observations per second. */
export const observationsPerSecond = ({ name }: Of<'histogram'>, selection: Selection = {}): string =>
  sumOfRates(`${name}_count`, selection);

/** Mean of the observed values. */
export const meanOf = ({ name }: Of<'histogram'>, selection: Selection = {}): string =>
  `${sumOfRates(`${name}_sum`, selection)} / ${sumOfRates(`${name}_count`, selection)}`;

/** Estimated within a bucket, as Prometheus does it. */
export const quantileOf = (
  quantile: number,
  { name }: Of<'histogram'>,
  { by = [], ...selection }: Selection = {},
): string =>
  `histogram_quantile(${quantile}, ${sumOfRates(`${name}_bucket`, { ...selection, by: ['le', ...by] })})`;

/**
 * Observations per second up to a bound of the buckets. Prometheus 3 stores the label of a bucket as "60.0", Prometheus 2
 * as it is scraped: "60".
 */
export const upTo = ({ name }: Of<'histogram'>, bound: number, { where = '', ...rest }: Selection = {}) =>
  sumOfRates(`${name}_bucket`, { ...rest, where: joined(`le=~"${bound}|${bound}\\\\.0"`, where) });

/** A gauge that each replica reads from the shared database. */
export const fromDatabase = ({ name }: Of<'gauge'>, by: readonly string[] = []): string =>
  `max by (${[...DEPLOYMENT, ...by].join(', ')}) (${name}{${JOBS}})`;

/** A gauge of each replica by itself. */
export const ofReplicas = (name: string, where = ''): string => `${name}{${joined(REPLICAS, where)}}`;

/** Per second, of a counter of the process: `process_…` and `nodejs_…`. */
export const ratesOfProcess = (name: string, selection: Selection): string => sumOfRates(name, selection);

/** `part / whole`, and 0 where there is no part: a counter does not exist before its first increment. */
export const share = (part: string, whole: string): string => `(${part} or 0 * ${whole}) / ${whole}`;

function sumOfRates(name: string, { by = [], where = '', window = '$__rate_interval' }: Selection): string {
  const grouping = by.length === 0 ? '' : ` by (${by.join(', ')})`;
  return `sum${grouping} (rate(${name}{${joined(REPLICAS, where)}}[${window}]))`;
}

const joined = (...matchers: readonly string[]): string => matchers.filter((one) => one !== '').join(', ');
