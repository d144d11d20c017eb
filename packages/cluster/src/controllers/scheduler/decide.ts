import type { KubernetesObject } from '@palisade/kubernetes';
import { controllerOf } from '../runtime/ownership.ts';
import { claimFault } from './claims.ts';
import type { Cluster, NodeView } from './cluster.ts';
import { allocatableOf, type Refusal, refuseNode, requestedOn } from './filter.ts';
import { preferredNodeWeight } from './node-affinity.ts';
import { preferredPodWeight } from './pod-affinity.ts';
import { findPreemption, type Preemption, preemptionFault } from './preempt.ts';
import { podRequests } from './requests.ts';
import { softSpreadCount } from './spread.ts';
import { taintsOf, untolerated } from './tolerations.ts';

export type Placement = { node: string } | { node: undefined; message: string; preemption?: Preemption };

/** The best node for a pod, or kube-scheduler's account of why there is none, and who could go. Nodes of equal worth: the first by name. */
export function placePod(pod: KubernetesObject, cluster: Cluster): Placement {
  if (cluster.nodes.length === 0) return { node: undefined, message: 'no nodes available to schedule pods' };
  const waitsFor = claimFault(pod, cluster);
  if (waitsFor !== undefined) return { node: undefined, message: renderFault(waitsFor, cluster.nodes.length) };
  const refused: { view: NodeView; refusal: Refusal }[] = [];
  const feasible: NodeView[] = [];
  for (const view of cluster.nodes) {
    const refusal = refuseNode(pod, view, cluster);
    if (refusal === undefined) feasible.push(view);
    else refused.push({ view, refusal });
  }
  if (feasible.length === 0) return { node: undefined, ...explain(pod, refused, cluster) };
  const scores = scoreNodes(pod, feasible, cluster);
  const best = feasible
    .map((view, i) => ({ name: String(view.node.metadata.name), score: scores[i]! }))
    .sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1));
  return { node: best[0]!.name };
}

/** A fault of the pod itself, the same on every node. */
function renderFault(fault: string, total: number): string {
  const none = `0/${total} nodes are available`;
  return `${none}: ${fault}. preemption: ${none}: ${total} Preemption is not helpful for scheduling.`;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) ... . preemption: ...`, as in FailedScheduling events. */
function explain(
  pod: KubernetesObject,
  refused: readonly { view: NodeView; refusal: Refusal }[],
  cluster: Cluster,
): { message: string; preemption?: Preemption } {
  const none = `0/${refused.length} nodes are available`;
  const reasons = `${none}: ${countTexts(refused.flatMap(({ refusal }) => refusal.reasons))}.`;
  const fault = preemptionFault(pod, cluster);
  if (fault !== undefined) return { message: `${reasons} preemption: ${fault}` };
  const preemption = findPreemption(pod, refused, cluster);
  if ('node' in preemption) return { message: reasons, preemption };
  return { message: `${reasons} preemption: ${none}: ${countTexts(preemption)}.` };
}

/** `1 Insufficient cpu, 2 Too many pods` */
function countTexts(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts]
    .map(([text, number]) => `${number} ${text}`)
    .sort()
    .join(', ');
}

/** Weights of kube-scheduler's default profile; each score is spread over 0 to 100 first. */
const WEIGHTS = { taints: 3, nodeAffinity: 2, podAffinity: 2, spread: 2, resources: 1, owner: 2 } as const;

function scoreNodes(pod: KubernetesObject, nodes: readonly NodeView[], cluster: Cluster): number[] {
  const owner = controllerOf(pod)?.uid;
  const parts: Record<keyof typeof WEIGHTS, number[]> = {
    taints: normalise(nodes.map((view) => -untolerated(pod, taintsOf(view.node), ['PreferNoSchedule']).length)),
    nodeAffinity: normalise(nodes.map((view) => preferredNodeWeight(pod, view.node))),
    podAffinity: normalise(nodes.map((view) => preferredPodWeight(pod, view, cluster))),
    spread: normalise(nodes.map((view) => -softSpreadCount(pod, view, cluster))),
    resources: nodes.map((view) => leastRequested(pod, view)),
    // Stands for the scheduler's default spread constraints: pods of one controller apart.
    owner: normalise(
      nodes.map((view) =>
        owner === undefined ? -view.pods.length : -view.pods.filter((other) => controllerOf(other)?.uid === owner).length,
      ),
    ),
  };
  return nodes.map((_, i) =>
    (Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[]).reduce((sum, part) => sum + WEIGHTS[part] * parts[part][i]!, 0),
  );
}

function normalise(values: readonly number[]): number[] {
  const least = Math.min(...values);
  const range = Math.max(...values) - least;
  return values.map((value) => (range === 0 ? 0 : ((value - least) * 100) / range));
}

/** What a container without requests is counted as when nodes are compared (never when they are refused). */
const ASSUMED = new Map([
  ['cpu', 0.1],
  ['memory', 200 * 1024 * 1024],
]);

function leastRequested(pod: KubernetesObject, view: NodeView): number {
  const allocatable = allocatableOf(view.node);
  const taken = requestedOn(view);
  const own = podRequests(pod);
  const scores = [...ASSUMED].map(([name, assumed]) => {
    const total = allocatable.get(name) ?? 0;
    if (total <= 0) return 0;
    const unstated = view.pods.filter((present) => !podRequests(present).has(name)).length * assumed;
    const free = total - (taken.get(name) ?? 0) - unstated - (own.get(name) ?? assumed);
    return Math.max(0, (free * 100) / total);
  });
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}
