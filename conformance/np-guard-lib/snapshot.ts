import type { KubernetesObject } from '@palisade/kubernetes';
import { type ClusterSnapshot, namedPortsOf, type PodFact } from '@palisade/netpol';

const TEMPLATE_KINDS = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet', 'Job', 'ReplicationController', 'VirtualMachine'];

type PodSpec = Parameters<typeof namedPortsOf>[0];

/** Declared ports, those without a name under their number: np-guard's Ingress rows ask whether a pod declares a port at all. */
function portsOf(spec: PodSpec): PodFact['ports'] {
  const containers = (spec.containers ?? []).map((container) => ({
    ...container,
    ports: (container.ports ?? []).map((port) => ({ ...port, name: port.name ?? String(port.containerPort) })),
  }));
  return namedPortsOf({ ...spec, containers });
}

/** np-guard's peers: one for each workload object, and one for all pods with the same owner. */
function podFactsOf(object: KubernetesObject): PodFact[] {
  const namespace = object.metadata.namespace ?? 'default';
  const name = object.metadata.name ?? '';
  const spec = object['spec'] ?? {};
  if (object.kind === 'Pod') {
    const owner = object.metadata.ownerReferences?.[0];
    // A static pod's owner is its node, which is no workload.
    const workload = owner && owner.kind !== 'Node' ? `${owner.kind ?? 'Pod'}/${owner.name}` : `Pod/${name}`;
    // Addresses stay out: np-guard never matches a pod with an ipBlock.
    return [{ namespace, name, labels: object.metadata.labels ?? {}, ips: [], ports: portsOf(spec), workload }];
  }
  const template =
    object.kind === 'CronJob' ? spec.jobTemplate?.spec?.template : TEMPLATE_KINDS.includes(object.kind) ? spec.template : undefined;
  if (!template) return [];
  const labels = template.metadata?.labels ?? {};
  return [
    {
      namespace,
      name: `${object.kind}-${name}`,
      labels,
      ips: [],
      ports: portsOf(template.spec ?? {}),
      workload: `${object.kind}/${name}`,
    },
  ];
}

const inDefaultNamespace = (object: KubernetesObject): KubernetesObject =>
  object.metadata.namespace === undefined ? { ...object, metadata: { ...object.metadata, namespace: 'default' } } : object;

export function snapshotOfManifests(objects: readonly KubernetesObject[]): ClusterSnapshot {
  return {
    namespaces: objects
      .filter((o) => o.kind === 'Namespace')
      .map((o) => ({ name: o.metadata.name ?? '', labels: o.metadata.labels ?? {} })),
    pods: objects.flatMap(podFactsOf),
    networkPolicies: objects.filter((o) => o.kind === 'NetworkPolicy').map(inDefaultNamespace),
    clusterPolicies: objects.filter((o) => o.kind.endsWith('AdminNetworkPolicy')),
  };
}
