import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing, isNamespaceEnding } from '../runtime/errors.ts';
import { applyClaims, controllerOf, controllerUid, decideClaims, keyOf } from '../runtime/ownership.ts';
import { isPodFinished, nextAvailabilityMs } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import { applyRevision, expiredRevisions, removeRevisions } from '../runtime/revisions.ts';
import { decideStep, revisionOf, statefulSetStatus } from './decide.ts';
import { claimsOf, ordinalOf, statefulPod } from './pod.ts';

/** Keeps the named, ordered pods of a StatefulSet. Names make repeated writes harmless, so no expectations are needed. */
export function createStatefulSetController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const sets = ctx.informer(Resource.statefulSets);
  const pods = ctx.informer(Resource.pods);
  const claims = ctx.informer(Resource.persistentVolumeClaims);
  const revisions = ctx.informer(Resource.controllerRevisions);
  const events = ctx.recorder('statefulset-controller');
  const controller = createController(ctx, 'statefulset', sync);
  const { queue } = controller;
  /** Told to go, not yet seen going in the cache. */
  const leaving = new Set<string>();

  pods.addIndex('controllerUid', controllerUid);
  revisions.addIndex('controllerUid', controllerUid);
  sets.onChange((_type, set) => queue.add(objectKey(set)));
  pods.onChange((type, pod) => {
    if (type === 'DELETED' || pod.metadata.deletionTimestamp !== undefined) leaving.delete(String(pod.metadata.uid));
    const owner = controllerOf(pod);
    if (owner?.kind === 'StatefulSet') queue.add(`${pod.metadata.namespace}/${owner.name}`);
    else if (owner === undefined && type !== 'DELETED') {
      for (const set of sets.list(pod.metadata.namespace)) if (isMember(set, pod)) queue.add(objectKey(set));
    }
  });

  async function sync(key: string): Promise<number | undefined> {
    const set = sets.get(key);
    if (set === undefined) return undefined;
    const candidates = pods.list(set.metadata.namespace).filter((pod) => controllerOf(pod)?.uid === set.metadata.uid || isMember(set, pod));
    const owned = await applyClaims(
      client,
      Resource.pods,
      Resource.statefulSets,
      set,
      decideClaims(set, (pod) => isMember(set, pod), candidates),
    );
    const known = revisions.byIndex('controllerUid', String(set.metadata.uid));
    const update = set.metadata.deletionTimestamp === undefined ? await applyRevision(client, set, known) : known.at(-1);
    if (update === undefined) return undefined;
    const now = clock.now();
    const name = String(update.metadata.name);
    const status = statefulSetStatus(set, name, owned, now);
    if (!isDeepStrictEqual(set['status'] ?? {}, status))
      await client.update(Resource.statefulSets, { ...set, status }, { subresource: 'status' });
    if (set.metadata.deletionTimestamp !== undefined) return undefined;
    const current = known.find((revision) => revision.metadata.name === status['currentRevision']) ?? update;
    // The status just computed, not the cached one: a count that lags would bring pods back with their old template.
    const step = decideStep({ ...set, status }, name, owned, now);
    for (const pod of step.remove) await remove(set, pod);
    for (const { ordinal, isUpdated } of step.create) await create(set, isUpdated ? update : current, ordinal);
    const used = new Set([name, status['currentRevision'], ...owned.map(revisionOf)]);
    await removeRevisions(
      client,
      expiredRevisions(set, known, (revision) => used.has(revision.metadata.name)),
    );
    return nextAvailabilityMs(owned, set['spec'].minReadySeconds ?? 0, now);
  }

  async function create(set: KubernetesObject, revision: KubernetesObject, ordinal: number): Promise<void> {
    const pod = statefulPod(set, revision, ordinal);
    const where = `in StatefulSet ${set.metadata.name}`;
    try {
      for (const claim of claimsOf(set, ordinal)) {
        if (claims.get(objectKey(claim)) !== undefined) continue;
        if (await createMissing(Resource.persistentVolumeClaims, claim)) {
          events.event(set, 'Normal', 'SuccessfulCreate', `create Claim ${claim.metadata.name} Pod ${pod.metadata.name} ${where} success`);
        }
      }
      if (await createMissing(Resource.pods, pod))
        events.event(set, 'Normal', 'SuccessfulCreate', `create Pod ${pod.metadata.name} ${where} successful`);
    } catch (error) {
      if (!isNamespaceEnding(error))
        events.event(set, 'Warning', 'FailedCreate', `create Pod ${pod.metadata.name} ${where} failed error: ${(error as Error).message}`);
      throw error;
    }
  }

  /** @returns false when an object of that name is there already */
  async function createMissing(resource: (typeof Resource)[keyof typeof Resource], object: KubernetesObject): Promise<boolean> {
    try {
      await client.create(resource, object);
      return true;
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      return false;
    }
  }

  async function remove(set: KubernetesObject, pod: KubernetesObject): Promise<void> {
    const uid = String(pod.metadata.uid);
    if (leaving.has(uid)) return;
    if (isPodFinished(pod)) {
      const word = pod['status'].phase === 'Failed' ? 'Failed' : 'Terminated';
      events.event(
        set,
        'Warning',
        `Recreating${word}Pod`,
        `StatefulSet ${objectKey(set)} is recreating ${word.toLowerCase()} Pod ${pod.metadata.name}`,
      );
    }
    leaving.add(uid);
    try {
      await ignoreMissing(client.delete(Resource.pods, keyOf(pod), { preconditions: { uid } }));
    } catch (error) {
      leaving.delete(uid);
      throw error;
    }
    events.event(set, 'Normal', 'SuccessfulDelete', `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`);
  }

  return controller;
}

/** The labels alone are not enough: a pod of another name cannot take part. */
function isMember(set: KubernetesObject, pod: KubernetesObject): boolean {
  return ordinalOf(set, pod) !== undefined && matchLabelSelector(set['spec'].selector, pod.metadata.labels ?? {});
}
