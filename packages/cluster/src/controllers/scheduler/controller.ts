import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { keyOf } from '../runtime/ownership.ts';
import { apiTime, type Condition, condition, isPodFinished } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import type { Cluster } from './cluster.ts';
import { placePod } from './decide.ts';

const SCHEDULER_NAME = 'default-scheduler';

/** Pods without a place are tried again at the latest after this time, whatever the events say. */
const RETRY_MS = 60_000;
/** After a failed attempt a pod waits this long, doubling to the longest, even if room is made earlier. */
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;

/** Assigns pods to nodes, one at a time, through the `binding` subresource. */
export function createScheduler(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const pods = ctx.informer(Resource.pods);
  const nodes = ctx.informer(Resource.nodes);
  const namespaces = ctx.informer(Resource.namespaces);
  const claims = ctx.informer(Resource.persistentVolumeClaims);
  const events = ctx.recorder(SCHEDULER_NAME);
  const controller = createController(ctx, 'scheduler', sync, { concurrency: 1 });
  const { queue } = controller;
  /** Bound by us, not yet so in the cache. */
  const assumed = new Map<string, { pod: KubernetesObject; node: string }>();
  const unplaced = new Map<string, { attempts: number; lastMs: number }>();

  pods.addIndex('nodeName', (pod) => [pod['spec']?.nodeName ?? '']);
  pods.onChange((type, pod, old) => {
    if (type === 'DELETED' || pod['spec'].nodeName) assumed.delete(String(pod.metadata.uid));
    if (type === 'DELETED') unplaced.delete(objectKey(pod));
    else if (
      isWaiting(pod) &&
      (old === undefined || !isDeepStrictEqual(old['spec'], pod['spec']) || !isDeepStrictEqual(old.metadata.labels, pod.metadata.labels))
    )
      queue.add(objectKey(pod));
    // Room was made, or a pod that others want to be near has come.
    const isFreed =
      Boolean(pod['spec'].nodeName) && (type === 'DELETED' || (isPodFinished(pod) && old !== undefined && !isPodFinished(old)));
    const isPlaced = Boolean(pod['spec'].nodeName) && !old?.['spec'].nodeName;
    if (isFreed || isPlaced) retryUnplaced();
  });
  nodes.onChange((type, node, old) => {
    if (type === 'DELETED') return;
    const relevant = (object: KubernetesObject | undefined) => [object?.metadata.labels, object?.['spec'], object?.['status']?.allocatable];
    if (!isDeepStrictEqual(relevant(node), relevant(old))) retryUnplaced();
  });

  claims.onChange((type) => {
    if (type !== 'DELETED') retryUnplaced();
  });

  function retryUnplaced(): void {
    const nowMs = clock.now().getTime();
    for (const [key, { attempts, lastMs }] of unplaced) {
      queue.addAfter(key, lastMs + Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempts - 1, 10)) - nowMs);
    }
  }

  function snapshot(): Cluster {
    const added = [...assumed.values()];
    return {
      nodes: nodes.list().map((node) => ({
        node,
        pods: [
          ...pods.byIndex('nodeName', String(node.metadata.name)).filter((pod) => !isPodFinished(pod)),
          ...added.filter((entry) => entry.node === node.metadata.name).map((entry) => entry.pod),
        ],
      })),
      namespaceLabels: (namespace) => namespaces.get(namespace)?.metadata.labels ?? {},
      claim: (namespace, name) => claims.get(`${namespace}/${name}`),
    };
  }

  async function sync(key: string): Promise<number | undefined> {
    const pod = pods.get(key);
    if (pod === undefined || !isWaiting(pod) || assumed.has(String(pod.metadata.uid))) {
      unplaced.delete(key);
      return;
    }
    if ((pod['spec'].schedulingGates ?? []).length > 0) {
      await report(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates');
      return;
    }
    const placement = placePod(pod, snapshot());
    if (placement.node === undefined) {
      unplaced.set(key, { attempts: (unplaced.get(key)?.attempts ?? 0) + 1, lastMs: clock.now().getTime() });
      events.event(pod, 'Warning', 'FailedScheduling', placement.message);
      await report(pod, 'Unschedulable', placement.message);
      return RETRY_MS;
    }
    unplaced.delete(key);
    await bind(pod, placement.node);
    return;
  }

  async function bind(pod: KubernetesObject, node: string): Promise<void> {
    const uid = String(pod.metadata.uid);
    const { namespace, name } = keyOf(pod);
    assumed.set(uid, { pod, node });
    try {
      const metadata = { name, ...(namespace === undefined ? {} : { namespace }), uid };
      await client.create(
        Resource.pods,
        { apiVersion: 'v1', kind: 'Binding', metadata, target: { apiVersion: 'v1', kind: 'Node', name: node } },
        keyOf(pod),
        { subresource: 'binding' },
      );
    } catch (error) {
      assumed.delete(uid);
      if (isStatusError(error, 'NotFound')) return;
      events.event(pod, 'Warning', 'FailedScheduling', `binding rejected: ${(error as Error).message}`);
      throw error;
    }
    if (pods.get(objectKey(pod))?.['spec'].nodeName) assumed.delete(uid);
    events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`);
  }

  async function report(pod: KubernetesObject, reason: string, message: string): Promise<void> {
    const known = condition(pod, 'PodScheduled');
    if (known?.status === 'False' && known.reason === reason && known.message === message) return;
    const others = ((pod['status']?.conditions ?? []) as Condition[]).filter((found) => found.type !== 'PodScheduled');
    const lastTransitionTime = known?.status === 'False' ? (known.lastTransitionTime ?? apiTime(clock.now())) : apiTime(clock.now());
    const conditions = [...others, { type: 'PodScheduled', status: 'False', lastProbeTime: null, lastTransitionTime, reason, message }];
    const { uid, resourceVersion } = pod.metadata;
    await client.patch(
      Resource.pods,
      keyOf(pod),
      PatchType.merge,
      { metadata: { uid, resourceVersion }, status: { conditions } },
      { subresource: 'status' },
    );
  }

  return controller;
}

function isWaiting(pod: KubernetesObject): boolean {
  const { nodeName, schedulerName = SCHEDULER_NAME } = pod['spec'];
  return !nodeName && schedulerName === SCHEDULER_NAME && pod.metadata.deletionTimestamp === undefined && !isPodFinished(pod);
}
