/** values.schema.json of the chart: what Helm refuses before it renders. A misspelt value is unknown, and refused. */
import { variableOf } from '../../src/environment.ts';
import { Settings } from '../../src/settings.ts';

type Schema = { readonly [key: string]: unknown };

/** Exactly these values. */
const values = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
});
const list = (items: Schema): Schema => ({ type: 'array', items });
const whole = (minimum: number, maximum: number): Schema => ({ type: 'integer', minimum, maximum });
const orNull = ({ type, ...schema }: Schema): Schema => ({ type: [type, 'null'], ...schema });
const oneOf = (...words: readonly string[]): Schema => ({ type: 'string', enum: words });

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
/** As Kubernetes defines it: checked by the API server. */
const object: Schema = { type: 'object' };
const objects = list(object);
const texts: Schema = { type: 'object', additionalProperties: text };
const labels = texts;
const annotations = texts;
const name: Schema = { type: 'string', pattern: '^[a-z0-9.-]{0,253}$' };
const key: Schema = { type: 'string', pattern: '^[-._a-zA-Z0-9]{1,253}$' };
const seconds = (maximum: number) => whole(1, maximum);
const port = whole(1, 65_535);
const ports = list(port);
const peers = objects;
const secret = values({ existingSecret: name, key });
const configMap = values({ configMap: name, key });
const scalar: Schema = { type: ['string', 'number', 'boolean'] };

export const valuesSchema: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  ...values({
    /** Of a chart that has this one as a part. */
    global: object,
    image: values({
      repository: { type: 'string', minLength: 1 },
      tag: text,
      digest: { type: 'string', pattern: '^(?:sha256:[0-9a-f]{64})?$' },
      pullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
    }),
    imagePullSecrets: objects,
    nameOverride: text,
    fullnameOverride: text,
    commonLabels: labels,
    replicaCount: whole(0, 1000),
    config: values(configProperties()),
    otel: { type: 'object', additionalProperties: false, patternProperties: { '^OTEL_[A-Z0-9_]+$': scalar } },
    database: secret,
    redis: secret,
    apiTokens: secret,
    alertWebhook: values({ existingSecret: name, urlKey: key, secretsKey: key }),
    completionSecrets: secret,
    participantCredentials: secret,
    caCertificates: values({ database: configMap, redis: configMap, participants: configMap }),
    migration: values({
      enabled: flag,
      hook: oneOf('helm', 'argocd'),
      existingSecret: name,
      key,
      serviceAccountName: name,
      backoffLimit: whole(0, 100),
      activeDeadlineSeconds: seconds(86_400),
      podAnnotations: annotations,
      resources: object,
      extraEnv: objects,
      extraVolumes: objects,
      extraVolumeMounts: objects,
    }),
    serviceAccount: values({ create: flag, name, annotations }),
    service: values({ type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer'), port, annotations }),
    containerPort: port,
    resources: object,
    startupProbe: values({ periodSeconds: seconds(60), timeoutSeconds: seconds(60) }),
    livenessProbe: values({
      periodSeconds: seconds(3600),
      timeoutSeconds: seconds(3600),
      failureThreshold: whole(1, 1000),
    }),
    readinessProbe: values({
      periodSeconds: seconds(3600),
      timeoutSeconds: seconds(3600),
      failureThreshold: whole(1, 1000),
    }),
    preStopSleepSeconds: whole(0, 3600),
    terminationGracePeriodSeconds: orNull(seconds(86_400)),
    strategy: object,
    revisionHistoryLimit: whole(0, 1000),
    podDisruptionBudget: values({
      enabled: flag,
      // With none a node could never be drained.
      maxUnavailable: { type: ['integer', 'string'], minimum: 1, pattern: '^(?:[1-9]\\d?|100)%$' },
    }),
    topologySpreadConstraints: objects,
    affinity: object,
    nodeSelector: labels,
    tolerations: objects,
    priorityClassName: text,
    podAnnotations: annotations,
    podLabels: labels,
    podSecurityContext: object,
    securityContext: object,
    autoscaling: values({
      enabled: flag,
      minReplicas: whole(1, 1000),
      maxReplicas: whole(1, 1000),
      targetCPUUtilizationPercentage: orNull(whole(1, 1000)),
      backlog: values({
        enabled: flag,
        metricName: { type: 'string', minLength: 1 },
        matchLabels: labels,
        targetAverageValue: whole(1, 1_000_000),
      }),
      behavior: object,
    }),
    networkPolicy: values({
      enabled: flag,
      ingress: values({ namespaces: list(name), from: peers }),
      egress: values({
        participants: values({ namespaces: list(name), to: peers, ports }),
        database: values({ to: peers, ports }),
        redis: values({ to: peers, ports }),
        otlp: values({ to: peers, ports }),
        alertWebhook: values({ to: peers, ports }),
        extra: objects,
      }),
    }),
    ingress: values({
      enabled: flag,
      className: text,
      annotations,
      hosts: list({ ...values({ host: text, path: { type: 'string', pattern: '^/' } }), required: ['host'] }),
      tls: objects,
    }),
    httpRoute: values({
      enabled: flag,
      annotations,
      parentRefs: objects,
      hostnames: list(text),
      path: { type: 'string', pattern: '^/' },
      requestTimeout: { type: 'string', pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' },
    }),
    serviceMonitor: values({
      enabled: flag,
      labels,
      interval: text,
      scrapeTimeout: text,
      relabelings: objects,
      metricRelabelings: objects,
      tokenSecret: values({ name, key }),
    }),
    prometheusRule: values({
      enabled: flag,
      labels,
      runbookBaseUrl: { type: 'string', pattern: '^(?:.*/)?$' },
    }),
    dashboards: values({ enabled: flag, labels, annotations }),
    test: values({ timeoutSeconds: whole(5, 3600), resources: object }),
    extraEnv: objects,
    extraVolumes: objects,
    extraVolumeMounts: objects,
    extraObjects: list({ type: ['object', 'string'] }),
  }),
};

type Setting = {
  readonly type: string | readonly string[];
  readonly description: string;
  readonly isSecret?: boolean;
  readonly isFile?: boolean;
  readonly items?: Schema;
  readonly [key: string]: unknown;
};

/** The settings by their variables. Secrets and the port are refused by the templates, which say where they belong. */
function configProperties(): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(Settings.properties as unknown as Readonly<Record<string, Setting>>).map(
      ([setting, schema]) => [variableOf(setting), configSchema(setting, schema)],
    ),
  );
}

function configSchema(setting: string, schema: Setting): Schema {
  const { description, type, minimum, maximum, pattern, enum: words, items } = schema;
  if (schema.isSecret || setting === 'port') return {};
  if (schema.isFile) return { type: 'string', description };
  // A list may also be a text with commas, as in the environment.
  if (type === 'array') return { type: ['array', 'string'], items: { pattern: items?.pattern }, description };
  return JSON.parse(JSON.stringify({ type, minimum, maximum, pattern, enum: words, description }));
}
