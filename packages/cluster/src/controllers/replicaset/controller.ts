import { isStatusError, type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { isNamespaceEnding } from '../runtime/errors.ts';
import { createExpectations } from '../runtime/expectations.ts';
import { applyClaims, controllerOf, controllerUid, decideClaims, keyOf } from '../runtime/ownership.ts';
import { isPodActive, nextAvailabilityMs, podFromTemplate } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { decideReplicaSet, isSameStatus, replicaSetStatus } from './decide.ts';

/** Keeps the number of pods a ReplicaSet asks for. */
export function createReplicaSetController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const replicaSets = ctx.informer(Resource.replicaSets);
  const pods = ctx.informer(Resource.pods);
  const events = ctx.recorder('replicaset-controller');
  const expectations = createExpectations(clock);
  const controller = createController(ctx, 'replicaset', sync, { concurrency: 4 });
  const { queue } = controller;

  pods.addIndex('controllerUid', controllerUid);
  replicaSets.addIndex('uid', (rs) => [String(rs.metadata.uid)]);
  replicaSets.addIndex('controllerUid', controllerUid);

  replicaSets.onChange((type, rs, old) => {
    // A new object under an old name starts without the old one's expectations.
    if (type === 'DELETED' || (old !== undefined && old.metadata.uid !== rs.metadata.uid)) expectations.forget(objectKey(rs));
    queue.add(objectKey(rs));
  });
  pods.onChange((type, pod, old) => {
    const owner = ownerKey(pod);
    const oldOwner = old === undefined ? undefined : ownerKey(old);
    if (owner !== undefined) {
      if (type === 'ADDED') expectations.creationSeen(owner);
      if (type === 'DELETED' || pod.metadata.deletionTimestamp !== undefined) expectations.deletionSeen(owner, String(pod.metadata.uid));
      queue.add(owner);
    }
    if (oldOwner !== undefined && oldOwner !== owner) queue.add(oldOwner);
    if (controllerOf(pod) === undefined && type !== 'DELETED') {
      for (const rs of replicaSets.list(pod.metadata.namespace)) if (selects(rs, pod)) queue.add(objectKey(rs));
    }
  });

  function ownerKey(pod: KubernetesObject): string | undefined {
    const owner = controllerOf(pod);
    return owner?.kind === 'ReplicaSet' ? `${pod.metadata.namespace}/${owner.name}` : undefined;
  }

  /** Pods of every ReplicaSet under the same controller: they crowd a node together. */
  function siblingsOf(rs: KubernetesObject): KubernetesObject[] {
    const owner = controllerOf(rs);
    const related = owner === undefined ? [rs] : replicaSets.byIndex('controllerUid', owner.uid);
    return related.flatMap((other) => pods.byIndex('controllerUid', String(other.metadata.uid))).filter(isPodActive);
  }

  async function sync(key: string): Promise<number | undefined> {
    const rs = replicaSets.get(key);
    if (rs === undefined) return;
    const satisfied = expectations.isSatisfied(key);
    const candidates = pods.list(rs.metadata.namespace).filter((pod) => {
      const owner = controllerOf(pod);
      return owner === undefined ? selects(rs, pod) : owner.uid === rs.metadata.uid;
    });
    const claims = decideClaims(rs, (pod) => selects(rs, pod), candidates);
    const owned = await applyClaims(client, Resource.pods, Resource.replicaSets, rs, claims);
    let failure: { reason: 'FailedCreate' | 'FailedDelete'; message: string } | undefined;
    let error: unknown;
    if (satisfied && rs.metadata.deletionTimestamp === undefined) {
      ({ failure, error } = await manage(key, rs, owned));
    }
    const status = replicaSetStatus(rs, owned, failure, clock.now());
    if (!isSameStatus(rs['status'], status)) await client.update(Resource.replicaSets, { ...rs, status }, { subresource: 'status' });
    if (error !== undefined) throw error;
    return nextAvailabilityMs(owned, rs['spec'].minReadySeconds ?? 0, clock.now());
  }

  async function manage(key: string, rs: KubernetesObject, owned: readonly KubernetesObject[]) {
    const decision = decideReplicaSet(rs, owned, siblingsOf(rs), clock.now());
    if (decision.create > 0) {
      expectations.expectCreations(key, decision.create);
      const { succeeded, error } = await slowStart(decision.create, async () => {
        const pod = await client.create(Resource.pods, podFromTemplate(rs, rs['spec'].template));
        events.event(rs, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
      });
      for (let lost = decision.create - succeeded; lost > 0; lost--) expectations.creationSeen(key);
      if (error === undefined) return {};
      // The namespace is going away: nothing to tell, nothing to retry.
      if (isNamespaceEnding(error)) return {};
      events.event(rs, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
      return { failure: { reason: 'FailedCreate' as const, message: (error as Error).message }, error };
    }
    let failure: { reason: 'FailedDelete'; message: string } | undefined;
    let error: unknown;
    expectations.expectDeletions(
      key,
      decision.remove.map((pod) => String(pod.metadata.uid)),
    );
    await Promise.all(
      decision.remove.map(async (pod) => {
        try {
          await client.delete(Resource.pods, keyOf(pod), { preconditions: { uid: String(pod.metadata.uid) } });
          events.event(rs, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
        } catch (problem) {
          expectations.deletionSeen(key, String(pod.metadata.uid));
          if (isStatusError(problem, 'NotFound')) return;
          events.event(rs, 'Warning', 'FailedDelete', `Error deleting: ${(problem as Error).message}`);
          failure = { reason: 'FailedDelete', message: (problem as Error).message };
          error = problem;
        }
      }),
    );
    return { ...(failure === undefined ? {} : { failure }), error };
  }

  return controller;
}

function selects(rs: KubernetesObject, pod: KubernetesObject): boolean {
  return matchLabelSelector(rs['spec'].selector, pod.metadata.labels ?? {});
}
