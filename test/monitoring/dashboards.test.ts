/** The dashboards: their files are what the code makes, and their expressions are of metrics that exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { evaluable, panelExpressions } from '../../monitoring/dashboards/expressions.ts';
import { dashboardFiles, dashboards } from '../../monitoring/dashboards/files.ts';
import { type Metric, metrics, runtimeMetrics } from '../../src/observability/catalogue.ts';

const folder = join(import.meta.dirname, '../../monitoring/dashboards');
const catalogue: readonly Metric[] = Object.values(metrics);
const expressions = panelExpressions.map(({ expr }) => expr);

/** Names of metrics in an expression: what stands before a matcher. */
const namesIn = (expr: string): readonly string[] =>
  [...expr.matchAll(/(\w+)\{/g)].map(([, name = '']) => name);

/** Of a name with the suffix of a sample. */
const metricOf = (name: string): Metric | undefined =>
  catalogue.find((metric) =>
    metric.kind === 'histogram'
      ? [`${metric.name}_bucket`, `${metric.name}_sum`, `${metric.name}_count`].includes(name)
      : metric.name === name,
  );

/** What each replica counts is summed. What all read from one database never is: each reports the same number. */
function formOf({ name, kind, help }: Metric): RegExp {
  const grouping = String.raw`(?: by \([a-z_, ]+\))?`;
  if (kind !== 'gauge') return new RegExp(`sum${grouping} \\(rate\\(${name}[a-z_]*\\{[^}]*\\}\\[`);
  return help.includes('in the database')
    ? new RegExp(`^max by \\(namespace, job(?:, status)?\\) \\(${name}\\{`)
    : new RegExp(`^(?:max|min|count)${grouping} ?\\(${name}\\{`);
}

describe('files', () => {
  test.each(dashboardFiles())('$name is what `npm run dashboards` writes', ({ path, text }) => {
    expect(existsSync(path) ? readFileSync(path, 'utf8') : 'no file').toBe(text);
  });

  test('of dashboards that no longer exist are gone, and each is small', () => {
    const found = readdirSync(folder).filter((name) => name.endsWith('.json'));
    expect(found.map((name) => join(folder, name)).sort()).toEqual(
      dashboardFiles()
        .map(({ path }) => path)
        .sort(),
    );
    for (const { text } of dashboardFiles()) expect(text.length).toBeLessThan(150_000);
  });
});

describe('expressions', () => {
  test('name only metrics of the catalogue', () => {
    const unknown = expressions
      .flatMap(namesIn)
      .filter((name) => metricOf(name) === undefined)
      .filter((name) => !(Object.values(runtimeMetrics) as string[]).includes(name.replace(/_sum$/, '')));
    expect(unknown).toEqual([]);
  });

  test('name each metric of the catalogue, so that none is scraped and never shown', () => {
    const shown = new Set(expressions.flatMap(namesIn).map((name) => metricOf(name)?.name));
    expect(catalogue.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });

  test.each(catalogue)('use $name as its kind requires', (metric) => {
    const using = expressions.filter((expr) => namesIn(expr).some((name) => metricOf(name) === metric));
    expect(using.filter((expr) => !formOf(metric).test(expr))).toEqual([]);
  });

  test('ask for exemplars only where a metric has them, and every histogram that has them is asked', () => {
    const withExemplars = panelExpressions.filter(({ hasExemplars }) => hasExemplars);
    const asked = withExemplars.flatMap(({ expr }) => namesIn(expr).map(metricOf));
    expect(asked.filter((metric) => !metric?.hasExemplars)).toEqual([]);
    const wanted = catalogue.filter(({ kind, hasExemplars }) => kind === 'histogram' && hasExemplars);
    expect(wanted.filter((metric) => !asked.includes(metric))).toEqual([]);
  });

  test('have no variable of Grafana left when they are evaluated elsewhere, and close what they open', () => {
    for (const expr of expressions) {
      const sent = evaluable(expr, { rateInterval: '1m' });
      expect(sent).not.toContain('$');
      expect(sent.match(/[({[]/g)?.length).toBe(sent.match(/[)}\]]/g)?.length);
    }
  });
});

describe.each(dashboards)('$title', ({ panels = [], templating }) => {
  const shown = panels.filter(({ type }) => type !== 'row') as {
    readonly id?: number;
    readonly title?: string;
    readonly description?: string;
    readonly datasource?: { readonly uid?: string };
    readonly gridPos?: { readonly x: number; readonly w: number };
  }[];

  test('has panels with a description, a place and the chosen data source', () => {
    expect(shown.length).toBeGreaterThan(0);
    for (const { title, description = '', datasource, gridPos } of shown) {
      expect([title, description.length > 20]).toEqual([title, true]);
      expect(datasource?.uid).toBe('$' + '{datasource}');
      expect((gridPos?.x ?? 0) + (gridPos?.w ?? 99)).toBeLessThanOrEqual(24);
    }
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('lets the reader choose data source, job and instance', () => {
    expect(templating?.list?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['datasource', 'job', 'instance', 'docs']),
    );
  });
});
