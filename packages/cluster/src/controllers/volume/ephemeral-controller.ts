import { claimNameOf, isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { controllerReference, isControlledBy } from '../runtime/ownership.ts';
import { isPodFinished } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';

interface Volume {
  readonly name: string;
  readonly ephemeral?: { readonly volumeClaimTemplate?: { readonly metadata?: object; readonly spec?: object } };
}

/** Makes the claims of generic ephemeral volumes; the pod owns them, so they go with it. */
export function createEphemeralVolumeController(ctx: ControllerContext): Controller {
  const pods = ctx.informer(Resource.pods);
  const claims = ctx.informer(Resource.persistentVolumeClaims);
  const events = ctx.recorder('ephemeral_volume');
  const controller = createController(ctx, 'ephemeral-volume', sync);
  pods.onChange((type, pod) => {
    if (type !== 'DELETED' && volumesOf(pod).length > 0) controller.queue.add(objectKey(pod));
  });

  async function sync(key: string): Promise<void> {
    const pod = pods.get(key);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) return;
    for (const volume of volumesOf(pod)) {
      const name = claimNameOf(String(pod.metadata.name), volume)!;
      const present = claims.get(`${pod.metadata.namespace}/${name}`);
      if (present !== undefined) {
        if (!isControlledBy(present, pod))
          events.event(pod, 'Warning', 'FailedBinding', `PVC "${name}" was not created for pod "${key}" (pod is not owner)`);
        continue;
      }
      const template = volume.ephemeral?.volumeClaimTemplate;
      try {
        await ctx.client.create(Resource.persistentVolumeClaims, {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { ...template?.metadata, name, namespace: pod.metadata.namespace!, ownerReferences: [controllerReference(pod)] },
          spec: template?.spec ?? {},
        });
      } catch (error) {
        // The cache lags behind: its own event brings the pod back.
        if (!isStatusError(error, 'AlreadyExists')) throw error;
      }
    }
  }

  return controller;
}

function volumesOf(pod: KubernetesObject): Volume[] {
  return ((pod['spec']?.volumes ?? []) as Volume[]).filter((volume) => volume.ephemeral !== undefined);
}
