import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { replicasOf } from '../deployment/scale.ts';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { controllerOf } from '../runtime/ownership.ts';
import { Resource } from '../runtime/resources.ts';
import { budgetStatus, DISRUPTION_TIMEOUT_MS } from './decide.ts';

/** Says in each PodDisruptionBudget's status how many evictions it allows; the eviction subresource spends them. */
export function createDisruptionController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const budgets = ctx.informer(Resource.podDisruptionBudgets);
  const pods = ctx.informer(Resource.pods);
  const owners = {
    ReplicaSet: ctx.informer(Resource.replicaSets),
    StatefulSet: ctx.informer(Resource.statefulSets),
    Deployment: ctx.informer(Resource.deployments),
  };
  const controller = createController(ctx, 'disruption', sync);
  const { queue } = controller;

  budgets.onChange((_type, pdb) => queue.add(objectKey(pdb)));
  pods.onChange((_type, pod, old) => {
    for (const pdb of budgets.list(pod.metadata.namespace))
      if (covers(pdb, pod) || (old !== undefined && covers(pdb, old))) queue.add(objectKey(pdb));
  });
  for (const informer of Object.values(owners)) {
    informer.onChange((_type, owner, old) => {
      if (old !== undefined && isDeepStrictEqual(old['spec']?.replicas, owner['spec']?.replicas)) return;
      for (const pdb of budgets.list(owner.metadata.namespace)) queue.add(objectKey(pdb));
    });
  }

  async function sync(key: string): Promise<number | undefined> {
    const pdb = budgets.get(key);
    if (pdb === undefined || pdb.metadata.deletionTimestamp !== undefined) return undefined;
    const covered = pods.list(pdb.metadata.namespace).filter((pod) => covers(pdb, pod));
    const status = budgetStatus(pdb, covered, expectedPods(covered), clock.now());
    if (!isDeepStrictEqual(pdb['status'] ?? {}, status))
      await client.update(Resource.podDisruptionBudgets, { ...pdb, status }, { subresource: 'status' });
    return status.disruptedPods === undefined ? undefined : DISRUPTION_TIMEOUT_MS;
  }

  /** Replicas asked for by the topmost controllers of the pods; pods that nobody controls are not expected. */
  function expectedPods(covered: readonly KubernetesObject[]): number {
    const scales = new Map<string, number>();
    for (const pod of covered) {
      let owner = find(pod);
      const above = owner === undefined ? undefined : find(owner);
      owner = above ?? owner;
      if (owner !== undefined) scales.set(String(owner.metadata.uid), replicasOf(owner));
    }
    return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  function find(object: KubernetesObject): KubernetesObject | undefined {
    const reference = controllerOf(object);
    const informer = reference !== undefined && reference.kind in owners ? owners[reference.kind as keyof typeof owners] : undefined;
    const owner = informer?.get(`${object.metadata.namespace}/${reference?.name}`);
    return owner?.metadata.uid === reference?.uid ? owner : undefined;
  }

  return controller;
}

/** No selector covers nothing, an empty one everything in the namespace. */
function covers(pdb: KubernetesObject, pod: KubernetesObject): boolean {
  const { selector } = pdb['spec'];
  return selector !== undefined && matchLabelSelector(selector, pod.metadata.labels ?? {});
}
