/** What NetworkPolicies let through, as far as the chart's need: peers by pods, namespaces and address blocks, TCP ports. */
import type { K8sObject } from './chart.ts';

type Labels = Readonly<Record<string, string>>;
export type Endpoint =
  | { readonly namespace: string; readonly labels: Labels }
  /** Outside the cluster, in this block. */
  | { readonly cidr: string };

type Peer = {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
};
type Selector = { readonly matchLabels?: Labels };
type Rule = {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
};

/** Both ends must let a connection through; an end that no policy selects lets everything through. */
export const lets = (policies: readonly K8sObject[], from: Endpoint, to: Endpoint, port: number): boolean =>
  isLetOut(policies, from, to, port) && isLetIn(policies, from, to, port);

const isLetOut = (policies: readonly K8sObject[], from: Endpoint, to: Endpoint, port: number): boolean =>
  areLet(selecting(policies, from, 'Egress'), ({ spec }) => spec.egress, 'to', { other: to, port });

const isLetIn = (policies: readonly K8sObject[], from: Endpoint, to: Endpoint, port: number): boolean =>
  areLet(selecting(policies, to, 'Ingress'), ({ spec }) => spec.ingress, 'from', { other: from, port });

const selecting = (policies: readonly K8sObject[], pod: Endpoint, type: string): readonly K8sObject[] =>
  policies.filter(
    ({ metadata, spec }) =>
      'labels' in pod &&
      metadata.namespace === pod.namespace &&
      spec.policyTypes.includes(type) &&
      matches(spec.podSelector, pod.labels),
  );

function areLet(
  policies: readonly K8sObject[],
  rulesOf: (policy: K8sObject) => readonly Rule[] | undefined,
  side: 'from' | 'to',
  { other, port }: { readonly other: Endpoint; readonly port: number },
): boolean {
  if (policies.length === 0) return true;
  return policies.some((policy) =>
    (rulesOf(policy) ?? []).some(
      (rule) =>
        (rule[side] === undefined || rule[side].some((peer) => isPeer(peer, other, policy))) &&
        (rule.ports === undefined ||
          rule.ports.some((allowed) => allowed.protocol === 'TCP' && allowed.port === port)),
    ),
  );
}

function isPeer(peer: Peer, other: Endpoint, policy: K8sObject): boolean {
  if ('cidr' in other) return peer.ipBlock?.cidr === other.cidr;
  if (peer.ipBlock !== undefined) return false;
  const inNamespace = peer.namespaceSelector
    ? matches(peer.namespaceSelector, { 'kubernetes.io/metadata.name': other.namespace })
    : other.namespace === policy.metadata.namespace;
  return inNamespace && matches(peer.podSelector ?? {}, other.labels);
}

const matches = ({ matchLabels = {} }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([name, value]) => labels[name] === value);
