// What the chart renders has the form that the API server asks for.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { afterAll, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { type K8sObject, KUBERNETES_VERSIONS } from './chart.ts';
import { describeWithHelm, describeWithKubernetesValidate } from './with-helm.ts';

type Model = { new (object: never): { validate(): void } };
const MODELS: Readonly<Record<string, Model>> = { HTTPRoute, PrometheusRule, ServiceMonitor };

await describeWithKubernetesValidate("Kubernetes' own objects", (chart, validate) => {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-schemas-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** @returns its lines, without those on objects that pass */
  function complaints(files: readonly string[]): readonly string[] {
    const [file = '', ...before] = validate;
    const versions = KUBERNETES_VERSIONS.flatMap((version) => ['--kubernetes-version', version]);
    const args = [...before, '--strict', '--quiet', ...versions, ...files];
    const { stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' });
    return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  }

  function write(name: string, objects: readonly K8sObject[]): string {
    const path = join(folder, name);
    writeFileSync(path, objects.map((object) => stringify(object)).join('---\n'));
    return path;
  }

  test('pass the strict schemas of the oldest and of the newest version', () => {
    const own = (ci: string) => chart.render(ci).all.filter(({ kind }) => !(kind in MODELS));
    const files = ['minimal', 'default', 'everything'].map((ci) => write(`${ci}.yaml`, own(ci)));
    const argoCd = chart.render('everything', { migration: { hook: 'argocd' } }).of('Job');
    expect(complaints([...files, write('argocd.yaml', argoCd)])).toEqual([]);
  });

  test('are refused with a field that there is not', () => {
    const deployment = chart.render('default').one('Deployment/tercet');
    const misspelt = { ...deployment, spec: { ...deployment.spec, replica: 2 } };
    expect(complaints([write('misspelt.yaml', [misspelt])]).join()).toMatch(/replica/);
  });
});

await describeWithHelm('objects of other projects', (chart) => {
  const rendered = () => chart.render('everything').all.filter(({ kind }) => kind in MODELS);

  test('are all there', () => {
    expect(
      rendered()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(Object.keys(MODELS));
  });

  test('pass the models of their definitions', () => {
    for (const object of rendered()) expect(() => faultsOf(object)).not.toThrow();
  });

  test('are refused with a value of another type', () => {
    const [monitor] = chart.render('everything').of('ServiceMonitor');
    expect(() =>
      faultsOf({ ...(monitor as K8sObject), spec: { ...monitor?.spec, endpoints: 'http' } }),
    ).toThrow();
  });
});

function faultsOf(object: K8sObject): void {
  const { [object.kind]: Kind } = MODELS;
  if (Kind === undefined) throw new Error(`there is no model of ${object.kind}`);
  new Kind(object as never).validate();
}
