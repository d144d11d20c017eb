import { type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import type { Cluster, NodeView } from './cluster.ts';
import { matchesNode } from './node-affinity.ts';
import { taintsOf, untolerated } from './tolerations.ts';

interface Constraint {
  maxSkew: number;
  topologyKey: string;
  whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway';
  labelSelector?: Parameters<typeof matchLabelSelector>[0];
  minDomains?: number;
  nodeAffinityPolicy?: 'Honor' | 'Ignore';
  nodeTaintsPolicy?: 'Honor' | 'Ignore';
}

const constraintsOf = (pod: KubernetesObject, kind: Constraint['whenUnsatisfiable']): Constraint[] =>
  ((pod['spec'].topologySpreadConstraints ?? []) as Constraint[]).filter((constraint) => constraint.whenUnsatisfiable === kind);

/** The hard spread constraint that forbids `node`, in the scheduler's words. */
export function spreadRefusal(pod: KubernetesObject, node: NodeView, cluster: Cluster): string | undefined {
  for (const constraint of constraintsOf(pod, 'DoNotSchedule')) {
    const here = node.node.metadata.labels?.[constraint.topologyKey];
    if (here === undefined) return "node(s) didn't match pod topology spread constraints (missing required label)";
    const counts = countByDomain(constraint, pod, cluster);
    const least = counts.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...counts.values());
    const self = matchLabelSelector(constraint.labelSelector, pod.metadata.labels ?? {}) ? 1 : 0;
    if ((counts.get(here) ?? 0) + self - least > constraint.maxSkew) return "node(s) didn't match pod topology spread constraints";
  }
  return undefined;
}

/** Matching pods already in the node's domains of the soft constraints: fewer is better. */
export function softSpreadCount(pod: KubernetesObject, node: NodeView, cluster: Cluster): number {
  return constraintsOf(pod, 'ScheduleAnyway').reduce((sum, constraint) => {
    const here = node.node.metadata.labels?.[constraint.topologyKey];
    return here === undefined ? sum : sum + (countByDomain(constraint, pod, cluster).get(here) ?? 0);
  }, 0);
}

function countByDomain(constraint: Constraint, pod: KubernetesObject, cluster: Cluster): Map<string, number> {
  const counts = new Map<string, number>();
  for (const other of cluster.nodes) {
    const value = other.node.metadata.labels?.[constraint.topologyKey];
    if (value === undefined) continue;
    if (constraint.nodeAffinityPolicy !== 'Ignore' && !matchesNode(pod, other.node)) continue;
    if (constraint.nodeTaintsPolicy === 'Honor' && untolerated(pod, taintsOf(other.node), ['NoSchedule', 'NoExecute']).length > 0) continue;
    const matching = other.pods.filter(
      (present) =>
        present.metadata.namespace === pod.metadata.namespace &&
        present.metadata.deletionTimestamp === undefined &&
        matchLabelSelector(constraint.labelSelector, present.metadata.labels ?? {}),
    ).length;
    counts.set(value, (counts.get(value) ?? 0) + matching);
  }
  return counts;
}
