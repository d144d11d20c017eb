import { basename, join } from 'node:path';
import { isControlledBy } from '../../../controllers/runtime/ownership.ts';
import type { VolumeSource } from '../env/environment.ts';
import type { Pod, Volume } from '../pod-types.ts';
import { VolumeError } from './volume-error.ts';
import type { VolumePlan } from './volume-plan.ts';

/**
 * The folder behind a claim. Volumes of the cluster's own provisioner lie in its folder; others may be hostPath, and then follow the rules for those. A generic
 * ephemeral volume's claim must have been made for this pod: its name alone may be that of somebody's data.
 *
 * @throws VolumeError until the claim is bound, and for volumes that are not folders of this machine
 */
export function planClaim(
  pod: Pod,
  volume: Volume,
  claimName: string,
  objects: Pick<VolumeSource, 'claim' | 'persistentVolume'>,
): VolumePlan {
  const { name } = volume;
  const fail = (why: string) => new VolumeError(name, `MountVolume.SetUp failed for volume "${name}" : ${why}`);
  const claim = objects.claim(claimName);
  if (claim === undefined) throw fail(`persistentvolumeclaim "${claimName}" not found`);
  if (volume.ephemeral !== undefined && !isControlledBy(claim, pod))
    throw fail(`PVC "${claimName}" was not created for pod "${pod.metadata.namespace}/${pod.metadata.name}" (pod is not owner)`);
  if (claim.metadata.deletionTimestamp !== undefined) throw fail(`persistentvolumeclaim "${claimName}" is being deleted`);
  const { volumeName } = claim['spec'];
  if (claim['status']?.phase !== 'Bound' || !volumeName) throw fail(`persistentvolumeclaim "${claimName}" is not bound to a volume`);
  const persistent = objects.persistentVolume(volumeName);
  if (persistent === undefined) throw fail(`persistentvolume "${volumeName}" not found`);
  const reference = persistent['spec'].claimRef;
  if (reference?.uid !== claim.metadata.uid) throw fail(`persistentvolume "${volumeName}" belongs to another claim`);
  const { hostPath, volumeMode = 'Filesystem' } = persistent['spec'];
  if (hostPath === undefined || volumeMode !== 'Filesystem')
    throw fail(`persistentvolume "${volumeName}" is no folder: the embedded cluster mounts hostPath volumes of mode Filesystem`);
  const isOwn = persistent.metadata.annotations?.['pv.kubernetes.io/provisioned-by'] === 'palisade.dev/local-path';
  return isOwn ? { kind: 'local', name, path: hostPath.path } : { kind: 'host', name, path: hostPath.path, type: hostPath.type ?? '' };
}

/** Whether a volume's path names a folder directly below `root`: text alone, since `.` and `..` there would name others. */
export function isDirectlyBelow(root: string, path: string): boolean {
  return path === join(root, basename(path));
}
