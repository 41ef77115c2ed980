// docs/helm.md: its values are accepted, and its commands are run with Helm and kubectl as far as that goes without a cluster.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { obtainHelm } from '../../scripts/tools/helm.ts';
import type { Values } from './chart.ts';
import { describeWithHelm } from './with-helm.ts';

const repository = join(import.meta.dirname, '../..');
const page = readFileSync(join(repository, 'docs/helm.md'), 'utf8');
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text);

const values = blocks('yaml').filter((text) => text.startsWith('# tercet-values.yaml'));
const helm = await obtainHelm();
const kubectl = spawnSync('sh', ['-c', 'command -v kubectl'], { encoding: 'utf8' }).stdout.trim();

/** What installs is rendered, and what creates is printed: both check their arguments. */
const HELM = `case "$1" in
  install|upgrade) shift; exec "$HELM" template "$@" --kube-version 1.37 ;;
  template) exec "$HELM" "$@" --kube-version 1.37 ;;
esac`;
const KUBECTL = `case "$1" in
  create) [ -z "$KUBECTL" ] || exec "$KUBECTL" "$@" --dry-run=client --output name ;;
  apply) grep -c '^kind: Pod' ;;
esac`;

await describeWithHelm('docs/helm.md', (chart) => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-helm-docs-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  beforeAll(() => {
    mkdirSync(join(folder, 'bin'));
    const shims = { helm: HELM, kubectl: KUBECTL, docker: '', curl: '' };
    for (const [name, script] of Object.entries(shims)) {
      const log = `echo "${name} $*" >> "${join(folder, 'log')}"`;
      writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${log}\n${script}\n`, { mode: 0o755 });
    }
    symlinkSync(join(repository, 'helm'), join(folder, 'helm'));
    for (const file of ['ca.crt', 'inventory.crt', 'inventory.key', 'credentials.json'])
      writeFileSync(join(folder, file), '-----BEGIN CERTIFICATE-----\n');
    writeFileSync(join(folder, 'tercet-values.yaml'), values[0] ?? '');
  });

  test('has values that the chart accepts', () => {
    expect(values.length).toBeGreaterThan(6);
    for (const text of values) expect(chart.refusals('default', parse(text) as Values)).toEqual([]);
  });

  test('has settings that the chart accepts', () => {
    const settings = blocks('yaml').filter((text) => text.startsWith('config:'));
    expect(settings).toHaveLength(1);
    for (const text of settings) expect(chart.refusals('default', parse(text) as Values)).toEqual([]);
  });

  test('has commands that Helm and kubectl accept', () => {
    const commands = blocks('sh').join('\n');
    const env = {
      ...process.env,
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      HELM: 'command' in helm ? helm.command[0] : '',
      KUBECTL: kubectl,
    };
    const { status, stderr } = spawnSync('sh', ['-eu', '-c', commands], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const ran = readFileSync(join(folder, 'log'), 'utf8');
    for (const command of ['install', 'upgrade', 'template', 'test', 'uninstall'])
      expect(ran).toMatch(new RegExp(`^helm ${command} tercet `, 'm'));
    expect(ran.match(/^kubectl create /gm)).toHaveLength(8);
  });

  test('creates each key that the chart reads', () => {
    const keys = [
      'database-url',
      'redis-url',
      'api-tokens',
      'scrape-token',
      'alert-webhook-url',
      'alert-webhook-secrets',
      'completion-secrets',
    ];
    for (const key of keys) expect(page).toContain(`--from-literal=${key}=`);
  });
});

describe('docs/helm.md', () => {
  test('shows what the test prints', () => {
    const script = readFileSync(join(repository, 'helm/tercet/files/two-participants.mjs'), 'utf8');
    const shown = /^ready: .*?^trace: .*?$/ms.exec(page)?.[0].split('\n') ?? [];
    expect(shown).toHaveLength(6);
    for (const line of shown) expect(script).toContain(`\`${line.split(':')[0]}: `);
  });
});
