// What the chart refuses, and what it says of it.
import { expect, test } from '@jest/globals';
import type { Values } from './chart.ts';
import { describeWithHelm } from './with-helm.ts';

await describeWithHelm('values that cannot work are refused', (chart) => {
  test('without any, both secrets are missing, each with the command that creates it', () => {
    expect(chart.refusals(null)).toEqual([
      expect.stringMatching(
        /^database\.existingSecret is missing: .* kubectl create secret generic tercet --namespace tercet --from-literal=database-url=/,
      ),
      expect.stringMatching(
        /^apiTokens\.existingSecret is missing: .* kubectl create secret generic tercet --namespace tercet --from-literal=api-tokens=/,
      ),
    ]);
  });

  test.each<readonly [string, Values, RegExp]>([
    [
      'a secret among the settings',
      { config: { TERCET_DATABASE_URL: 'mysql://u:p@h/n' } },
      /^config\.TERCET_DATABASE_URL is a secret.* name that by database\.existingSecret$/,
    ],
    [
      'tokens among the settings',
      { config: { TERCET_API_TOKENS: '0123456789abcdef' } },
      /^config\.TERCET_API_TOKENS is a secret.* apiTokens\.existingSecret$/,
    ],
    [
      'the port among the settings',
      { config: { TERCET_PORT: 80 } },
      /^config\.TERCET_PORT is set by containerPort/,
    ],
    [
      'a certificate of the listener, since probes and Service are plain HTTP',
      { config: { TERCET_TLS_CERT_FILE: '/tls/tls.crt' } },
      /^config\.TERCET_TLS_CERT_FILE makes the listener serve HTTPS/,
    ],
    [
      'tokens, and requests without any',
      { config: { TERCET_ALLOW_ANONYMOUS: true } },
      /contradict each other/,
    ],
    [
      'a grace period that a stop may exceed',
      { terminationGracePeriodSeconds: 24 },
      /^terminationGracePeriodSeconds is 24, and a stop may take 25: .* leave it null/,
    ],
    [
      'a drain that the grace period does not hold',
      { config: { TERCET_DRAIN_MS: 60_000 }, terminationGracePeriodSeconds: 30 },
      /a stop may take 80/,
    ],
    [
      'a file of certificates twice',
      { config: { TERCET_REDIS_CA_FILE: '/ca.pem' }, caCertificates: { redis: { configMap: 'ca' } } },
      /^config\.TERCET_REDIS_CA_FILE and caCertificates contradict/,
    ],
    [
      'a file of credentials twice',
      {
        config: { TERCET_PARTICIPANT_CREDENTIALS_FILE: '/some.json' },
        participantCredentials: { existingSecret: 'tercet-participants' },
      },
      /^config\.TERCET_PARTICIPANT_CREDENTIALS_FILE and participantCredentials contradict/,
    ],
    [
      'a public URL without the secrets of its URLs',
      { config: { TERCET_PUBLIC_URL: 'https://tercet.example' } },
      /^config\.TERCET_PUBLIC_URL and completionSecrets\.existingSecret need each other/,
    ],
    [
      'secrets of completion URLs without a public URL',
      { completionSecrets: { existingSecret: 'tercet-completion' } },
      /^config\.TERCET_PUBLIC_URL and completionSecrets\.existingSecret need each other/,
    ],
    [
      'an autoscaler without a metric',
      { autoscaling: { enabled: true, targetCPUUtilizationPercentage: null } },
      /^autoscaling has no metric/,
    ],
    [
      'an autoscaler whose bounds cross',
      { autoscaling: { enabled: true, minReplicas: 9 } },
      /minReplicas is greater/,
    ],
    [
      'an autoscaler by CPU without a request',
      { autoscaling: { enabled: true }, resources: { requests: { cpu: null } } },
      /set resources\.requests\.cpu$/,
    ],
    [
      'a NetworkPolicy that lets no one in',
      { networkPolicy: { enabled: true, egress: { participants: { namespaces: ['shop'] } } } },
      /^networkPolicy\.enabled lets no one call/,
    ],
    [
      'a NetworkPolicy without participants',
      { networkPolicy: { enabled: true, ingress: { namespaces: ['shop'] } } },
      /call no participant/,
    ],
    ['an Ingress without hosts', { ingress: { enabled: true } }, /^ingress\.hosts is empty/],
    ['an HTTPRoute without a Gateway', { httpRoute: { enabled: true } }, /^httpRoute\.parentRefs is empty/],
    [
      'a scrape without a token',
      { serviceMonitor: { enabled: true } },
      /^serviceMonitor\.tokenSecret\.name is missing: .*kubectl create secret generic tercet-scrape --namespace tercet --from-literal=scrape-token=TOKEN/,
    ],
  ])('%s', (_what, values, fault) => {
    expect(chart.refusals('default', values)).toEqual([expect.stringMatching(fault)]);
  });

  test.each<readonly [string, Values, RegExp]>([
    ['a misspelt value', { replicas: 3 }, /replicas/],
    ['a misspelt part of a value', { autoscaling: { enable: true } }, /enable/],
    ['a misspelt setting', { config: { TERCET_CALL_TIMEOUT: 5000 } }, /TERCET_CALL_TIMEOUT/],
    ['a setting out of its range', { config: { TERCET_RETENTION_DAYS: 0 } }, /TERCET_RETENTION_DAYS/],
    ['a setting of another type', { config: { TERCET_CALL_TIMEOUT_MS: '5s' } }, /TERCET_CALL_TIMEOUT_MS/],
    ['a host that is none', { config: { TERCET_ALLOWED_HOSTS: ['https://shop'] } }, /TERCET_ALLOWED_HOSTS/],
    [
      'a variable that is none of OpenTelemetry',
      { otel: { ENDPOINT: 'http://collector' } },
      /^at '\/otel': .*ENDPOINT/,
    ],
    ['a digest that is none', { image: { digest: 'latest' } }, /digest/],
    ['a budget that lets no node drain', { podDisruptionBudget: { maxUnavailable: 0 } }, /maxUnavailable/],
  ])('%s, by the schema', (_what, values, fault) => {
    expect(chart.refusals('default', values)).toEqual([expect.stringMatching(fault)]);
  });

  test('all faults are reported together', () => {
    expect(
      chart.refusals('default', { ingress: { enabled: true }, httpRoute: { enabled: true } }),
    ).toHaveLength(2);
  });
});
