/** The restricted pod security standard of Kubernetes, for what the chart's pods use. */
import type { PodSpec } from './chart.ts';

const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** @returns what the standard forbids in a pod */
export function restrictedFaults(pod: PodSpec): readonly string[] {
  const security = (pod.securityContext ?? {}) as Record<string, unknown>;
  const of = (name: string) => pod[name] !== undefined && pod[name] !== false;
  return [
    ...['hostNetwork', 'hostPID', 'hostIPC', 'initContainers'].filter(of),
    ...(security.runAsNonRoot === true && security.runAsUser !== 0 ? [] : ['may run as root']),
    ...(JSON.stringify(security.seccompProfile) === '{"type":"RuntimeDefault"}' ? [] : ['seccompProfile']),
    ...pod.volumes
      .flatMap((volume) => Object.keys(volume).filter((key) => key !== 'name'))
      .filter((type) => !VOLUMES.includes(type)),
    ...pod.containers.flatMap(({ name, securityContext }) => {
      const { allowPrivilegeEscalation, capabilities, privileged = false } = securityContext;
      const faults = [
        allowPrivilegeEscalation === false || 'allowPrivilegeEscalation',
        JSON.stringify(capabilities) === '{"drop":["ALL"]}' || 'capabilities',
        privileged === false || 'privileged',
      ];
      return faults.filter((fault) => fault !== true).map((fault) => `${name}: ${fault}`);
    }),
  ];
}
