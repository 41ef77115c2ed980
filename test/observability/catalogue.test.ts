/** The catalogue of names, the registry that is scraped and the page for people say the same. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type Metric, metrics } from '../../src/observability/catalogue.ts';
import { observedEverything } from './scraped.ts';

const catalogue: readonly Metric[] = Object.values(metrics);

/** The rows of docs/operations.md. */
const table = [
  '| metric | kind | labels | what it is |',
  '|---|---|---|---|',
  ...catalogue.map(
    ({ name, kind, labels, help }) =>
      `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  ),
].join('\n');

test('the registry has each metric of the catalogue, and no other of ours', async () => {
  const { types } = await observedEverything();
  const ours = [...types].filter(([name]) => name.startsWith('tercet_'));
  expect(new Map(ours)).toEqual(new Map(catalogue.map(({ name, kind }) => [name, kind])));
});

test('each metric has the labels of the catalogue, and no other', async () => {
  const { labelsOf } = await observedEverything();
  for (const { name, kind, labels } of catalogue)
    expect([name, labelsOf(name)]).toEqual([
      name,
      [...labels, ...(kind === 'histogram' ? ['le'] : [])].sort(),
    ]);
});

test('docs/operations.md has the same table', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [, found] = /<!-- metrics: begin -->\n(.*?)\n<!-- metrics: end -->/s.exec(page) ?? [];
  expect(found).toBe(table);
});

describe.each(catalogue)('$name', ({ name, kind, unit, labels, buckets }) => {
  test('is named as Prometheus wants it', () => {
    expect(name).toMatch(/^tercet_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(kind === 'counter');
    expect(name.endsWith('_seconds')).toBe(unit === 'seconds');
  });

  test('has no id as a label, and bounds if it needs them', () => {
    expect(labels.filter((label) => /id$|^name$|key/.test(label))).toEqual([]);
    expect(buckets !== undefined).toBe(kind === 'histogram');
  });
});
