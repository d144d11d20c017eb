import type { KubernetesObject } from '@palisade/kubernetes';
import { type ClusterSnapshot, type NamedPort, type NamespaceFact, type NodeFact, type PodFact, portProtocols } from './model.ts';

interface ContainerSpec {
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number; readonly protocol?: string }[] | null;
  readonly restartPolicy?: string;
}

/** Named ports of containers and of init containers that keep running (sidecars). */
export function namedPortsOf(podSpec: {
  containers?: readonly ContainerSpec[] | null;
  initContainers?: readonly ContainerSpec[] | null;
}): NamedPort[] {
  const running = [...(podSpec.containers ?? []), ...(podSpec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')];
  return running.flatMap((container) =>
    (container.ports ?? []).flatMap(({ name, containerPort, protocol = 'TCP' }) => {
      const known = portProtocols.find((p) => p === protocol);
      return name !== undefined && known ? [{ name, protocol: known, port: containerPort }] : [];
    }),
  );
}

function workloadOf(pod: KubernetesObject): string {
  const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
  if (!owner) return `Pod/${pod.metadata.name}`;
  const hash = pod.metadata.labels?.['pod-template-hash'];
  // A ReplicaSet that carries its pods' template hash was made by a Deployment of the name before it.
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`))
    return `Deployment/${owner.name.slice(0, -hash.length - 1)}`;
  return `${owner.kind}/${owner.name}`;
}

/** @returns undefined for a pod that has ended: its address may already belong to another one */
export function podFactOf(pod: KubernetesObject): PodFact | undefined {
  const { spec = {}, status = {}, metadata } = pod;
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return undefined;
  const listed = (status.podIPs ?? []).map((entry: { ip: string }) => entry.ip);
  return {
    namespace: metadata.namespace ?? 'default',
    name: metadata.name ?? '',
    ...(metadata.uid !== undefined && { uid: metadata.uid }),
    labels: metadata.labels ?? {},
    ips: listed.length > 0 ? listed : status.podIP ? [status.podIP] : [],
    ports: namedPortsOf(spec),
    ...(spec.nodeName && { node: spec.nodeName }),
    ...(spec.hostNetwork === true && { hostNetwork: true }),
    workload: workloadOf(pod),
  };
}

export function namespaceFactOf(namespace: KubernetesObject): NamespaceFact {
  return { name: namespace.metadata.name ?? '', labels: namespace.metadata.labels ?? {} };
}

export function nodeFactOf(node: KubernetesObject): NodeFact {
  const addresses: readonly { type: string; address: string }[] = node['status']?.addresses ?? [];
  return {
    name: node.metadata.name ?? '',
    labels: node.metadata.labels ?? {},
    addresses: addresses.filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP').map(({ address }) => address),
  };
}

/** The snapshot of a cluster as its API shows it. Objects of other kinds are left out. */
export function snapshotOf(objects: Iterable<KubernetesObject>, dnsServiceIPs: readonly string[] = []): ClusterSnapshot {
  const namespaces: NamespaceFact[] = [];
  const pods: PodFact[] = [];
  const nodes: NodeFact[] = [];
  const networkPolicies: KubernetesObject[] = [];
  const clusterPolicies: KubernetesObject[] = [];
  for (const object of objects) {
    if (object.kind === 'Namespace') namespaces.push(namespaceFactOf(object));
    else if (object.kind === 'Node') nodes.push(nodeFactOf(object));
    else if (object.kind === 'NetworkPolicy' && object.apiVersion === 'networking.k8s.io/v1') networkPolicies.push(object);
    else if (object.apiVersion.startsWith('policy.networking.k8s.io/')) clusterPolicies.push(object);
    else if (object.kind === 'Pod') {
      const fact = podFactOf(object);
      if (fact) pods.push(fact);
    }
  }
  return { namespaces, pods, nodes, networkPolicies, clusterPolicies, dnsServiceIPs };
}
