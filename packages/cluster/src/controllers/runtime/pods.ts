import type { KubernetesObject } from '@palisade/kubernetes';
import { controllerReference } from './ownership.ts';

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

export function condition(object: KubernetesObject, type: string): Condition | undefined {
  return (object['status']?.conditions as Condition[] | undefined)?.find((candidate) => candidate.type === type);
}

/** API times have no fraction of a second (metav1.Time). */
export function apiTime(now: Date): string {
  return now.toISOString().replace(/\.\d+Z$/, 'Z');
}

export function isPodFinished(pod: KubernetesObject): boolean {
  const phase = pod['status']?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Counts for a controller: not finished and not being deleted. */
export function isPodActive(pod: KubernetesObject): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isPodReady(pod: KubernetesObject): boolean {
  return condition(pod, 'Ready')?.status === 'True';
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: KubernetesObject, minReadySeconds: number, now: Date): boolean {
  const ready = condition(pod, 'Ready');
  if (ready?.status !== 'True') return false;
  if (minReadySeconds === 0) return true;
  const since = Date.parse(ready.lastTransitionTime ?? '');
  return now.getTime() - since >= minReadySeconds * 1000;
}

/** Milliseconds until the first ready but not yet available pod becomes available; undefined when none waits. */
export function nextAvailabilityMs(pods: readonly KubernetesObject[], minReadySeconds: number, now: Date): number | undefined {
  let next: number | undefined;
  for (const pod of pods) {
    if (!isPodReady(pod) || isPodAvailable(pod, minReadySeconds, now)) continue;
    const wait = Date.parse(condition(pod, 'Ready')!.lastTransitionTime ?? '') + minReadySeconds * 1000 - now.getTime();
    if (Number.isFinite(wait)) next = Math.min(next ?? wait, wait);
  }
  return next;
}

/** A pod made from `owner`'s template, named by the server from `generateName` unless a name is given. */
export function podFromTemplate(
  owner: KubernetesObject,
  template: KubernetesObject | { metadata?: KubernetesObject['metadata'] },
  name?: string,
): KubernetesObject {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(name === undefined ? { generateName: `${owner.metadata.name}-` } : { name }),
      namespace: String(owner.metadata.namespace),
      ...(labels === undefined ? {} : { labels: { ...labels } }),
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: structuredClone((template as KubernetesObject)['spec'] ?? {}),
  };
}
