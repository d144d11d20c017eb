import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { apiTime, type Condition, isPodActive, isPodAvailable, isPodReady } from '../runtime/pods.ts';
import { rankForDeletion } from './rank.ts';

/** At most this many pods are made or deleted in one pass. */
const BURST = 500;

export interface ReplicaSetDecision {
  create: number;
  remove: KubernetesObject[];
}

/** How many pods to add, or which to delete, so that `spec.replicas` (absent: 1) active pods exist. */
export function decideReplicaSet(
  rs: KubernetesObject,
  owned: readonly KubernetesObject[],
  siblings: readonly KubernetesObject[],
  now: Date,
): ReplicaSetDecision {
  const active = owned.filter(isPodActive);
  const surplus = active.length - (rs['spec'].replicas ?? 1);
  if (surplus < 0) return { create: Math.min(-surplus, BURST), remove: [] };
  if (surplus === 0) return { create: 0, remove: [] };
  return { create: 0, remove: rankForDeletion(active, siblings, now).slice(0, Math.min(surplus, BURST)) };
}

export interface ReplicaSetStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  observedGeneration?: number;
  conditions?: Condition[];
}

/** @param failure why the last pass could not make or delete pods (condition ReplicaFailure) */
export function replicaSetStatus(
  rs: KubernetesObject,
  owned: readonly KubernetesObject[],
  failure: { reason: 'FailedCreate' | 'FailedDelete'; message: string } | undefined,
  now: Date,
): ReplicaSetStatus {
  const active = owned.filter(isPodActive);
  const templateLabels = Object.entries((rs['spec'].template?.metadata?.labels ?? {}) as Record<string, string>);
  const minReadySeconds = rs['spec'].minReadySeconds ?? 0;
  const counts = {
    fullyLabeledReplicas: active.filter((pod) => templateLabels.every(([key, value]) => pod.metadata.labels?.[key] === value)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, minReadySeconds, now)).length,
  };
  const others = ((rs['status']?.conditions ?? []) as Condition[]).filter((condition) => condition.type !== 'ReplicaFailure');
  const known = ((rs['status']?.conditions ?? []) as Condition[]).find((condition) => condition.type === 'ReplicaFailure');
  const conditions =
    failure === undefined
      ? others
      : [
          ...others,
          known?.reason === failure.reason
            ? known
            : { type: 'ReplicaFailure', status: 'True', ...failure, lastTransitionTime: apiTime(now) },
        ];
  return {
    replicas: active.length,
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    observedGeneration: rs.metadata.generation ?? 0,
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

export function isSameStatus(before: unknown, after: unknown): boolean {
  return isDeepStrictEqual(before ?? {}, after);
}
