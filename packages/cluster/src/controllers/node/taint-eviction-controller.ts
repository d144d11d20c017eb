import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { keyOf } from '../runtime/ownership.ts';
import { apiTime, type Condition } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import { taintsOf } from '../scheduler/tolerations.ts';
import { evictionDelay } from './taints.ts';

/** Moves pods off nodes whose NoExecute taints they do not, or no longer, tolerate. */
export function createTaintEvictionController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const nodes = ctx.informer(Resource.nodes);
  const pods = ctx.informer(Resource.pods);
  const events = ctx.recorder('taint-eviction-controller');
  const controller = createController(ctx, 'taint-eviction', sync, { concurrency: 4 });
  const { queue } = controller;
  /** Since when a pod's time is running, by uid. */
  const since = new Map<string, number>();

  pods.addIndex('nodeName', (pod) => [pod['spec']?.nodeName ?? '']);
  nodes.onChange((type, node, old) => {
    if (type === 'DELETED' || isDeepStrictEqual(taintsOf(node), old === undefined ? [] : taintsOf(old))) return;
    for (const pod of pods.byIndex('nodeName', String(node.metadata.name))) queue.add(objectKey(pod));
  });
  pods.onChange((type, pod, old) => {
    if (type === 'DELETED') since.delete(String(pod.metadata.uid));
    else if (pod['spec'].nodeName && !isDeepStrictEqual(old?.['spec'], pod['spec'])) queue.add(objectKey(pod));
  });

  async function sync(key: string): Promise<number | undefined> {
    const pod = pods.get(key);
    const node = pod === undefined ? undefined : nodes.get(pod['spec'].nodeName ?? '');
    if (pod === undefined || node === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined;
    const uid = String(pod.metadata.uid);
    const delay = evictionDelay(pod, node);
    if (delay === 'stays') {
      if (since.delete(uid)) events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      return undefined;
    }
    const nowMs = clock.now().getTime();
    const started = since.get(uid) ?? nowMs;
    since.set(uid, started);
    const leftMs = started + delay * 1000 - nowMs;
    if (leftMs > 0) return leftMs;
    await evict(key, pod);
    return undefined;
  }

  async function evict(key: string, pod: KubernetesObject): Promise<void> {
    events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    const others = ((pod['status']?.conditions ?? []) as Condition[]).filter((found) => found.type !== 'DisruptionTarget');
    const target = {
      type: 'DisruptionTarget',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: apiTime(clock.now()),
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    };
    const { uid } = pod.metadata;
    try {
      await client.patch(
        Resource.pods,
        keyOf(pod),
        PatchType.merge,
        { metadata: { uid }, status: { conditions: [...others, target] } },
        { subresource: 'status' },
      );
      await client.delete(Resource.pods, keyOf(pod), { preconditions: { uid: String(uid) } });
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }

  return controller;
}
