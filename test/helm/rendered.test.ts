// What the chart renders: as a whole, and what each switch turns on.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readSettings, settingsTable } from '../../src/environment.ts';
import type { Settings } from '../../src/settings.ts';
import type { Container, K8sObject, Objects, PodSpec, Values } from './chart.ts';
import { lets } from './network.ts';
import { variablesOf } from './pod-files.ts';
import { restrictedFaults } from './restricted.ts';
import { describeWithHelm } from './with-helm.ts';

const CI = ['minimal', 'default', 'everything'];

const POLICY = {
  enabled: true,
  ingress: { namespaces: ['shop'] },
  egress: { participants: { namespaces: ['shop'] } },
};

const PEM = '-----BEGIN CERTIFICATE-----';
/** What the Secrets and ConfigMaps that exist before the release hold, by the name of the file that it becomes. */
const SECRETS: Readonly<Record<string, string>> = {
  'database-url': 'mysql://tercet:word@mysql/tercet',
  'redis-url': 'redis://:word@redis:6379/0',
  'api-tokens': '0123456789abcdef',
  'alert-webhook-url': 'https://alerts.internal/tercet',
  'alert-webhook-secrets': `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  'completion-secrets': `whsec_${Buffer.alloc(32, 2).toString('base64')}`,
  'database.pem': `${PEM} database`,
  'redis.pem': `${PEM} redis`,
  'participant.pem': `${PEM} participant`,
};

const podOf = (objects: Objects, name: string): PodSpec => {
  const found = objects.pods.find(([one]) => one === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found[1];
};

const variableIn = ({ env = [] }: Container, variable: string): string | undefined =>
  env.find(({ name }) => name === variable)?.value;

/** The settings as the process reads them, with the files that its volumes put in place. @throws UnusableSettings */
function configOf(container: Container, pod: PodSpec): Settings {
  const folder = mkdtempSync(join(tmpdir(), 'tercet-pod-'));
  try {
    return readSettings(variablesOf(container, pod, { folder, files: SECRETS }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a hook's object names and must find: `Kind/name`. */
function referencesOf({ spec }: K8sObject): readonly string[] {
  const pod: PodSpec | undefined = spec.template?.spec;
  if (pod === undefined) return [];
  return [
    `ServiceAccount/${pod.serviceAccountName}`,
    ...pod.volumes.flatMap(({ secret, configMap }) => [
      ...(secret ? [`Secret/${secret.secretName}`] : []),
      ...(configMap ? [`ConfigMap/${configMap.name}`] : []),
    ]),
    ...[
      ...JSON.stringify(pod.containers).matchAll(
        /"(secret|configMap)(?:KeyRef|Ref)":\{[^}]*"name":"([^"]+)"/g,
      ),
    ].map(([, kind, name]) => `${kind === 'secret' ? 'Secret' : 'ConfigMap'}/${name}`),
  ];
}

await describeWithHelm('the chart', (chart) => {
  /** Rendered once each, when first asked for: a suite that is skipped renders nothing. */
  const renderings = new Map<string, Objects>();
  const rendered = (ci: string): Objects => {
    const found = renderings.get(ci) ?? chart.render(ci);
    renderings.set(ci, found);
    return found;
  };

  describe.each(CI)('with its %s values', (ci) => {
    test('passes helm lint --strict', () => expect(chart.lint(ci)).toBe(''));

    test('has pods within the restricted standard, without a token of the API server and without service links', () => {
      for (const [, pod] of rendered(ci).pods) {
        expect(restrictedFaults(pod)).toEqual([]);
        expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      }
      for (const account of rendered(ci).of('ServiceAccount'))
        expect(account.automountServiceAccountToken).toBe(false);
    });

    test('has containers with requests, limits and a read-only root file system', () => {
      for (const container of rendered(ci).pods.flatMap(([, { containers }]) => containers)) {
        const amounts = { cpu: expect.any(String), memory: expect.any(String) };
        expect(container.resources).toEqual({ requests: amounts, limits: amounts });
        expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
      }
    });

    test('has a process that is asked three things, and is given the time to stop', () => {
      const pod = podOf(rendered(ci), 'Deployment/tercet');
      const [container] = pod.containers;
      expect(container.startupProbe?.httpGet.path).toBe('/livez');
      expect(container.livenessProbe?.httpGet.path).toBe('/livez');
      expect(container.readinessProbe?.httpGet.path).toBe('/readyz');
      const { drainMs, shutdownTimeoutMs } = configOf(container, pod);
      const pauseMs = (container.lifecycle?.preStop.sleep.seconds ?? 0) * 1000;
      expect(Number(pod.terminationGracePeriodSeconds) * 1000).toBeGreaterThan(
        pauseMs + drainMs + shutdownTimeoutMs,
      );
    });

    test('gives coordinator and migration an environment that the settings accept', () => {
      for (const [, pod] of rendered(ci).pods.filter(([name]) => name !== 'Pod/tercet-test'))
        expect(configOf(pod.containers[0], pod).databaseUrl).toBe(SECRETS['database-url']);
    });

    test('has no Secret, and no secret in a variable or in a ConfigMap', () => {
      const objects = rendered(ci);
      expect(objects.of('Secret')).toEqual([]);
      const variables = objects.pods.flatMap(([, { containers }]) =>
        containers.flatMap(({ env = [] }) => env),
      );
      const secrets = settingsTable.filter(({ fileVariable }) => fileVariable !== null);
      for (const { variable } of secrets) expect(variables.map(({ name }) => name)).not.toContain(variable);
      for (const { data = {} } of objects.of('ConfigMap'))
        expect(JSON.stringify(data)).not.toMatch(/mysql:\/\/|redis:\/\/|whsec_[A-Za-z0-9+/]|Bearer [\w-]/);
    });

    test('has hooks of the installation that refer only to what exists before it', () => {
      const hooks = rendered(ci).all.filter(({ metadata }) =>
        metadata.annotations?.['helm.sh/hook']?.includes('pre-install'),
      );
      const made = rendered(ci)
        .all.filter((object) => !hooks.includes(object))
        .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      for (const hook of hooks) expect(referencesOf(hook).filter((name) => made.includes(name))).toEqual([]);
    });

    test('selects its own pods by Service, budget and spread, and no others', () => {
      const objects = rendered(ci);
      const labels = objects.one('Deployment/tercet').spec.template.metadata.labels;
      const selectors = [
        objects.one('Deployment/tercet').spec.selector.matchLabels,
        objects.one('Service/tercet').spec.selector,
        ...objects.of('PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels),
        ...(podOf(objects, 'Deployment/tercet').topologySpreadConstraints ?? []).map(
          ({ labelSelector }) => labelSelector.matchLabels,
        ),
      ];
      for (const selector of selectors) {
        expect(labels).toMatchObject(selector);
        for (const other of ['Job/tercet-migration', 'Pod/tercet-test'].filter((name) =>
          objects.names.includes(name),
        )) {
          const { metadata, spec } = objects.one(other);
          expect(spec.template?.metadata.labels ?? metadata.labels).not.toMatchObject(selector);
        }
      }
    });
  });

  describe('a switch', () => {
    test.each<readonly [string, Values, readonly string[]]>([
      ['autoscaling', { autoscaling: { enabled: true } }, ['HorizontalPodAutoscaler/tercet']],
      [
        'dashboards',
        { dashboards: { enabled: true } },
        ['ConfigMap/tercet-overview', 'ConfigMap/tercet-participants', 'ConfigMap/tercet-runtime'],
      ],
      [
        'ingress',
        { ingress: { enabled: true, hosts: [{ host: 'tercet.example.com' }] } },
        ['Ingress/tercet'],
      ],
      [
        'httpRoute',
        { httpRoute: { enabled: true, parentRefs: [{ name: 'internal' }] } },
        ['HTTPRoute/tercet'],
      ],
      [
        'serviceMonitor',
        { serviceMonitor: { enabled: true, tokenSecret: { name: 'scrape' } } },
        ['ServiceMonitor/tercet'],
      ],
      ['prometheusRule', { prometheusRule: { enabled: true } }, ['PrometheusRule/tercet']],
      [
        'networkPolicy',
        { networkPolicy: POLICY },
        ['NetworkPolicy/tercet', 'NetworkPolicy/tercet-migration', 'NetworkPolicy/tercet-test'],
      ],
      [
        'extraObjects',
        { extraObjects: ['{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}'] },
        ['ConfigMap/one'],
      ],
    ])('%s adds exactly its objects', (_name, values, added) => {
      const before = rendered('default').names;
      expect(chart.render('default', values).names).toEqual([...before, ...added].sort());
    });

    test.each<readonly [string, Values, readonly string[]]>([
      ['podDisruptionBudget', { podDisruptionBudget: { enabled: false } }, ['PodDisruptionBudget/tercet']],
      ['migration', { migration: { enabled: false } }, ['Job/tercet-migration']],
      ['serviceAccount', { serviceAccount: { create: false } }, ['ServiceAccount/tercet']],
    ])('%s that is turned off takes away exactly its object', (_name, values, removed) => {
      const before = rendered('default').names;
      expect(chart.render('default', values).names).toEqual(before.filter((name) => !removed.includes(name)));
    });
  });

  test('a number of any size reaches the process as it was written, and a list with commas', () => {
    const pod = podOf(rendered('everything'), 'Deployment/tercet');
    const [container] = pod.containers;
    expect(variableIn(container, 'TERCET_MAX_TIMEOUT_MS')).toBe('604800000');
    expect(variableIn(container, 'OTEL_TRACES_SAMPLER_ARG')).toBe('0.1');
    expect(configOf(container, pod).allowedHosts).toEqual(['*.shop.internal', 'billing.internal:8443']);
  });

  test('every secret is read from a file, each from the key that was named', () => {
    const pod = podOf(rendered('everything'), 'Deployment/tercet');
    expect(configOf(pod.containers[0], pod)).toMatchObject({
      redisUrl: SECRETS['redis-url'],
      apiTokens: [SECRETS['api-tokens']],
      alertWebhookUrl: SECRETS['alert-webhook-url'],
      alertWebhookSecrets: [SECRETS['alert-webhook-secrets']],
      completionSecrets: [SECRETS['completion-secrets']],
      databaseCaFile: SECRETS['database.pem'],
      redisCaFile: SECRETS['redis.pem'],
      participantCaFile: SECRETS['participant.pem'],
    });
    const sources = pod.volumes.find(({ name }) => name === 'secrets')?.projected?.sources ?? [];
    expect(sources[0]?.secret).toEqual({
      name: 'tercet-database',
      items: [{ key: 'run', path: 'database-url' }],
    });
  });

  test('credentials of participants are mounted as a complete Secret, for the coordinator only', () => {
    const { containers, volumes } = podOf(rendered('everything'), 'Deployment/tercet');
    const folder = '/run/secrets/tercet-participants';
    const variable = 'TERCET_PARTICIPANT_CREDENTIALS_FILE';
    expect(variableIn(containers[0], variable)).toBe(`${folder}/credentials.json`);
    const mount = containers[0].volumeMounts.find(({ mountPath }) => mountPath === folder);
    expect(volumes.find(({ name }) => name === mount?.name)?.secret?.secretName).toBe('tercet-participants');
    expect(JSON.stringify(rendered('everything').one('Job/tercet-migration'))).not.toContain(folder);
    expect(JSON.stringify(podOf(rendered('default'), 'Deployment/tercet'))).not.toContain(variable);
  });

  describe('the migration', () => {
    test('runs migrate.ts as its own user of the database, before each install and upgrade, and leaves its log where it fails', () => {
      const job = rendered('everything').one('Job/tercet-migration');
      const pod: PodSpec = job.spec.template.spec;
      expect(pod.containers[0].args).toEqual(['src/migrate.ts']);
      expect(pod.volumes.find(({ name }) => name === 'secrets')?.secret).toMatchObject({
        secretName: 'tercet-database',
        items: [{ key: 'migrate', path: 'database-url' }],
      });
      expect(job.metadata.annotations).toEqual({
        'helm.sh/hook': 'pre-install,pre-upgrade',
        'helm.sh/hook-weight': '0',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
        'helm.sh/hook-output-log-policy': 'hook-failed',
      });
      expect(configOf(pod.containers[0], pod)).toMatchObject({
        databaseTls: true,
        databaseCaFile: SECRETS['database.pem'],
        tablePrefix: 'tercet_',
      });
    });

    test('is the hook of Argo CD instead, with its policy before it', () => {
      const objects = chart.render('everything', { migration: { hook: 'argocd' } });
      const annotations = ['NetworkPolicy/tercet-migration', 'Job/tercet-migration'].map(
        (name) => objects.one(name).metadata.annotations,
      );
      expect(annotations).toEqual(
        ['-1', '0'].map((wave) => ({
          'argocd.argoproj.io/hook': 'PreSync',
          'argocd.argoproj.io/hook-delete-policy': 'BeforeHookCreation,HookSucceeded',
          'argocd.argoproj.io/sync-wave': wave,
        })),
      );
    });

    test('reads the URL of the coordinator where it has no secret of its own', () => {
      const { spec } = rendered('default').one('Job/tercet-migration');
      expect(spec.template.spec.volumes[0].secret).toMatchObject({
        secretName: 'tercet',
        items: [{ key: 'database-url', path: 'database-url' }],
      });
    });
  });

  describe('stopping', () => {
    const graceOf = (values: Values) => podOf(chart.render('default', values), 'Deployment/tercet');

    test('may take the pause, the drain, the stop, and five seconds more', () => {
      expect(graceOf({}).terminationGracePeriodSeconds).toBe(5 + 5 + 10 + 5);
      const longer = {
        config: { TERCET_DRAIN_MS: 30_001, TERCET_SHUTDOWN_TIMEOUT_MS: 60_000 },
        preStopSleepSeconds: 10,
      };
      expect(graceOf(longer).terminationGracePeriodSeconds).toBe(10 + 31 + 60 + 5);
      const none = { config: { TERCET_DRAIN_MS: 0 }, preStopSleepSeconds: 0 };
      expect(graceOf(none).terminationGracePeriodSeconds).toBe(15);
      expect(graceOf(none).containers[0].lifecycle).toBeUndefined();
    });

    test('may take longer than that where the values say so', () => {
      expect(graceOf({ terminationGracePeriodSeconds: 120 }).terminationGracePeriodSeconds).toBe(120);
    });
  });

  test('the start-up probe outlasts the wait for a database', () => {
    const attempts = (values: Values) => {
      const probe = podOf(chart.render('default', values), 'Deployment/tercet').containers[0].startupProbe;
      return Number(probe?.failureThreshold) * Number(probe?.periodSeconds);
    };
    expect(attempts({})).toBeGreaterThan(60);
    expect(attempts({ config: { TERCET_DATABASE_WAIT_MS: 300_000 } })).toBeGreaterThan(300);
  });

  describe('autoscaling', () => {
    test('leaves the number of replicas to the autoscaler', () => {
      expect(rendered('everything').one('Deployment/tercet').spec.replicas).toBeUndefined();
      expect(rendered('default').one('Deployment/tercet').spec.replicas).toBe(2);
    });

    test('counts the backlog once, and not once for each replica', () => {
      const { metrics } = rendered('everything').one('HorizontalPodAutoscaler/tercet').spec;
      expect(metrics).toEqual([
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        },
        {
          type: 'External',
          external: {
            metric: { name: 'tercet_backlog', selector: { matchLabels: { job: 'tercet' } } },
            target: { type: 'AverageValue', averageValue: '2000' },
          },
        },
      ]);
    });
  });

  describe('monitoring', () => {
    test('names its job so that the alerts find it, whatever the release is called', () => {
      const jobOf = (release: string, values: Values = {}) =>
        chart
          .render('everything', values, { release })
          .of('ServiceMonitor')[0]
          ?.spec.endpoints[0].relabelings.at(-1);
      expect(jobOf('tercet')).toEqual({ targetLabel: 'job', replacement: 'tercet' });
      expect(jobOf('shop')).toEqual({ targetLabel: 'job', replacement: 'shop-tercet' });
      expect(jobOf('shop', { fullnameOverride: 'coordinator' })).toMatchObject({
        replacement: 'tercet-coordinator',
      });
    });

    test('sends the token of its Secret, and none where none is asked for', () => {
      const endpointOf = (objects: Objects) => objects.one('ServiceMonitor/tercet').spec.endpoints[0];
      expect(endpointOf(rendered('everything'))).toMatchObject({
        port: 'http',
        path: '/metrics',
        authorization: { credentials: { name: 'tercet-scrape', key: 'scrape-token' } },
      });
      const open = endpointOf(chart.render('minimal', { serviceMonitor: { enabled: true } }));
      expect(open).not.toHaveProperty('authorization');
    });

    test('names namespace and pod in each span, next to what was given; and no variable turns tracing on by itself', () => {
      const [container] = podOf(rendered('everything'), 'Deployment/tercet').containers;
      expect(variableIn(container, 'OTEL_RESOURCE_ATTRIBUTES')).toBe(
        'k8s.namespace.name=tercet,k8s.pod.name=$(POD_NAME),deployment.environment.name=ci',
      );
      const names = (container.env ?? []).map(({ name }) => name);
      // Kubernetes expands only what stands before.
      expect(names.indexOf('POD_NAME')).toBeLessThan(names.indexOf('OTEL_RESOURCE_ATTRIBUTES'));
      const [plain] = podOf(rendered('default'), 'Deployment/tercet').containers;
      expect(plain.env?.filter(({ name }) => name.startsWith('OTEL_'))).toEqual([]);
    });

    test('has alerts whose runbooks stand at the given address', () => {
      const { groups } = rendered('everything').one('PrometheusRule/tercet').spec;
      const urls = groups.flatMap(({ rules }: { rules: { annotations?: { runbook_url: string } }[] }) =>
        rules.flatMap(({ annotations }) => annotations?.runbook_url ?? []),
      );
      expect(urls.length).toBeGreaterThan(5);
      for (const url of urls)
        expect(url).toMatch(/^https:\/\/git\.example\.com\/tercet\/blob\/main\/docs\/runbooks\.md#tercet/);
    });

    test('has dashboards as Grafana imports them', () => {
      for (const name of ['overview', 'participants', 'runtime']) {
        const { data = {}, metadata } = rendered('everything').one(`ConfigMap/tercet-${name}`);
        expect(JSON.parse(data[`tercet-${name}.json`] ?? '')).toMatchObject({ uid: `tercet-${name}` });
        expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
      }
    });
  });

  test('Ingress and HTTPRoute lead to the Service, from the paths that are given', () => {
    const objects = rendered('everything');
    const { rules, tls } = objects.one('Ingress/tercet').spec;
    const backend = { service: { name: 'tercet', port: { name: 'http' } } };
    expect(rules).toEqual(
      [
        ['tercet.example.com', '/'],
        ['internal.example.com', '/v1'],
      ].map(([host, path]) => ({ host, http: { paths: [{ path, pathType: 'Prefix', backend }] } })),
    );
    expect(tls).toEqual([{ secretName: 'tercet-tls', hosts: ['tercet.example.com'] }]);
    expect(objects.one('HTTPRoute/tercet').spec.rules).toEqual([
      {
        matches: [{ path: { type: 'PathPrefix', value: '/' } }],
        timeouts: { request: '75s' },
        backendRefs: [{ name: 'tercet', port: 8080 }],
      },
    ]);
  });

  describe('with NetworkPolicies', () => {
    const policies = () => rendered('everything').of('NetworkPolicy');
    const own = (component: string) => ({
      namespace: 'tercet',
      labels: {
        'app.kubernetes.io/name': 'tercet',
        'app.kubernetes.io/instance': 'tercet',
        'app.kubernetes.io/component': component,
      },
    });
    const [coordinator, testPod, migration] = [own('coordinator'), own('test'), own('migration')];
    const caller = { namespace: 'shop', labels: { app: 'checkout' } };
    const stranger = { namespace: 'elsewhere', labels: { app: 'checkout' } };

    test('the pod of helm test calls the coordinator, and is called by it', () => {
      expect(lets(policies(), testPod, coordinator, 8080)).toBe(true);
      expect(lets(policies(), coordinator, testPod, 8080)).toBe(true);
      expect(lets(policies(), caller, testPod, 8080)).toBe(false);
    });

    test('only pods of named namespaces and named peers call the coordinator, and only its port', () => {
      expect(lets(policies(), caller, coordinator, 8080)).toBe(true);
      expect(lets(policies(), { cidr: '10.0.0.0/24' }, coordinator, 8080)).toBe(true);
      expect(lets(policies(), stranger, coordinator, 8080)).toBe(false);
      expect(lets(policies(), caller, coordinator, 9229)).toBe(false);
    });

    test('the coordinator reaches database, Redis, collector, participants and alerts, and nothing else', () => {
      const reaches = (to: Parameters<typeof lets>[2], port: number) =>
        lets(policies(), coordinator, to, port);
      expect(reaches({ cidr: '10.2.0.3/32' }, 3306)).toBe(true);
      expect(reaches({ cidr: '10.2.0.3/32' }, 22)).toBe(false);
      expect(reaches({ namespace: 'tercet', labels: { app: 'redis' } }, 6379)).toBe(true);
      expect(reaches({ namespace: 'observability', labels: {} }, 4318)).toBe(true);
      expect(reaches(caller, 8080)).toBe(true);
      expect(reaches(caller, 5432)).toBe(false);
      expect(reaches({ cidr: '192.0.2.1/32' }, 443)).toBe(true);
      expect(reaches({ cidr: '192.0.2.1/32' }, 80)).toBe(false);
      expect(reaches(stranger, 8080)).toBe(false);
    });

    test('the migration reaches the database, and no one reaches it', () => {
      expect(lets(policies(), migration, { cidr: '10.2.0.3/32' }, 3306)).toBe(true);
      expect(lets(policies(), migration, coordinator, 8080)).toBe(false);
      expect(lets(policies(), caller, migration, 8080)).toBe(false);
    });

    test('names are resolved by each of the pods, wherever the resolver is', () => {
      const ports = ['UDP', 'TCP'].map((protocol) => ({ protocol, port: 53 }));
      for (const { spec } of policies()) expect(spec.egress).toContainEqual({ ports });
    });

    test('what is not used is not let through', () => {
      const plain = chart.render('default', { networkPolicy: POLICY }).of('NetworkPolicy');
      const reaches = (port: number) => lets(plain, coordinator, { cidr: '192.0.2.1/32' }, port);
      expect([3306, 6379, 4318, 443].map(reaches)).toEqual([true, false, false, false]);
    });
  });

  test('the notes name the next three steps, with commands for this release', () => {
    const notes = chart.notes('default');
    expect(notes.match(/^\d\. /gm)).toEqual(['1. ', '2. ', '3. ']);
    expect(notes).toContain('helm test tercet --namespace tercet --logs');
    expect(notes).toContain(`-o go-template='{{index .data "api-tokens" | base64decode}}'`);
    expect(notes).not.toContain('WARNING');
    expect(chart.notes('minimal')).toContain('WARNING: requests need no token.');
    expect(chart.notes('minimal')).toContain('The migration is switched off.');
  });

  test('is packaged with the copies of rules and dashboards, and is far smaller than the megabyte that Helm can store', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tercet-package-'));
    try {
      chart.package(folder);
      const [archive = ''] = readdirSync(folder);
      const packed = chart.at(join(folder, archive));
      expect(packed.render('everything', {}, { valuesOf: chart }).names).toEqual(
        rendered('everything').names,
      );
      expect(readFileSync(packed.folder).byteLength).toBeLessThan(200_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
