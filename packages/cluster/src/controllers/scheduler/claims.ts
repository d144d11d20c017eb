import { claimNameOf, type KubernetesObject } from '@palisade/kubernetes';
import type { Cluster } from './cluster.ts';

interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly ephemeral?: object;
}

/** Why the claims of a pod keep it waiting, in the words of kube-scheduler's VolumeBinding; every class here binds at once. */
export function claimFault(pod: KubernetesObject, { claim }: Cluster): string | undefined {
  const namespace = String(pod.metadata.namespace);
  for (const volume of (pod['spec'].volumes ?? []) as Volume[]) {
    const name = claimNameOf(String(pod.metadata.name), volume);
    if (name === undefined) continue;
    const found = claim(namespace, name);
    if (found === undefined) {
      return volume.ephemeral === undefined
        ? `persistentvolumeclaim "${name}" not found`
        : `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;
    }
    if (found.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
    if (found['status']?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return undefined;
}
