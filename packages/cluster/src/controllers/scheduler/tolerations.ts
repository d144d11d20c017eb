import type { KubernetesObject } from '@palisade/kubernetes';

export interface Taint {
  key: string;
  value?: string;
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  timeAdded?: string;
}

export interface Toleration {
  key?: string;
  operator?: 'Exists' | 'Equal';
  value?: string;
  effect?: Taint['effect'];
  tolerationSeconds?: number;
}

/** An empty key with Exists tolerates everything, an empty effect all effects (core/v1 Toleration). */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
}

export function untolerated(pod: KubernetesObject, taints: readonly Taint[], effects: readonly Taint['effect'][]): Taint[] {
  const tolerations: Toleration[] = pod['spec'].tolerations ?? [];
  return taints.filter((taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)));
}

export function taintsOf(node: KubernetesObject): Taint[] {
  return node['spec']?.taints ?? [];
}
