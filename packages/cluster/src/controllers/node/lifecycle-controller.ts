import type { KubernetesObject } from '@palisade/kubernetes';
import { PatchType } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { keyOf } from '../runtime/ownership.ts';
import { apiTime, type Condition, condition, isPodFinished } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import { taintsOf } from '../scheduler/tolerations.ts';
import { decideTaints } from './taints.ts';

/** Turns a node's conditions into taints, and marks the pods of a node that is not ready as not ready. */
export function createNodeLifecycleController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const nodes = ctx.informer(Resource.nodes);
  const pods = ctx.informer(Resource.pods);
  const events = ctx.recorder('node-controller');
  const controller = createController(ctx, 'node-lifecycle', sync);
  const { queue } = controller;

  pods.addIndex('nodeName', (pod) => [pod['spec']?.nodeName ?? '']);
  nodes.onChange((type, node, old) => {
    const name = node.metadata.name;
    if (type === 'ADDED') events.event(node, 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
    if (type === 'DELETED') {
      events.event(node, 'Normal', 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`);
      return;
    }
    const wasReady = old === undefined ? undefined : condition(old, 'Ready')?.status;
    if (wasReady === 'True' && condition(node, 'Ready')?.status !== 'True') {
      events.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    }
    queue.add(objectKey(node));
  });

  async function sync(name: string): Promise<void> {
    const node = nodes.get(name);
    if (node === undefined) return;
    const taints = decideTaints(node, clock.now());
    if (taints !== taintsOf(node) && !(taints.length === 0 && taintsOf(node).length === 0)) {
      const { uid, resourceVersion } = node.metadata;
      await client.patch(Resource.nodes, { name }, PatchType.merge, { metadata: { uid, resourceVersion }, spec: { taints } });
    }
    const ready = condition(node, 'Ready');
    if (ready === undefined || ready.status === 'True') return;
    for (const pod of pods.byIndex('nodeName', name)) if (!isPodFinished(pod)) await markNotReady(pod);
  }

  async function markNotReady(pod: KubernetesObject): Promise<void> {
    if (condition(pod, 'Ready')?.status !== 'True') return;
    const conditions = (pod['status'].conditions as Condition[]).map((found) =>
      found.type === 'Ready' ? { ...found, status: 'False', lastTransitionTime: apiTime(clock.now()) } : found,
    );
    const { uid, resourceVersion } = pod.metadata;
    await client.patch(
      Resource.pods,
      keyOf(pod),
      PatchType.merge,
      { metadata: { uid, resourceVersion }, status: { conditions } },
      { subresource: 'status' },
    );
    events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  }

  return controller;
}
