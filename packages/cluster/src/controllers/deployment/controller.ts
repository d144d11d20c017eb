import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject, matchLabelSelector, PatchType } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { applyClaims, controllerOf, controllerUid, decideClaims, isControlledBy, keyOf } from '../runtime/ownership.ts';
import { Resource } from '../runtime/resources.ts';
import { type DeploymentPlan, planDeployment } from './decide.ts';
import { sizeAnnotations } from './revision.ts';
import { replicasOf, type Scale } from './scale.ts';
import { deadlineCheckMs, deploymentStatus, type Progress } from './status.ts';
import { isSameTemplate } from './template.ts';

/** Rolls Deployments out through ReplicaSets. */
export function createDeploymentController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const deployments = ctx.informer(Resource.deployments);
  const replicaSets = ctx.informer(Resource.replicaSets);
  const pods = ctx.informer(Resource.pods);
  const events = ctx.recorder('deployment-controller');
  const controller = createController(ctx, 'deployment', sync, { concurrency: 4 });
  const { queue } = controller;

  pods.addIndex('controllerUid', controllerUid);
  replicaSets.addIndex('uid', (rs) => [String(rs.metadata.uid)]);
  deployments.onChange((_type, deployment) => queue.add(objectKey(deployment)));
  replicaSets.onChange((type, rs, old) => {
    for (const owner of new Set([ownerKey(rs), old === undefined ? undefined : ownerKey(old)])) if (owner !== undefined) queue.add(owner);
    if (controllerOf(rs) !== undefined || type === 'DELETED') return;
    for (const deployment of deployments.list(rs.metadata.namespace)) if (selects(deployment, rs)) queue.add(objectKey(deployment));
  });
  // Strategy Recreate waits for the last old pod to go.
  pods.onChange((type, pod) => {
    const owner = type === 'DELETED' ? controllerOf(pod) : undefined;
    if (owner === undefined) return;
    const rs = replicaSets.byIndex('uid', owner.uid)[0];
    const key = rs === undefined ? undefined : ownerKey(rs);
    if (key !== undefined && deployments.get(key)?.['spec'].strategy?.type === 'Recreate') queue.add(key);
  });

  async function sync(key: string): Promise<number | undefined> {
    let deployment = deployments.get(key);
    if (deployment === undefined) return;
    if (Object.keys(deployment['spec'].selector ?? {}).length === 0) {
      events.event(deployment, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
      return;
    }
    const claims = decideClaims(deployment, (rs) => selects(deployment!, rs), replicaSets.list(deployment.metadata.namespace));
    const sets = await applyClaims(client, Resource.replicaSets, Resource.deployments, deployment, claims);
    const plan = planDeployment(deployment, sets, (uid) => pods.byIndex('controllerUid', uid));
    if (plan.refresh !== undefined && plan.newSet !== undefined) {
      await client.update(Resource.replicaSets, {
        ...plan.newSet,
        metadata: { ...plan.newSet.metadata, annotations: plan.refresh.annotations },
        spec: { ...plan.newSet['spec'], minReadySeconds: plan.refresh.minReadySeconds },
      });
    }
    const made = plan.create === undefined ? undefined : await create(deployment, plan.create);
    const revision = made?.revision ?? plan.revision;
    if (revision !== undefined && deployment.metadata.annotations?.['deployment.kubernetes.io/revision'] !== revision) {
      deployment = await client.patch(Resource.deployments, keyOf(deployment), PatchType.merge, {
        metadata: { uid: deployment.metadata.uid, annotations: { 'deployment.kubernetes.io/revision': revision } },
      });
    }
    for (const scale of plan.scales) await resize(deployment, scale);
    for (const rs of plan.remove) await client.delete(Resource.replicaSets, keyOf(rs), { preconditions: { uid: String(rs.metadata.uid) } });
    return writeStatus(deployment, plan, made);
  }

  async function create(deployment: KubernetesObject, wanted: KubernetesObject): Promise<Created> {
    const name = String(wanted.metadata.name);
    const revision = wanted.metadata.annotations!['deployment.kubernetes.io/revision']!;
    try {
      await client.create(Resource.replicaSets, wanted);
      if (replicasOf(wanted) > 0)
        events.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicasOf(wanted)}`);
      return { name, revision };
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) {
        const present = await client.get(Resource.replicaSets, keyOf(wanted));
        // Made by a pass before the cache showed it; its event brings us back.
        if (isControlledBy(present, deployment) && isSameTemplate(present['spec'].template, deployment['spec'].template))
          return { revision };
        return { collisionCount: (deployment['status']?.collisionCount ?? 0) + 1 };
      }
      events.event(
        deployment,
        'Warning',
        'ReplicaSetCreateError',
        `Failed to create new replica set "${name}": ${(error as Error).message}`,
      );
      throw error;
    }
  }

  async function resize(deployment: KubernetesObject, { rs, replicas }: Scale): Promise<void> {
    const before = replicasOf(rs);
    await client.update(Resource.replicaSets, {
      ...rs,
      metadata: { ...rs.metadata, annotations: { ...rs.metadata.annotations, ...sizeAnnotations(deployment) } },
      spec: { ...rs['spec'], replicas },
    });
    if (before === replicas) return;
    events.event(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${replicas > before ? 'up' : 'down'} replica set ${rs.metadata.name} from ${before} to ${replicas}`,
    );
  }

  async function writeStatus(deployment: KubernetesObject, plan: DeploymentPlan, made: Created | undefined): Promise<number | undefined> {
    const now = clock.now();
    const status = deploymentStatus(deployment, plan.newSet, plan.old, {
      now,
      progress: progressOf(plan, made),
      isRollout: plan.isRollout,
      ...(made?.collisionCount === undefined ? {} : { collisionCount: made.collisionCount }),
    });
    if (!isDeepStrictEqual(deployment['status'] ?? {}, status)) {
      await client.update(Resource.deployments, { ...deployment, status }, { subresource: 'status' });
    }
    return deadlineCheckMs(deployment, status, now);
  }

  function ownerKey(rs: KubernetesObject): string | undefined {
    const owner = controllerOf(rs);
    return owner?.kind === 'Deployment' ? `${rs.metadata.namespace}/${owner.name}` : undefined;
  }

  return controller;
}

interface Created {
  name?: string;
  revision?: string;
  collisionCount?: number;
}

function progressOf(plan: DeploymentPlan, made: Created | undefined): Progress {
  if (made?.name !== undefined) return { kind: 'created', name: made.name };
  if (plan.newSet !== undefined) return { kind: 'found', name: String(plan.newSet.metadata.name) };
  return { kind: 'none' };
}

function selects(deployment: KubernetesObject, rs: KubernetesObject): boolean {
  return matchLabelSelector(deployment['spec'].selector, rs.metadata.labels ?? {});
}
