import type { KubernetesObject } from '@palisade/kubernetes';
import { condition } from '../runtime/pods.ts';
import { type Taint, type Toleration, taintsOf, tolerates } from '../scheduler/tolerations.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';

/** Taints that stand for conditions of the node: condition, status, key. */
const BY_CONDITION: readonly (readonly [type: string, status: string, key: string])[] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
];
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

const managedNoSchedule = new Set([...BY_CONDITION.map(([, , key]) => key), UNSCHEDULABLE]);
const managedNoExecute = new Set([NOT_READY, UNREACHABLE]);

/**
 * The node's taints with those that follow its conditions put right; the user's own are kept in place. A node without a Ready
 * condition keeps the taint it was born with. The same array when nothing changes.
 */
export function decideTaints(node: KubernetesObject, now: Date): Taint[] {
  const taints = taintsOf(node);
  const ready = condition(node, 'Ready');
  const noSchedule = new Set(BY_CONDITION.filter(([type, status]) => condition(node, type)?.status === status).map(([, , key]) => key));
  if (node['spec']?.unschedulable === true) noSchedule.add(UNSCHEDULABLE);
  if (ready === undefined) noSchedule.add(NOT_READY);
  const noExecute = new Set(ready?.status === 'False' ? [NOT_READY] : ready?.status === 'Unknown' ? [UNREACHABLE] : []);
  const wanted = (taint: Taint) => {
    if (taint.effect === 'NoSchedule' && managedNoSchedule.has(taint.key)) return noSchedule.has(taint.key);
    if (taint.effect === 'NoExecute' && managedNoExecute.has(taint.key)) return noExecute.has(taint.key);
    return true;
  };
  const kept = taints.filter(wanted);
  const has = (key: string, effect: string) => kept.some((taint) => taint.key === key && taint.effect === effect);
  const timeAdded = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const added: Taint[] = [
    ...[...noSchedule].filter((key) => !has(key, 'NoSchedule')).map((key): Taint => ({ key, effect: 'NoSchedule', timeAdded })),
    ...[...noExecute].filter((key) => !has(key, 'NoExecute')).map((key): Taint => ({ key, effect: 'NoExecute', timeAdded })),
  ];
  return added.length === 0 && kept.length === taints.length ? taints : [...kept, ...added];
}

/**
 * How long a pod may stay on a node with its NoExecute taints: 0 when one is not tolerated, a number of seconds when a toleration says
 * so (the shortest counts; none or less is at once), otherwise for good.
 */
export function evictionDelay(pod: KubernetesObject, node: KubernetesObject): 'stays' | number {
  const taints = taintsOf(node).filter((taint) => taint.effect === 'NoExecute');
  const tolerations: Toleration[] = pod['spec'].tolerations ?? [];
  let shortest = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const used = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (used.length === 0) return 0;
    for (const { tolerationSeconds } of used)
      if (tolerationSeconds !== undefined) shortest = Math.min(shortest, Math.max(0, tolerationSeconds));
  }
  return Number.isFinite(shortest) ? shortest : 'stays';
}
