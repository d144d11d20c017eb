import { type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import type { Cluster, NodeView } from './cluster.ts';

interface AffinityTerm {
  topologyKey: string;
  labelSelector?: Parameters<typeof matchLabelSelector>[0];
  namespaces?: string[];
  namespaceSelector?: Parameters<typeof matchLabelSelector>[0];
}

interface WeightedTerm {
  weight: number;
  podAffinityTerm: AffinityTerm;
}

type Flavour = 'podAffinity' | 'podAntiAffinity';

const required = (pod: KubernetesObject, flavour: Flavour): AffinityTerm[] =>
  pod['spec'].affinity?.[flavour]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
const preferred = (pod: KubernetesObject, flavour: Flavour): WeightedTerm[] =>
  pod['spec'].affinity?.[flavour]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];

/** The first rule between pods that forbids `node`, in the scheduler's words; undefined when all allow it. */
export function podAffinityRefusal(pod: KubernetesObject, node: NodeView, cluster: Cluster): string | undefined {
  for (const term of required(pod, 'podAffinity')) {
    const isFirstOfItsKind =
      !cluster.nodes.some((other) => domain(other, term) !== undefined && anyMatch(term, pod, other, cluster)) &&
      matches(term, pod, pod, cluster);
    if (domain(node, term) === undefined) return "node(s) didn't match pod affinity rules";
    if (!isFirstOfItsKind && !inDomain(term, node, cluster).some((other) => anyMatch(term, pod, other, cluster)))
      return "node(s) didn't match pod affinity rules";
  }
  for (const term of required(pod, 'podAntiAffinity')) {
    if (inDomain(term, node, cluster).some((other) => anyMatch(term, pod, other, cluster)))
      return "node(s) didn't match pod anti-affinity rules";
  }
  for (const other of cluster.nodes) {
    for (const present of other.pods) {
      for (const term of required(present, 'podAntiAffinity')) {
        if (domain(other, term) !== undefined && domain(other, term) === domain(node, term) && matches(term, present, pod, cluster)) {
          return "node(s) didn't satisfy existing pods anti-affinity rules";
        }
      }
    }
  }
  return undefined;
}

/** Weight of the pods that `pod` likes or dislikes to be near, were it on `node`. */
export function preferredPodWeight(pod: KubernetesObject, node: NodeView, cluster: Cluster): number {
  const weigh = (flavour: Flavour) =>
    preferred(pod, flavour).reduce((sum, { weight, podAffinityTerm: term }) => {
      const near = inDomain(term, node, cluster).reduce(
        (count, other) => count + other.pods.filter((present) => matches(term, pod, present, cluster)).length,
        0,
      );
      return sum + weight * near;
    }, 0);
  return weigh('podAffinity') - weigh('podAntiAffinity');
}

function domain(node: NodeView, term: AffinityTerm): string | undefined {
  return node.node.metadata.labels?.[term.topologyKey];
}

function inDomain(term: AffinityTerm, node: NodeView, cluster: Cluster): NodeView[] {
  const value = domain(node, term);
  return value === undefined ? [] : cluster.nodes.filter((other) => domain(other, term) === value);
}

function anyMatch(term: AffinityTerm, owner: KubernetesObject, node: NodeView, cluster: Cluster): boolean {
  return node.pods.some((present) => matches(term, owner, present, cluster));
}

/** No namespaces and no namespaceSelector mean the namespace of the pod that states the term; an absent labelSelector matches nothing. */
function matches(term: AffinityTerm, owner: KubernetesObject, other: KubernetesObject, cluster: Cluster): boolean {
  if (term.labelSelector === undefined) return false;
  const namespace = String(other.metadata.namespace);
  const isNamed = term.namespaces?.includes(namespace) ?? false;
  const isSelected = term.namespaceSelector !== undefined && matchLabelSelector(term.namespaceSelector, cluster.namespaceLabels(namespace));
  const isOwn = !term.namespaces?.length && term.namespaceSelector === undefined && namespace === owner.metadata.namespace;
  return (isNamed || isSelected || isOwn) && matchLabelSelector(term.labelSelector, other.metadata.labels ?? {});
}
