import type { KubernetesObject } from '@palisade/kubernetes';
import { type ClusterSnapshot, type NodeView, namespaceFactOf, type PodFact, podFactOf } from '@palisade/netpol';
import { DNS_ADDRESSES, type NodePlan } from './addresses.ts';
import type { LocalPod } from './pod-network.ts';

export interface PolicyInputs {
  readonly nodes: readonly NodePlan[];
  readonly pods: readonly KubernetesObject[];
  readonly namespaces: readonly KubernetesObject[];
  readonly networkPolicies: readonly KubernetesObject[];
  readonly clusterPolicies: readonly KubernetesObject[];
  /** Pods that have a network now, by node name: known here before the API knows their addresses. */
  readonly placed: ReadonlyMap<string, readonly LocalPod[]>;
}

/**
 * The cluster as the policies see it: the API's pods, with the addresses the network gave them. A placed pod that the cache
 * does not show yet is taken as it was given to the network; a pod of the same name but another uid gives way to it, unless that
 * one has a network too.
 */
export function policySnapshot(inputs: PolicyInputs): ClusterSnapshot {
  const facts = new Map<string, PodFact>();
  for (const pod of inputs.pods) {
    const fact = podFactOf(pod);
    if (fact === undefined) continue;
    // What the API still says of a pod whose node has not made it again may be another pod's address by now.
    const isStale = !fact.hostNetwork && inputs.nodes.some((node) => node.name === fact.node);
    facts.set(`${fact.namespace}/${fact.name}`, isStale ? { ...fact, ips: [] } : fact);
  }
  const uids = new Map([...facts].map(([key, fact]) => [key, fact.uid]));
  const current = new Map(facts);
  const locals = [...inputs.placed].flatMap(([node, list]) =>
    list.map((local) => ({ node, local, key: `${local.namespace}/${local.name}` })),
  );
  const isCurrent = ({ key, local }: (typeof locals)[number]) => uids.get(key) === local.uid;
  // The API's own pods last: where an old pod and its successor both have a network, the successor counts.
  for (const entry of [...locals.filter((one) => !isCurrent(one)), ...locals.filter(isCurrent)]) {
    const fact = isCurrent(entry) ? current.get(entry.key) : podFactOf(entry.local.object);
    if (fact !== undefined) facts.set(entry.key, { ...fact, node: entry.node, ips: entry.local.podIPs });
  }
  return {
    namespaces: inputs.namespaces.map(namespaceFactOf),
    pods: [...facts.values()],
    nodes: inputs.nodes.map(({ name, addresses }) => ({ name, addresses })),
    networkPolicies: inputs.networkPolicies,
    clusterPolicies: inputs.clusterPolicies,
    dnsServiceIPs: DNS_ADDRESSES,
  };
}

/** What one node's table is made for: its own links, and the addresses of the pods of the others. */
export function nodeView(node: NodePlan, placed: ReadonlyMap<string, readonly LocalPod[]>): NodeView {
  const pods = [...placed].flatMap(([name, locals]) => {
    const isLocal = name === node.name;
    return locals.map(({ uid, namespace, name: pod, podIPs, ifname }) => ({
      uid,
      namespace,
      name: pod,
      ips: podIPs,
      ifname: isLocal ? ifname : null,
      isLocal,
    }));
  });
  return { nodeName: node.name, pods, nodeAddresses: node.addresses, dnsServiceIPs: DNS_ADDRESSES };
}

/** Whether a change of a pod can change a verdict; status writes are frequent and mostly cannot. */
export function isSamePodForPolicies(now: KubernetesObject, before: KubernetesObject): boolean {
  return JSON.stringify(podFactOf(now)) === JSON.stringify(podFactOf(before));
}
