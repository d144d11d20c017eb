import type { KubernetesObject } from '@palisade/kubernetes';
import { resolveAmount } from '../deployment/scale.ts';
import { apiTime, type Condition, isPodReady } from '../runtime/pods.ts';

/** An eviction granted this long ago without the pod going is taken as failed. */
export const DISRUPTION_TIMEOUT_MS = 2 * 60 * 1000;

/**
 * How many of the budget's pods may be evicted now (policy/v1 PodDisruptionBudget).
 *
 * @param expected replicas asked for by the pods' controllers; percentages and `maxUnavailable` are taken of this
 */
export function budgetStatus(
  pdb: KubernetesObject,
  pods: readonly KubernetesObject[],
  expected: number,
  now: Date,
): KubernetesObject['status'] {
  const { minAvailable, maxUnavailable } = pdb['spec'];
  const before = pdb['status'] ?? {};
  const disruptedPods = pendingDisruptions(before.disruptedPods ?? {}, pods, now);
  const currentHealthy = pods.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !(pod.metadata.name! in disruptedPods) && isPodReady(pod),
  ).length;
  let expectedPods = expected;
  let desiredHealthy: number;
  if (maxUnavailable !== undefined) desiredHealthy = Math.max(0, expected - resolveAmount(maxUnavailable, expected, Math.ceil));
  else if (typeof minAvailable === 'number') {
    desiredHealthy = minAvailable;
    expectedPods = pods.length;
  } else desiredHealthy = resolveAmount(minAvailable ?? 1, expected, Math.ceil);
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const known = ((before.conditions ?? []) as Condition[]).find((found) => found.type === 'DisruptionAllowed');
  const status = disruptionsAllowed > 0 ? 'True' : 'False';
  const condition = {
    lastTransitionTime: known?.status === status ? (known.lastTransitionTime ?? apiTime(now)) : apiTime(now),
    message: '',
    observedGeneration: pdb.metadata.generation ?? 0,
    reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    status,
    type: 'DisruptionAllowed',
  };
  return {
    conditions: [condition],
    currentHealthy,
    desiredHealthy,
    ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
    disruptionsAllowed,
    expectedPods,
    observedGeneration: pdb.metadata.generation ?? 0,
  };
}

/** Evictions granted whose pods are still there and not yet going. */
function pendingDisruptions(noted: Record<string, string>, pods: readonly KubernetesObject[], now: Date): Record<string, string> {
  const staying = new Set(pods.filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => pod.metadata.name));
  return Object.fromEntries(
    Object.entries(noted).filter(([name, at]) => staying.has(name) && now.getTime() - Date.parse(at) < DISRUPTION_TIMEOUT_MS),
  );
}
