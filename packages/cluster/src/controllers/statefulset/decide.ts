import type { KubernetesObject } from '@palisade/kubernetes';
import { isPodAvailable, isPodFinished, isPodReady } from '../runtime/pods.ts';
import { REVISION_HASH } from '../runtime/revisions.ts';
import { firstOrdinal, ordinalOf } from './pod.ts';

export interface StatefulStep {
  /** Ordinals to make, from the current or the updated template. */
  create: { ordinal: number; isUpdated: boolean }[];
  remove: KubernetesObject[];
}

/**
 * What may be done now. OrderedReady (the default): one pod at a time, upwards, each only when all before it are ready; downwards
 * from the highest; updates from the highest, down to `partition`. Parallel: creation and deletion at once, updates still in order.
 */
export function decideStep(set: KubernetesObject, updateRevision: string, pods: readonly KubernetesObject[], now: Date): StatefulStep {
  const { spec } = set;
  const start = firstOrdinal(set);
  const end = start + (spec.replicas ?? 1);
  const isOrdered = spec.podManagementPolicy !== 'Parallel';
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  const isHealthy = (pod: KubernetesObject | undefined) =>
    pod !== undefined &&
    pod.metadata.deletionTimestamp === undefined &&
    isPodReady(pod) &&
    isPodAvailable(pod, spec.minReadySeconds ?? 0, now);
  const step: StatefulStep = { create: [], remove: [] };

  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) step.create.push({ ordinal, isUpdated: takesUpdate(set, ordinal) });
    else if (isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined) step.remove.push(pod);
    else if (!isOrdered || isHealthy(pod)) continue;
    if (isOrdered) return step;
  }
  const condemned = pods
    .filter((pod) => isCondemned(set, pod, start, end))
    .sort((a, b) => (ordinalOf(set, b) ?? 0) - (ordinalOf(set, a) ?? 0));
  for (const pod of condemned) {
    if (pod.metadata.deletionTimestamp === undefined) step.remove.push(pod);
    if (isOrdered) return step;
  }
  if (step.create.length > 0 || step.remove.length > 0 || spec.updateStrategy?.type === 'OnDelete') return step;
  const partition = start + (spec.updateStrategy?.rollingUpdate?.partition ?? 0);
  for (let ordinal = end - 1; ordinal >= partition; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (pod !== undefined && revisionOf(pod) !== updateRevision && pod.metadata.deletionTimestamp === undefined) {
      step.remove.push(pod);
      return step;
    }
    if (!isHealthy(pod)) return step;
  }
  return step;
}

function isCondemned(set: KubernetesObject, pod: KubernetesObject, start: number, end: number): boolean {
  const ordinal = ordinalOf(set, pod);
  return ordinal !== undefined && (ordinal < start || ordinal >= end);
}

/** During an update a pod that has to be made again keeps its old template until its turn has come. */
function takesUpdate(set: KubernetesObject, ordinal: number): boolean {
  const { updateStrategy } = set['spec'];
  const start = firstOrdinal(set);
  if (updateStrategy?.type === 'OnDelete') return true;
  const partition: number | undefined = updateStrategy?.rollingUpdate?.partition;
  if (partition) return ordinal >= start + partition;
  return ordinal >= start + (set['status']?.currentReplicas ?? 0);
}

export function revisionOf(pod: KubernetesObject): string | undefined {
  return pod.metadata.labels?.[REVISION_HASH];
}

export function statefulSetStatus(
  set: KubernetesObject,
  updateRevision: string,
  pods: readonly KubernetesObject[],
  now: Date,
): Record<string, number | string> {
  const { spec } = set;
  const before = set['status'] ?? {};
  const alive = pods.filter((pod) => !isPodFinished(pod));
  const staying = alive.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const ready = alive.filter(isPodReady);
  const updated = staying.filter((pod) => revisionOf(pod) === updateRevision).length;
  let currentRevision: string = before.currentRevision || updateRevision;
  let current = staying.filter((pod) => revisionOf(pod) === currentRevision).length;
  if (
    spec.updateStrategy?.type !== 'OnDelete' &&
    updated === alive.length &&
    ready.length === alive.length &&
    alive.length === (spec.replicas ?? 1)
  ) {
    currentRevision = updateRevision;
    current = updated;
  }
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: alive.length,
    ...(ready.length === 0 ? {} : { readyReplicas: ready.length }),
    ...(current === 0 ? {} : { currentReplicas: current }),
    ...(updated === 0 ? {} : { updatedReplicas: updated }),
    currentRevision,
    updateRevision,
    collisionCount: before.collisionCount ?? 0,
    availableReplicas: alive.filter((pod) => isPodAvailable(pod, spec.minReadySeconds ?? 0, now)).length,
  };
}
