import { isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { keyOf } from '../runtime/ownership.ts';
import { apiTime, type Condition, isPodFinished } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';

/** A node may be made again under its name: its pods are given up only after this time. */
const QUARANTINE_MS = 40_000;

/** Removes pods whose node is gone, and pods told to go that never had one. */
export function createPodGarbageController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const nodes = ctx.informer(Resource.nodes);
  const pods = ctx.informer(Resource.pods);
  const controller = createController(ctx, 'pod-garbage', sync);
  const { queue } = controller;
  const missingSince = new Map<string, number>();

  pods.addIndex('nodeName', (pod) => [pod['spec']?.nodeName ?? '']);
  nodes.onChange((type, node) => {
    const name = String(node.metadata.name);
    if (type !== 'DELETED') missingSince.delete(name);
    else for (const pod of pods.byIndex('nodeName', name)) queue.add(objectKey(pod));
  });
  pods.onChange((type, pod, old) => {
    const { nodeName } = pod['spec'];
    if (type === 'DELETED') return;
    if (nodeName ? !old?.['spec'].nodeName && nodes.get(nodeName) === undefined : pod.metadata.deletionTimestamp !== undefined)
      queue.add(objectKey(pod));
  });

  async function sync(key: string): Promise<number | undefined> {
    const pod = pods.get(key);
    if (pod === undefined) return undefined;
    const nodeName: string | undefined = pod['spec'].nodeName;
    if (!nodeName) {
      if (pod.metadata.deletionTimestamp !== undefined) await remove(pod);
      return undefined;
    }
    if (nodes.get(nodeName) !== undefined) return undefined;
    const nowMs = clock.now().getTime();
    const since = missingSince.get(nodeName) ?? nowMs;
    missingSince.set(nodeName, since);
    if (nowMs - since < QUARANTINE_MS) return since + QUARANTINE_MS - nowMs;
    try {
      await client.get(Resource.nodes, { name: nodeName });
      return undefined;
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
    if (!isPodFinished(pod)) await fail(pod);
    await remove(pod);
    return undefined;
  }

  /** Nobody else will ever say how it ended. */
  async function fail(pod: KubernetesObject): Promise<void> {
    const others = ((pod['status']?.conditions ?? []) as Condition[]).filter((found) => found.type !== 'DisruptionTarget');
    const target = {
      type: 'DisruptionTarget',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: apiTime(clock.now()),
      reason: 'DeletionByPodGC',
      message: 'PodGC: node no longer exists',
    };
    const status = { phase: 'Failed', conditions: [...others, target] };
    await client.patch(
      Resource.pods,
      keyOf(pod),
      PatchType.merge,
      { metadata: { uid: pod.metadata.uid }, status },
      { subresource: 'status' },
    );
  }

  async function remove(pod: KubernetesObject): Promise<void> {
    try {
      await client.delete(Resource.pods, keyOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: String(pod.metadata.uid) } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }

  return controller;
}
