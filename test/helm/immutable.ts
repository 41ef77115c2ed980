/** Fields that the API server refuses to change, so that an upgrade which changes them fails half-way. */
import { type K8sObject, nameOf, type Objects } from './chart.ts';

type FieldsOf = (object: K8sObject) => Readonly<Record<string, unknown>>;

/** Kinds of which nothing in particular is immutable have an empty list. */
const IMMUTABLE: Readonly<Record<string, FieldsOf>> = {
  ConfigMap: immutableData,
  Deployment: ({ spec }) => ({ 'spec.selector': spec.selector }),
  HorizontalPodAutoscaler: () => ({}),
  HTTPRoute: () => ({}),
  Ingress: () => ({}),
  Job: ({ spec }) => ({
    'spec.template': spec.template,
    'spec.selector': spec.selector,
    'spec.completions': spec.completions,
    'spec.completionMode': spec.completionMode,
  }),
  NetworkPolicy: () => ({}),
  Pod: ({ spec }) => ({ spec }),
  PodDisruptionBudget: () => ({}),
  PrometheusRule: () => ({}),
  Secret: immutableData,
  Service: ({ spec }) => ({ 'spec.clusterIP': spec.clusterIP, 'spec.clusterIPs': spec.clusterIPs }),
  ServiceAccount: () => ({}),
  ServiceMonitor: () => ({}),
};

function immutableData({ data, ...rest }: K8sObject): Record<string, unknown> {
  const { immutable = false } = rest as { immutable?: boolean };
  return immutable ? { data } : {};
}

/**
 * What stands in the way of an upgrade from one rendering to another with the same values: changed fields, and objects that are
 * gone, since whatever refers to them breaks. A hook that is deleted before it is created may change.
 *
 * @throws Error for a kind that this file does not know
 */
export function immutableChanges(before: Objects, after: Objects): readonly string[] {
  return before.all.filter(stays).flatMap((object) => {
    const name = nameOf(object);
    const next = after.all.find((one) => nameOf(one) === name && one.apiVersion === object.apiVersion);
    if (next === undefined) return [`${name} is gone`];
    const [old, now] = [fieldsOf(object), fieldsOf(next)];
    return Object.keys(old)
      .filter((field) => JSON.stringify(old[field]) !== JSON.stringify(now[field]))
      .map((field) => `${name}: ${field} changed`);
  });
}

function fieldsOf(object: K8sObject): Readonly<Record<string, unknown>> {
  const fields = IMMUTABLE[object.kind];
  if (fields === undefined) throw new Error(`which fields of a ${object.kind} are immutable? Add it here`);
  return fields(object);
}

function stays({ metadata: { annotations = {} } }: K8sObject): boolean {
  const isReplaced = [
    annotations['helm.sh/hook-delete-policy'],
    annotations['argocd.argoproj.io/hook-delete-policy'],
  ]
    .join()
    .match(/before-hook-creation|BeforeHookCreation/);
  return isReplaced === null;
}
