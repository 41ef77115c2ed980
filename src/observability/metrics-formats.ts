/**
 * The two formats of a scrape, over the same metrics: Prometheus' text format, and OpenMetrics, which alone has exemplars.
 *
 * A registry of prom-client has one format. Exemplars require one in OpenMetrics, which renames counters when it is scraped.
 * So there are two registries, and the one of Prometheus has views of the counters that keep their names.
 */
import { type Metric as Registered, type OpenMetricsContentType, Registry } from 'prom-client';

export type OpenMetricsRegistry = Registry<OpenMetricsContentType>;

export type Scrape = { readonly contentType: string; readonly text: string };

export function openMetricsRegistry(): OpenMetricsRegistry {
  const registry: OpenMetricsRegistry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}

export class MetricsFormats {
  readonly #openMetrics: OpenMetricsRegistry;
  readonly #prometheus = new Registry();

  /** @param openMetrics with all its metrics: one that is registered later has no other format */
  constructor(openMetrics: OpenMetricsRegistry) {
    this.#openMetrics = openMetrics;
    for (const metric of openMetrics.getMetricsAsArray())
      this.#prometheus.registerMetric(namedView(metric as unknown as Registered));
  }

  async scrape(accept: string | undefined): Promise<Scrape> {
    const registry = prefersOpenMetrics(accept) ? this.#openMetrics : this.#prometheus;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}

/** Shares all values with the metric, and keeps the name that it has now. */
function namedView(metric: Registered): Registered {
  const { name } = metric as unknown as { readonly name: string };
  return Object.create(metric, { name: { value: name } });
}

/** RFC 9110, 12.5.1, as far as scrapers use it. A wildcard is answered with Prometheus' format. */
export function prefersOpenMetrics(accept = ''): boolean {
  const ranges = accept.split(',').map(rangeOf);
  const weightOf = (wanted: string) =>
    Math.max(0, ...ranges.filter(({ type }) => type === wanted).map(({ weight }) => weight));
  const weight = weightOf('application/openmetrics-text');
  return weight > 0 && weight >= weightOf('text/plain');
}

function rangeOf(text: string): { readonly type: string | null; readonly weight: number } {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim().toLowerCase());
  const parameters = new Map(rest.map((part) => part.split('=', 2) as [string, string]));
  const weight = Number(parameters.get('q') ?? 1);
  const version = parameters.get('version')?.replaceAll('"', '') ?? '1.0.0';
  const isOpenMetrics = type === 'application/openmetrics-text';
  // Version 0.0.1 is older than what is written here.
  if (isOpenMetrics && version !== '1.0.0') return { type: null, weight: 0 };
  return { type, weight: Number.isFinite(weight) ? weight : 0 };
}
