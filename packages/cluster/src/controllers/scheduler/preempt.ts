/** Pods of lower priority make room (kube-scheduler's DefaultPreemption). */
import type { KubernetesObject } from '@palisade/kubernetes';
import type { Cluster, NodeView } from './cluster.ts';
import { type Refusal, refuseNode } from './filter.ts';

export interface Preemption {
  readonly node: string;
  readonly victims: readonly KubernetesObject[];
}

export const priorityOf = (pod: KubernetesObject): number => pod['spec'].priority ?? 0;

const NO_VICTIMS = 'No preemption victims found for incoming pod';
const NO_HELP = 'Preemption is not helpful for scheduling';

/** Why a pod may take nobody's place; undefined when it may. */
export function preemptionFault(pod: KubernetesObject, { nodes }: Cluster): string | undefined {
  if (pod['spec'].preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = nodes.find(({ node }) => node.metadata.name === pod['status']?.nominatedNodeName);
  const isMaking = nominated?.pods.some((one) => one.metadata.deletionTimestamp !== undefined && priorityOf(one) < priorityOf(pod));
  return isMaking === true ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
}

interface Candidate extends Preemption {
  /** Of the victims, those whose budget allows no disruption. */
  readonly violations: number;
}

/**
 * The node where the fewest and least important pods would have to go.
 *
 * @param refused every node, and why the pod does not fit there now
 * @returns a sentence a node when there is none
 */
export function findPreemption(
  pod: KubernetesObject,
  refused: readonly { readonly view: NodeView; readonly refusal: Refusal }[],
  cluster: Cluster,
): Preemption | readonly string[] {
  const found = refused.map(({ view, refusal }) => (refusal.isResolvable ? victimsOn(pod, view, cluster) : NO_HELP));
  const candidates = found.filter((one): one is Candidate => typeof one !== 'string');
  return candidates.toSorted(compareCandidates)[0] ?? found.map(String);
}

/** Takes every pod of lower priority away, then gives back whom the pod can stand beside, the most important first. */
function victimsOn(pod: KubernetesObject, view: NodeView, cluster: Cluster): Candidate | string {
  const others = view.pods.filter((one) => priorityOf(one) >= priorityOf(pod));
  const lower = view.pods.filter((one) => priorityOf(one) < priorityOf(pod));
  if (lower.length === 0) return NO_VICTIMS;
  const refusalWith = (pods: readonly KubernetesObject[]): Refusal | undefined => {
    const changed = { ...view, pods };
    return refuseNode(pod, changed, { ...cluster, nodes: cluster.nodes.map((one) => (one === view ? changed : one)) });
  };
  const refusal = refusalWith(others);
  if (refusal !== undefined) return refusal.reasons.join(', ');
  const kept = [...others];
  const victims: KubernetesObject[] = [];
  const isProtected = (one: KubernetesObject) => cluster.violatesBudget(one);
  for (const one of lower.toSorted((a, b) => Number(isProtected(b)) - Number(isProtected(a)) || compareImportance(a, b))) {
    if (refusalWith([...kept, one]) === undefined) kept.push(one);
    else victims.push(one);
  }
  return { node: String(view.node.metadata.name), victims, violations: victims.filter(isProtected).length };
}

const startOf = (pod: KubernetesObject): number => Date.parse(pod['status']?.startTime ?? pod.metadata.creationTimestamp ?? '') || 0;

/** The more important first: higher priority, then the longer running. */
function compareImportance(a: KubernetesObject, b: KubernetesObject): number {
  return priorityOf(b) - priorityOf(a) || startOf(a) - startOf(b);
}

/** Budgets kept, then the least of the highest priorities, of their sum, of the victims; then the youngest of the highest; then by name. */
function compareCandidates(a: Candidate, b: Candidate): number {
  const highest = ({ victims }: Candidate) => Math.max(...victims.map(priorityOf));
  const sum = ({ victims }: Candidate) => victims.reduce((total, one) => total + priorityOf(one), 0);
  const oldest = (candidate: Candidate) =>
    Math.min(...candidate.victims.filter((one) => priorityOf(one) === highest(candidate)).map(startOf));
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    oldest(b) - oldest(a) ||
    (a.node < b.node ? -1 : 1)
  );
}
