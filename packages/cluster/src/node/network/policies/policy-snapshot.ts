import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { type ClusterSnapshot, type NodeFact, type NodeView, namespaceFactOf, type PodFact, podFactOf } from '@palisade/netpol';
import { DNS_ADDRESSES, type NodePlan } from '../fabric/addresses.ts';
import type { LocalPod } from '../fabric/pod-network.ts';

export interface PolicyInputs {
  readonly nodes: readonly NodePlan[];
  readonly pods: readonly KubernetesObject[];
  readonly namespaces: readonly KubernetesObject[];
  readonly networkPolicies: readonly KubernetesObject[];
  readonly clusterPolicies: readonly KubernetesObject[];
  /** The API's Nodes, for their labels. */
  readonly nodeObjects?: readonly KubernetesObject[];
  /** What DNS has answered (domain-answers.ts). */
  readonly domainAddresses?: ReadonlyMap<string, readonly string[]>;
  /** Pods that have a network now, by node name: known here before the API knows their addresses. */
  readonly placed: ReadonlyMap<string, readonly LocalPod[]>;
}

/**
 * Makes snapshots of the cluster as the policies see it: the API's pods, with the addresses the network gave them. A placed pod
 * that the cache does not show yet is taken as it was given to the network; a pod of the same name but another uid gives way to
 * it, unless that one has a network too. What is as it was is the same value in the next snapshot: the compiler goes by that.
 */
export function createPolicySnapshots(): (inputs: PolicyInputs) => ClusterSnapshot {
  const factOf = createPodFacts();
  const namespaceOf = remember(namespaceFactOf);
  let nodes: readonly NodeFact[] = [];
  return (inputs) => {
    const facts = new Map<string, PodFact>();
    const ours = new Set(inputs.nodes.map(({ name }) => name));
    const locals = new Map([...inputs.placed.values()].flat().map((local) => [local.uid, local]));
    const successors = new Set<string>();
    for (const pod of inputs.pods) {
      const local = locals.get(String(pod.metadata.uid));
      // What the API still says of a pod whose node has not made it again may be another pod's address by now.
      const isUnmade = ours.has(pod['spec']?.nodeName) && pod['spec'].hostNetwork !== true;
      const fact = factOf(pod, local ?? (isUnmade ? 'not placed' : 'elsewhere'));
      if (fact === undefined) continue;
      const key = `${fact.namespace}/${fact.name}`;
      facts.set(key, fact);
      if (local === undefined) continue;
      locals.delete(local.uid);
      successors.add(key);
    }
    for (const local of locals.values()) {
      const fact = factOf(local.object, local);
      // Where an old pod and its successor both have a network, the successor counts.
      if (fact !== undefined && !successors.has(`${fact.namespace}/${fact.name}`)) facts.set(`${fact.namespace}/${fact.name}`, fact);
    }
    const labels = new Map((inputs.nodeObjects ?? []).map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
    const nextNodes = inputs.nodes.map(({ name, addresses }) => ({ name, addresses, labels: labels.get(name) ?? {} }));
    // A node's status is written every few seconds; what policies see of it hardly ever changes.
    if (!isDeepStrictEqual(nextNodes, nodes)) nodes = nextNodes;
    return {
      namespaces: inputs.namespaces.map(namespaceOf),
      pods: [...facts.values()],
      nodes,
      networkPolicies: inputs.networkPolicies,
      clusterPolicies: inputs.clusterPolicies,
      dnsServiceIPs: DNS_ADDRESSES,
      ...(inputs.domainAddresses && { domainAddresses: inputs.domainAddresses }),
    };
  };
}

/** One value for each object, made when it is first asked for. */
function remember<K extends object, V>(make: (object: K) => V): (object: K) => V {
  const made = new WeakMap<K, V>();
  return (object) => {
    if (!made.has(object)) made.set(object, make(object));
    return made.get(object)!;
  };
}

/** The facts of pods, each made once for as long as its object and its place are the same. */
function createPodFacts(): (pod: KubernetesObject, place: LocalPod | 'not placed' | 'elsewhere') => PodFact | undefined {
  const written = remember(podFactOf);
  const last = new WeakMap<KubernetesObject, { readonly place: unknown; readonly fact: PodFact | undefined }>();
  return (pod, place) => {
    const known = last.get(pod);
    if (known?.place === place) return known.fact;
    const base = written(pod);
    const fact = base && place !== 'elsewhere' ? { ...base, ...(place === 'not placed' ? { ips: [] } : placeOf(place)) } : base;
    last.set(pod, { place, fact });
    return fact;
  };
}

const placeOf = ({ podIPs, nodeName }: LocalPod): Pick<PodFact, 'ips' | 'node'> => ({ ips: podIPs, node: nodeName });

/** What one node's table is made for: its own pods and their links. */
export function nodeView(node: NodePlan, placed: ReadonlyMap<string, readonly LocalPod[]>): NodeView {
  return { nodeName: node.name, pods: placed.get(node.name) ?? [], dnsServiceIPs: DNS_ADDRESSES };
}

/** Whether a change of a pod can change a verdict; status writes are frequent and mostly cannot. */
export function isSamePodForPolicies(now: KubernetesObject, before: KubernetesObject): boolean {
  return JSON.stringify(podFactOf(now)) === JSON.stringify(podFactOf(before));
}
