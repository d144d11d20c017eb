import { claimNameOf, type KubernetesObject, parseQuantity } from '@palisade/kubernetes';

export const PROVISIONER = 'palisade.dev/local-path';
export const DEFAULT_CLASS = 'local-path';
const IS_DEFAULT = 'storageclass.kubernetes.io/is-default-class';
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';

/** What happens to a claim that has no volume yet. */
export type BindingStep =
  | { readonly kind: 'wait'; readonly why: string }
  | { readonly kind: 'set-class'; readonly name: string }
  | { readonly kind: 'bind'; readonly volume: KubernetesObject }
  | { readonly kind: 'provision'; readonly storageClass: KubernetesObject };

/**
 * Which volume a claim gets (Kubernetes, "Persistent Volumes"): the one it names or that is kept for it, else the smallest that fits, else a new one of
 * its class. A claim without a class takes the default one; `""` means volumes without a class, and none is made.
 */
export function decideBinding(
  claim: KubernetesObject,
  volumes: readonly KubernetesObject[],
  classes: readonly KubernetesObject[],
): BindingStep {
  const { volumeName, storageClassName: className } = claim['spec'];
  const kept = volumes.find((volume) => isFor(volume, claim));
  if (kept !== undefined) return { kind: 'bind', volume: kept };
  if (volumeName) {
    const named = volumes.find(({ metadata }) => metadata.name === volumeName);
    if (named === undefined) return { kind: 'wait', why: `volume "${volumeName}" not found` };
    return isFree(named)
      ? { kind: 'bind', volume: named }
      : { kind: 'wait', why: `volume "${volumeName}" already bound to a different claim.` };
  }
  if (className === undefined) {
    const name = defaultClass(classes);
    if (name !== undefined) return { kind: 'set-class', name };
  }
  const [fitting] = volumes.filter((volume) => isFree(volume) && fits(volume, claim)).sort((a, b) => sizeOf(a) - sizeOf(b));
  if (fitting !== undefined) return { kind: 'bind', volume: fitting };
  if (!className) return { kind: 'wait', why: 'no persistent volumes available for this claim and no storage class is set' };
  const storageClass = classes.find(({ metadata }) => metadata.name === className);
  if (storageClass === undefined) return { kind: 'wait', why: `storageclass.storage.k8s.io "${className}" not found` };
  if (storageClass['provisioner'] !== PROVISIONER)
    return {
      kind: 'wait',
      why: `Waiting for a volume to be created either by the external provisioner '${storageClass['provisioner']}' or manually by the system administrator; the embedded cluster has '${PROVISIONER}'.`,
    };
  return { kind: 'provision', storageClass };
}

/** The newest of the classes marked as default. */
function defaultClass(classes: readonly KubernetesObject[]): string | undefined {
  return classes
    .filter(({ metadata }) => metadata.annotations?.[IS_DEFAULT] === 'true')
    .sort((a, b) => String(b.metadata.creationTimestamp).localeCompare(String(a.metadata.creationTimestamp)))[0]?.metadata.name;
}

function isFree(volume: KubernetesObject): boolean {
  return volume['spec'].claimRef === undefined && volume.metadata.deletionTimestamp === undefined;
}

/** Kept for this claim: by its uid, or by name alone when nobody has had it yet. */
export function isFor(volume: KubernetesObject, claim: KubernetesObject): boolean {
  const reference = volume['spec'].claimRef;
  if (reference?.name !== claim.metadata.name || reference?.namespace !== claim.metadata.namespace) return false;
  return reference.uid === undefined || reference.uid === claim.metadata.uid;
}

function fits(volume: KubernetesObject, claim: KubernetesObject): boolean {
  const [have, want] = [volume['spec'], claim['spec']];
  const modes: readonly string[] = have.accessModes ?? [];
  return (
    (have.storageClassName ?? '') === (want.storageClassName ?? '') &&
    (have.volumeMode ?? 'Filesystem') === (want.volumeMode ?? 'Filesystem') &&
    (want.accessModes ?? []).every((mode: string) => modes.includes(mode)) &&
    want.selector === undefined &&
    sizeOf(volume) >= parseQuantity(want.resources?.requests?.storage ?? '0')
  );
}

function sizeOf(volume: KubernetesObject): number {
  return parseQuantity(volume['spec'].capacity?.storage ?? '0');
}

/** The volume that the provisioner makes for a claim: a folder named as the usual local provisioner names it. */
export function provisionedVolume(claim: KubernetesObject, storageClass: KubernetesObject, root: string): KubernetesObject {
  const name = `pvc-${claim.metadata.uid}`;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { [PROVISIONED_BY]: PROVISIONER } },
    spec: {
      capacity: { storage: claim['spec'].resources?.requests?.storage ?? '0' },
      accessModes: claim['spec'].accessModes ?? ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: storageClass['reclaimPolicy'] ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      volumeMode: 'Filesystem',
      hostPath: { path: `${root}/${name}_${claim.metadata.namespace}_${claim.metadata.name}`, type: 'DirectoryOrCreate' },
      claimRef: claimReference(claim),
    },
  };
}

export function claimReference({ metadata }: KubernetesObject): object {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: metadata.namespace, name: metadata.name, uid: metadata.uid };
}

export function isProvisioned(volume: KubernetesObject): boolean {
  return volume.metadata.annotations?.[PROVISIONED_BY] === PROVISIONER;
}

export type VolumePhase = 'Available' | 'Bound' | 'Released';

/** @param claim the one that the volume's claimRef means, if it is still there */
export function volumePhase(volume: KubernetesObject, claim: KubernetesObject | undefined): VolumePhase {
  const reference = volume['spec'].claimRef;
  if (reference === undefined) return 'Available';
  if (claim !== undefined) return claim['spec'].volumeName === volume.metadata.name ? 'Bound' : 'Available';
  return reference.uid === undefined ? 'Available' : 'Released';
}

/** Does a pod that may still run name the claim? */
export function isClaimUsed(claim: KubernetesObject, pods: readonly KubernetesObject[]): boolean {
  return pods.some((pod) => {
    if (['Succeeded', 'Failed'].includes(pod['status']?.phase)) return false;
    const volumes: Parameters<typeof claimNameOf>[1][] = pod['spec']?.volumes ?? [];
    return volumes.some((volume) => claimNameOf(String(pod.metadata.name), volume) === claim.metadata.name);
  });
}
