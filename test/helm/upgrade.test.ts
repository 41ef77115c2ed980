// An upgrade of the chart changes no field that the API server refuses to change.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { Objects } from './chart.ts';
import { immutableChanges } from './immutable.ts';
import { describeWithHelm } from './with-helm.ts';

const repository = join(import.meta.dirname, '../..');
const CI = ['minimal', 'default', 'everything'];

const git = (...args: readonly string[]): Buffer =>
  execFileSync('git', args, { cwd: repository, maxBuffer: 64 * 1024 * 1024 });

/** The commit from which rolling upgrades are tested; null until there is one that has a chart. */
const previousCommit = (): string =>
  readFileSync(join(repository, 'test/system/upgrade/previous'), 'utf8').trim();

await describeWithHelm('an upgrade', (chart) => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-upgrade-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The chart with another text in one of its templates. */
  function planted(file: string, from: string, to: string) {
    const copy = mkdtempSync(join(folder, 'planted-'));
    cpSync(chart.folder, copy, { recursive: true });
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    expect(text).toContain(from);
    writeFileSync(path, text.replaceAll(from, to));
    return chart.at(copy);
  }

  test('to the same chart changes none', () => {
    for (const ci of CI) expect(immutableChanges(chart.render(ci), chart.render(ci))).toEqual([]);
  });

  test('to another version of the chart alone replaces no pod', () => {
    const { version } = parse(readFileSync(join(chart.folder, 'Chart.yaml'), 'utf8'));
    const next = planted('Chart.yaml', `\nversion: ${version}`, '\nversion: 9.9.9').render('default');
    expect(next.one('Service/tercet').metadata.labels?.['helm.sh/chart']).toBe('tercet-9.9.9');
    const { template } = next.one('Deployment/tercet').spec;
    expect(template).toEqual(chart.render('default').one('Deployment/tercet').spec.template);
  });

  test('to a chart with another selector is found', () => {
    const other = planted(
      'templates/_helpers.tpl',
      'app.kubernetes.io/component: {{',
      'app.kubernetes.io/part-of: {{',
    );
    expect(immutableChanges(chart.render('default'), other.render('default'))).toEqual([
      'Deployment/tercet: spec.selector changed',
    ]);
  });

  test('to a chart that renames the Service, or makes it headless, is found', () => {
    const name = 'name: {{ include "tercet.fullname" . }}\n';
    const renamed = planted('templates/service.yaml', name, 'name: another\n');
    expect(immutableChanges(chart.render('default'), renamed.render('default'))).toEqual([
      'Service/tercet is gone',
    ]);
    const headless = planted('templates/service.yaml', '  selector:\n', '  clusterIP: None\n  selector:\n');
    expect(immutableChanges(chart.render('default'), headless.render('default'))).toEqual([
      'Service/tercet: spec.clusterIP changed',
    ]);
  });

  test('by Job and test, whose pods change with each version, replaces them', () => {
    const other = planted(
      'templates/_helpers.tpl',
      'automountServiceAccountToken: false',
      'hostUsers: false',
    );
    expect(immutableChanges(chart.render('default'), other.render('default'))).toEqual([]);
    const kept = planted('templates/_helpers.tpl', 'before-hook-creation,', '');
    expect(immutableChanges(kept.render('default'), other.render('default'))).toContain(
      'Job/tercet-migration: spec.template changed',
    );
  });

  test('of a kind whose immutable fields are not known is an error', () => {
    const unknown = new Objects('{ apiVersion: v1, kind: Unknown, metadata: { name: one } }');
    expect(() => immutableChanges(unknown, unknown)).toThrow('which fields of a Unknown are immutable?');
  });

  test('from the chart at test/system/upgrade/previous changes none', () => {
    mkdirSync(join(folder, 'previous'));
    const archive = git('archive', previousCommit(), 'helm/tercet');
    execFileSync('tar', ['-x', '-C', join(folder, 'previous')], { input: archive });
    const previous = chart.at(join(folder, 'previous/helm/tercet'));
    for (const ci of CI)
      expect(immutableChanges(previous.render(ci), chart.render(ci, {}, { valuesOf: previous }))).toEqual([]);
  });
});
