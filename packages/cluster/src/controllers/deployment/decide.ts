import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { controllerReference } from '../runtime/ownership.ts';
import { isPodFinished } from '../runtime/pods.ts';
import { expiredSets, newSetAnnotations, nextRevision, revisionOf, type SplitSets, sizeAnnotations, splitSets } from './revision.ts';
import { isRolling, newReplicas, replicasOf, type Scale, scaleNew, scaleOldForRolling, scaleProportionally } from './scale.ts';
import { isComplete } from './status.ts';
import { POD_TEMPLATE_HASH, templateHash } from './template.ts';

export interface DeploymentPlan extends SplitSets {
  /** The ReplicaSet to make; then nothing else is done in this pass. */
  create?: KubernetesObject;
  /** The new set's annotations or minReadySeconds lag behind the Deployment: write them first. */
  refresh?: { annotations: Record<string, string>; minReadySeconds: number };
  scales: Scale[];
  remove: KubernetesObject[];
  /** `deployment.kubernetes.io/revision` for the Deployment; absent while no new set exists. */
  revision?: string;
  /** False while paused or when only the size changed. */
  isRollout: boolean;
}

/**
 * The next step of a Deployment, from what its sets look like now. Each step changes the sets, which calls for the next one.
 *
 * @param pods pods of each set by the set's uid, for strategy Recreate
 */
export function planDeployment(
  deployment: KubernetesObject,
  sets: readonly KubernetesObject[],
  pods: (setUid: string) => readonly KubernetesObject[],
): DeploymentPlan {
  const split = splitSets(deployment, sets);
  const { newSet, old } = split;
  const isScaling = sets.some((rs) => replicasOf(rs) > 0 && hasOtherSize(deployment, rs));
  const isPaused = deployment['spec'].paused === true;
  const plan: DeploymentPlan = { ...split, scales: [], remove: [], isRollout: !isPaused && !isScaling };
  if (deployment.metadata.deletionTimestamp !== undefined) return { ...plan, isRollout: false };
  if (newSet !== undefined) {
    const annotations = newSetAnnotations(deployment, newSet, nextRevision(old));
    const minReadySeconds = deployment['spec'].minReadySeconds ?? 0;
    plan.revision = annotations['deployment.kubernetes.io/revision'] ?? String(revisionOf(newSet));
    if (!isDeepStrictEqual(annotations, { ...newSet.metadata.annotations }) || minReadySeconds !== (newSet['spec'].minReadySeconds ?? 0)) {
      plan.refresh = { annotations, minReadySeconds };
      return plan;
    }
  }
  if (!plan.isRollout) {
    plan.scales = scaleProportionally(deployment, newSet, old);
    const touched = new Set(plan.scales.map(({ rs }) => rs));
    for (const rs of sets)
      if (replicasOf(rs) > 0 && !touched.has(rs) && hasOtherSize(deployment, rs)) plan.scales.push({ rs, replicas: replicasOf(rs) });
    if (isPaused && plan.scales.length === 0) plan.remove = expiredSets(deployment, old);
    return plan;
  }
  if (isRolling(deployment)) planRolling(deployment, sets, plan);
  else planRecreate(deployment, plan, pods);
  if (plan.create === undefined && plan.scales.length === 0 && isFinished(deployment, sets, newSet))
    plan.remove = expiredSets(deployment, old);
  return plan;
}

function planRolling(deployment: KubernetesObject, sets: readonly KubernetesObject[], plan: DeploymentPlan): void {
  const { newSet, old } = plan;
  if (newSet === undefined) {
    plan.create = newReplicaSet(deployment, sets, old);
    return;
  }
  plan.scales = scaleNew(deployment, newSet, sets);
  if (plan.scales.length === 0) plan.scales = scaleOldForRolling(deployment, newSet, old);
}

function planRecreate(deployment: KubernetesObject, plan: DeploymentPlan, pods: (setUid: string) => readonly KubernetesObject[]): void {
  const { newSet, old } = plan;
  plan.scales = old.filter((rs) => replicasOf(rs) > 0).map((rs) => ({ rs, replicas: 0 }));
  if (plan.scales.length > 0) return;
  // Pods being deleted still run: the new ones wait for the last of them.
  if (old.some((rs) => pods(String(rs.metadata.uid)).some((pod) => !isPodFinished(pod)))) return;
  if (newSet === undefined) plan.create = newReplicaSet(deployment, [], old);
  else if (replicasOf(newSet) !== replicasOf(deployment)) plan.scales = [{ rs: newSet, replicas: replicasOf(deployment) }];
}

function hasOtherSize(deployment: KubernetesObject, rs: KubernetesObject): boolean {
  const noted = rs.metadata.annotations?.['deployment.kubernetes.io/desired-replicas'];
  return noted !== undefined && noted !== sizeAnnotations(deployment)['deployment.kubernetes.io/desired-replicas'];
}

function isFinished(deployment: KubernetesObject, sets: readonly KubernetesObject[], newSet: KubernetesObject | undefined): boolean {
  const sum = (field: string) => sets.reduce((total, rs) => total + (rs['status']?.[field] ?? 0), 0);
  return isComplete(deployment, {
    replicas: sum('replicas'),
    updatedReplicas: newSet?.['status']?.replicas ?? 0,
    readyReplicas: sum('readyReplicas'),
    availableReplicas: sum('availableReplicas'),
  });
}

function newReplicaSet(
  deployment: KubernetesObject,
  sets: readonly KubernetesObject[],
  old: readonly KubernetesObject[],
): KubernetesObject {
  const { spec } = deployment;
  const hash = templateHash(spec.template, deployment['status']?.collisionCount ?? 0);
  const template = structuredClone(spec.template);
  const labels = { ...template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
  template.metadata = { ...template.metadata, labels };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: String(deployment.metadata.namespace),
      labels,
      annotations: newSetAnnotations(deployment, undefined, nextRevision(old)),
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: newReplicas(deployment, sets, undefined),
      ...(spec.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [POD_TEMPLATE_HASH]: hash } },
      template,
    },
  };
}
