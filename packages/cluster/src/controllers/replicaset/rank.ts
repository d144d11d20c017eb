import type { KubernetesObject } from '@palisade/kubernetes';
import { condition, isPodReady } from '../runtime/pods.ts';

export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

const PHASE_ORDER: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Pods in the order a ReplicaSet gives them up: not assigned, pending, not ready, cheap by annotation, sharing a node with many of
 * their siblings, ready for a short time, often restarted, young. Ages count in powers of two, so that long-lived pods go evenly
 * (ReplicaSet documentation, "Scaling down").
 *
 * @param siblings pods whose number on a node makes that node crowded, including old revisions of the same Deployment
 */
export function rankForDeletion(pods: readonly KubernetesObject[], siblings: readonly KubernetesObject[], now: Date): KubernetesObject[] {
  const onNode = new Map<string, number>();
  for (const sibling of siblings) {
    const node = sibling['spec']?.nodeName ?? '';
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const keys = new Map(pods.map((pod) => [pod, sortKey(pod, onNode, now)]));
  return [...pods].sort((a, b) => {
    const left = keys.get(a)!;
    const right = keys.get(b)!;
    for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return left[i]! - right[i]!;
    return String(a.metadata.uid) < String(b.metadata.uid) ? -1 : 1;
  });
}

/** Smaller goes first. */
function sortKey(pod: KubernetesObject, onNode: ReadonlyMap<string, number>, now: Date): number[] {
  const node = pod['spec']?.nodeName ?? '';
  const isReady = isPodReady(pod);
  return [
    node === '' ? 0 : 1,
    PHASE_ORDER[pod['status']?.phase] ?? 0,
    isReady ? 1 : 0,
    deletionCost(pod),
    -(onNode.get(node) ?? 0),
    isReady ? ageBucket(condition(pod, 'Ready')?.lastTransitionTime, now) : 0,
    -restarts(pod),
    ageBucket(pod.metadata.creationTimestamp ?? undefined, now),
  ];
}

function ageBucket(since: string | undefined, now: Date): number {
  const ms = now.getTime() - Date.parse(since ?? '');
  return Number.isFinite(ms) && ms > 0 ? Math.floor(Math.log2(ms)) : 0;
}

function restarts(pod: KubernetesObject): number {
  const statuses: { restartCount?: number }[] = pod['status']?.containerStatuses ?? [];
  return statuses.reduce((most, status) => Math.max(most, status.restartCount ?? 0), 0);
}

/** An annotation that is no 32-bit integer counts as 0. */
function deletionCost(pod: KubernetesObject): number {
  const text = pod.metadata.annotations?.[DELETION_COST] ?? '0';
  const cost = Number(text);
  return /^[+-]?\d+$/.test(text) && Math.abs(cost) <= 2 ** 31 ? cost : 0;
}
