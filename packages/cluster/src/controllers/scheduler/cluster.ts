import type { KubernetesObject } from '@palisade/kubernetes';

/** A node with the pods that stand on it, those just assigned included and finished ones left out. */
export interface NodeView {
  node: KubernetesObject;
  pods: readonly KubernetesObject[];
}

/** Everything a placement depends on. */
export interface Cluster {
  nodes: readonly NodeView[];
  namespaceLabels(namespace: string): Record<string, string>;
  /** A PersistentVolumeClaim. */
  claim(namespace: string, name: string): KubernetesObject | undefined;
  /** Whether a PodDisruptionBudget has no room for this pod to go. */
  violatesBudget(pod: KubernetesObject): boolean;
}
