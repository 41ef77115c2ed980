// Every value does something: whichever is changed, what is rendered changes. A value that a template forgot is found here.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { chartFolder } from '../../scripts/chart/files.ts';
import { type Leaf, leavesOf } from '../../scripts/chart/values-table.ts';
import type { Values } from './chart.ts';
import { describeWithHelm } from './with-helm.ts';

const read = (file: string): string => readFileSync(join(chartFolder, file), 'utf8');
const leaves = leavesOf(read('values.yaml'));
const everything = parse(read('ci/everything-values.yaml')) as Values;

/** Where a value has a form of its own. */
const OTHER: Readonly<Record<string, unknown>> = {
  'image.digest': `sha256:${'f'.repeat(64)}`,
  'image.pullPolicy': 'Always',
  'migration.hook': 'argocd',
  'service.type': 'NodePort',
  'httpRoute.requestTimeout': '90s',
  'prometheusRule.runbookBaseUrl': 'https://elsewhere.example.com/',
  config: { TERCET_SWEEP_INTERVAL_MS: 2000 },
  otel: { OTEL_BSP_MAX_QUEUE_SIZE: 100 },
  'autoscaling.minReplicas': 3,
  terminationGracePeriodSeconds: 600,
  strategy: { type: 'Recreate', rollingUpdate: null },
  topologySpreadConstraints: [],
  'ingress.hosts': [{ host: 'other.example.com' }],
  extraObjects: ['{ apiVersion: v1, kind: ConfigMap, metadata: { name: other } }'],
};
/** Lists of texts and of numbers; the others are of objects. */
const ITEMS: Readonly<Record<string, unknown>> = {
  namespaces: 'other',
  ports: 9999,
  hostnames: 'other.example.com',
};
/** What must hold for a value to matter, where everything is on. */
const GIVEN: Readonly<Record<string, Values>> = {
  'image.tag': { image: { digest: '' } },
  replicaCount: { autoscaling: { enabled: false } },
  'serviceAccount.name': { serviceAccount: { create: true } },
};

function otherOf({ value, standard }: Leaf): unknown {
  if (value in OTHER) return OTHER[value];
  const now =
    value.split('.').reduce<unknown>((part, name) => (part as Values | undefined)?.[name], everything) ??
    standard;
  if (typeof now === 'boolean') return !now;
  if (typeof now === 'number') return now + 1;
  if (typeof now === 'string') return `${now}other`.replace(/^\/other$/, '/other');
  if (Array.isArray(now)) return [ITEMS[value.split('.').at(-1) ?? ''] ?? { name: 'other' }];
  return { other: 'other' };
}

const nested = (path: string, value: unknown): Values =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as Values;

await describeWithHelm('a value that is changed changes what is rendered', (chart) => {
  const textOf = (values: Values): string => JSON.stringify(chart.render('everything', values).all);
  let standard: string | null = null;

  test.each(leaves.map((leaf) => [leaf.value, leaf] as const))('%s', (value, leaf) => {
    standard ??= textOf({});
    const given = GIVEN[value] ?? {};
    const before = value in GIVEN ? textOf(given) : standard;
    const [name = ''] = value.split('.');
    const other = nested(value, otherOf(leaf));
    const both =
      name in given ? { [name]: { ...(given[name] as object), ...(other[name] as object) } } : other;
    expect(textOf({ ...given, ...both })).not.toBe(before);
  });
});
