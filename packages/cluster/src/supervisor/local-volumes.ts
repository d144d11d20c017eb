import { join } from 'node:path';
import type { ApiClient } from '@palisade/kubernetes';
import { isStatusError } from '@palisade/kubernetes';
import { Resource } from '../controllers/runtime/resources.ts';
import { DEFAULT_CLASS, type LocalVolumes, PROVISIONER } from '../controllers/volume/index.ts';
import { isDirectlyBelow, removeTree } from '../node/kubelet/index.ts';

/** Data of persistent volumes lies with the cluster: it survives restarts and goes with `palisade down --purge`. */
export function localVolumes(stateDir: string): LocalVolumes {
  const root = join(stateDir, 'volumes');
  return {
    root,
    async remove(path) {
      if (!isDirectlyBelow(root, path)) throw new Error(`Cannot remove volume folder "${path}": expected a folder directly below ${root}`);
      await removeTree(path);
    },
  };
}

/** The default StorageClass, unless somebody has changed or replaced it already. */
export async function ensureStorageClass(client: ApiClient): Promise<void> {
  try {
    await client.create(Resource.storageClasses, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: DEFAULT_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: PROVISIONER,
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}
