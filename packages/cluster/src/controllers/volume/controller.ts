import type { KubernetesObject } from '@palisade/kubernetes';
import { claimNameOf, isStatusError } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing } from '../runtime/errors.ts';
import { Resource } from '../runtime/resources.ts';
import {
  CLAIM_FINALIZER,
  claimReference,
  decideBinding,
  isClaimUsed,
  isFor,
  isProvisioned,
  provisionedVolume,
  VOLUME_FINALIZER,
  volumePhase,
} from './decide.ts';

export interface LocalVolumes {
  /** Folder below which claims of class `local-path` get theirs. */
  readonly root: string;
  /** Removes a folder below `root` with all that is in it. */
  remove(path: string): Promise<void>;
}

/** Binds claims to volumes, makes volumes of the local class, reclaims them, and holds back the removal of what is in use. */
export function createVolumeController(ctx: ControllerContext, local: LocalVolumes): Controller {
  const { client } = ctx;
  const claims = ctx.informer(Resource.persistentVolumeClaims);
  const volumes = ctx.informer(Resource.persistentVolumes);
  const classes = ctx.informer(Resource.storageClasses);
  const pods = ctx.informer(Resource.pods);
  const events = ctx.recorder('persistentvolume-controller');
  // One at a time: two claims must not be given the same volume.
  const controller = createController(ctx, 'volume', sync, { concurrency: 1 });
  const { queue } = controller;
  const pending = () => claims.list().filter((claim) => claim['status']?.phase !== 'Bound');
  const addClaim = (claim: KubernetesObject) => queue.add(`claim/${objectKey(claim)}`);

  claims.onChange((_, claim) => {
    addClaim(claim);
    for (const volume of volumes.list()) if (isFor(volume, claim)) queue.add(`volume/${volume.metadata.name}`);
  });
  volumes.onChange((_, volume) => {
    queue.add(`volume/${volume.metadata.name}`);
    pending().forEach(addClaim);
  });
  classes.onChange(() => pending().forEach(addClaim));
  pods.onChange((_, pod) => {
    for (const volume of pod['spec']?.volumes ?? []) {
      const name = claimNameOf(String(pod.metadata.name), volume);
      if (name !== undefined) queue.add(`claim/${pod.metadata.namespace}/${name}`);
    }
  });

  async function sync(key: string): Promise<void> {
    const [kind, ...rest] = key.split('/');
    if (kind === 'volume') {
      const volume = volumes.get(rest.join('/'));
      if (volume !== undefined) await syncVolume(volume);
      return;
    }
    const claim = claims.get(rest.join('/'));
    if (claim === undefined) return;
    if (claim.metadata.deletionTimestamp !== undefined) {
      if (!isClaimUsed(claim, pods.list(claim.metadata.namespace)))
        await withoutFinalizer(Resource.persistentVolumeClaims, claim, CLAIM_FINALIZER);
    } else if (claim['status']?.phase !== 'Bound') await bind(claim);
  }

  async function bind(claim: KubernetesObject): Promise<void> {
    const step = decideBinding(claim, volumes.list(), classes.list());
    switch (step.kind) {
      case 'wait':
        events.event(claim, 'Normal', 'FailedBinding', step.why);
        return;
      case 'set-class':
        await client.update(Resource.persistentVolumeClaims, { ...claim, spec: { ...claim['spec'], storageClassName: step.name } });
        return;
      case 'bind':
        return complete(claim, step.volume);
      case 'provision': {
        if (claim['spec'].volumeMode === 'Block') {
          events.event(
            claim,
            'Warning',
            'ProvisioningFailed',
            'block volumes are not offered by the embedded cluster: use volumeMode Filesystem',
          );
          return;
        }
        try {
          const volume = await client.create(Resource.persistentVolumes, provisionedVolume(claim, step.storageClass, local.root));
          events.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volume.metadata.name}`);
        } catch (error) {
          // The cache lags behind: the volume is there, and its own event brings the claim back.
          if (!isStatusError(error, 'AlreadyExists')) throw error;
        }
        return;
      }
      default:
        step satisfies never;
    }
  }

  /** The volume learns of its claim first: then no other claim can take it, whatever happens next. */
  async function complete(claim: KubernetesObject, volume: KubernetesObject): Promise<void> {
    if (volume['spec'].claimRef?.uid === undefined)
      await client.update(Resource.persistentVolumes, { ...volume, spec: { ...volume['spec'], claimRef: claimReference(claim) } });
    const annotations = { ...claim.metadata.annotations, 'pv.kubernetes.io/bind-completed': 'yes' };
    const bound = await client.update(Resource.persistentVolumeClaims, {
      ...claim,
      metadata: { ...claim.metadata, annotations },
      spec: { ...claim['spec'], volumeName: volume.metadata.name },
    });
    const { accessModes, capacity } = volume['spec'];
    await client.update(
      Resource.persistentVolumeClaims,
      { ...bound, status: { phase: 'Bound', accessModes, capacity } },
      { subresource: 'status' },
    );
  }

  async function syncVolume(volume: KubernetesObject): Promise<void> {
    const reference = volume['spec'].claimRef;
    const found = reference === undefined ? undefined : claims.get(`${reference.namespace}/${reference.name}`);
    const claim = found !== undefined && isFor(volume, found) ? found : undefined;
    if (volume.metadata.deletionTimestamp !== undefined) {
      if (claim === undefined) await withoutFinalizer(Resource.persistentVolumes, volume, VOLUME_FINALIZER);
      return;
    }
    const phase = volumePhase(volume, claim);
    if (phase === 'Released' && volume['spec'].persistentVolumeReclaimPolicy === 'Delete' && isProvisioned(volume)) {
      await local.remove(volume['spec'].hostPath.path);
      await ignoreMissing(client.delete(Resource.persistentVolumes, { name: String(volume.metadata.name) }));
    } else if (volume['status']?.phase !== phase)
      await client.update(Resource.persistentVolumes, { ...volume, status: { phase } }, { subresource: 'status' });
  }

  async function withoutFinalizer(
    resource: typeof Resource.persistentVolumes | typeof Resource.persistentVolumeClaims,
    object: KubernetesObject,
    name: string,
  ): Promise<void> {
    const finalizers = object.metadata.finalizers ?? [];
    if (!finalizers.includes(name)) return;
    const left = finalizers.filter((each) => each !== name);
    await ignoreMissing(client.update(resource, { ...object, metadata: { ...object.metadata, finalizers: left } }));
  }

  return controller;
}
