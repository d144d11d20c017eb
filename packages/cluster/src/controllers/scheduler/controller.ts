import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject, matchLabelSelector, PatchType } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { keyOf } from '../runtime/ownership.ts';
import { apiTime, type Condition, condition, isPodFinished } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import type { Cluster } from './cluster.ts';
import { placePod } from './decide.ts';
import { type Preemption, priorityOf } from './preempt.ts';

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
  const budgets = ctx.informer(Resource.podDisruptionBudgets);
  const events = ctx.recorder(SCHEDULER_NAME);
  const controller = createController(ctx, 'scheduler', sync, { concurrency: 1 });
  const { queue } = controller;
  /** Bound by us, not yet so in the cache. */
  const assumed = new Map<string, { pod: KubernetesObject; node: string }>();
  const unplaced = new Map<string, { attempts: number; lastMs: number }>();

  pods.addIndex('nodeName', (pod) => [pod['spec']?.nodeName ?? '']);
  pods.addIndex('nominated', (pod) => (isWaiting(pod) ? [pod['status']?.nominatedNodeName ?? ''] : []));
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

  /** As `pod` has to see it: room that was made for a pod no less important is taken. */
  function snapshot(pod: KubernetesObject): Cluster {
    const added = [...assumed.values()];
    const isBefore = (other: KubernetesObject) =>
      other.metadata.uid !== pod.metadata.uid && !assumed.has(String(other.metadata.uid)) && priorityOf(other) >= priorityOf(pod);
    return {
      nodes: nodes.list().map((node) => ({
        node,
        pods: [
          ...pods.byIndex('nodeName', String(node.metadata.name)).filter((one) => !isPodFinished(one)),
          ...pods.byIndex('nominated', String(node.metadata.name)).filter(isBefore),
          ...added.filter((entry) => entry.node === node.metadata.name).map((entry) => entry.pod),
        ],
      })),
      namespaceLabels: (namespace) => namespaces.get(namespace)?.metadata.labels ?? {},
      claim: (namespace, name) => claims.get(`${namespace}/${name}`),
      violatesBudget: (one) =>
        budgets
          .list()
          .some(
            (budget) =>
              budget.metadata.namespace === one.metadata.namespace &&
              matchLabelSelector(budget['spec']?.selector, one.metadata.labels) &&
              (budget['status']?.disruptionsAllowed ?? 0) <= 0,
          ),
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
    const placement = placePod(pod, snapshot(pod));
    if (placement.node === undefined) {
      unplaced.set(key, { attempts: (unplaced.get(key)?.attempts ?? 0) + 1, lastMs: clock.now().getTime() });
      events.event(pod, 'Warning', 'FailedScheduling', placement.message);
      await report(pod, 'Unschedulable', placement.message, placement.preemption?.node);
      if (placement.preemption !== undefined) await preempt(pod, placement.preemption);
      return RETRY_MS;
    }
    unplaced.delete(key);
    await bind(pod, placement.node);
    return;
  }

  /** The victims have their grace period; when they are gone the pod is tried again like any other. */
  async function preempt(pod: KubernetesObject, { node, victims }: Preemption): Promise<void> {
    for (const victim of victims) {
      events.event(victim, 'Normal', 'Preempted', `Preempted by pod ${pod.metadata.uid} on node ${node}`);
      const others = ((victim['status']?.conditions ?? []) as Condition[]).filter((found) => found.type !== 'DisruptionTarget');
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: apiTime(clock.now()),
        reason: 'PreemptionByScheduler',
        message: `${SCHEDULER_NAME}: preempting to accommodate a higher priority pod`,
      };
      try {
        const status = { conditions: [...others, condition] };
        await client.patch(Resource.pods, keyOf(victim), PatchType.merge, { status }, { subresource: 'status' });
        await client.delete(Resource.pods, keyOf(victim), { preconditions: { uid: victim.metadata.uid! } });
      } catch (error) {
        // Gone by itself, or another one of its name.
        if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
      }
    }
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

  async function report(pod: KubernetesObject, reason: string, message: string, nominatedNodeName?: string): Promise<void> {
    const known = condition(pod, 'PodScheduled');
    const isNominated = nominatedNodeName === undefined || nominatedNodeName === pod['status']?.nominatedNodeName;
    if (known?.status === 'False' && known.reason === reason && known.message === message && isNominated) return;
    const others = ((pod['status']?.conditions ?? []) as Condition[]).filter((found) => found.type !== 'PodScheduled');
    const lastTransitionTime = known?.status === 'False' ? (known.lastTransitionTime ?? apiTime(clock.now())) : apiTime(clock.now());
    const conditions = [...others, { type: 'PodScheduled', status: 'False', lastProbeTime: null, lastTransitionTime, reason, message }];
    const { uid, resourceVersion } = pod.metadata;
    await client.patch(
      Resource.pods,
      keyOf(pod),
      PatchType.merge,
      { metadata: { uid, resourceVersion }, status: { conditions, ...(nominatedNodeName === undefined ? {} : { nominatedNodeName }) } },
      { subresource: 'status' },
    );
  }

  return controller;
}

function isWaiting(pod: KubernetesObject): boolean {
  const { nodeName, schedulerName = SCHEDULER_NAME } = pod['spec'];
  return !nodeName && schedulerName === SCHEDULER_NAME && pod.metadata.deletionTimestamp === undefined && !isPodFinished(pod);
}
