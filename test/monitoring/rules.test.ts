/** The alert rules by themselves: their syntax, their names, and the cases in which each fires and does not. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { type Metric, metrics } from '../../src/observability/catalogue.ts';
import { describeOwn } from '../support/servers.ts';
import { promtool } from './promtool.ts';
import { alertRules, RULES_FILE, selectedSeries } from './rules.ts';

const CASE_FILES = ['cases.yaml', 'cases-of-days.yaml'].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
);

await describeOwn('prometheus', 'the alert rules', () => {
  test('are valid', async () => {
    expect(await promtool('check', 'rules', RULES_FILE)).toMatch(/SUCCESS: \d+ rules found/);
  });

  test('fire and resolve in their cases, and in healthy traffic none fires', async () => {
    expect(await promtool('test', 'rules', ...CASE_FILES)).toContain('SUCCESS');
  });
});

describe('the alert rules name', () => {
  const catalogue: readonly Metric[] = Object.values(metrics);

  test.each(selectedSeries)('$metric as the catalogue has it, with its labels', ({ metric, labels }) => {
    const found = catalogue.find(({ name }) => name === metric);
    expect(found?.name).toBe(metric);
    const known = [...(found?.labels ?? []), ...(found?.kind === 'histogram' ? ['le'] : [])];
    expect(labels.filter((label) => !known.includes(label))).toEqual([]);
  });

  test('a bucket that the histogram has', () => {
    const decisionToEnd = catalogue.find(({ name }) => name === 'tercet_decision_to_end_seconds');
    expect(decisionToEnd?.buckets).toContain(60);
  });

  test('no refusal: it is business', () => {
    expect(readFileSync(RULES_FILE, 'utf8').match(/reply\s*[=!~]+\s*"[^"]*refused/g)).toBeNull();
  });
});

describe('the alert', () => {
  const cases = CASE_FILES.flatMap((file) => readFileSync(file, 'utf8').split(/^ {2}- name: /m));
  const runbooks = readFileSync(new URL('../../docs/runbooks.md', import.meta.url), 'utf8');

  test.each(alertRules)('$name says how urgent it is and where its runbook is', ({ name, text }) => {
    expect(text).toMatch(/^ {10}severity: (?:page|ticket)$/m);
    expect(text).toMatch(/^ {10}summary: \S/m);
    expect(text).toMatch(/^ {10}description: \S/m);
    expect(text).toContain(`runbook_url: docs/runbooks.md#${name.toLowerCase()}\n`);
    expect(runbooks).toContain(`\n## ${name}\n`);
  });

  test.each(alertRules)('$name has a case in which it fires, and resolves at last', ({ name }) => {
    const found = cases.find((text) => text.startsWith(`${name} fires and resolves\n`)) ?? '';
    const [, ...checks] = found.split(/^ {6}- expr: /m);
    const isFiring = checks.map((check) => check.includes(`alertname="${name}"`));
    expect(isFiring).toContain(true);
    expect([isFiring.at(0), isFiring.at(-1)]).toEqual([false, false]);
  });

  test('of each runbook exists', () => {
    const sections = [...runbooks.matchAll(/^## (Tercet\w+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alertRules.map(({ name }) => name));
  });
});
