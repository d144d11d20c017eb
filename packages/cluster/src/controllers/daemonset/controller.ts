import { isDeepStrictEqual } from 'node:util';
import { type KubernetesObject, matchLabelSelector } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing, isNamespaceEnding } from '../runtime/errors.ts';
import { createExpectations } from '../runtime/expectations.ts';
import { applyClaims, controllerOf, controllerUid, decideClaims, keyOf } from '../runtime/ownership.ts';
import { nextAvailabilityMs } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import { applyRevision, expiredRevisions, REVISION_HASH, removeRevisions } from '../runtime/revisions.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { daemonPod, decideDaemonSet, nodeOf } from './decide.ts';

/** First and longest pause before a daemon pod that ended is made again. */
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 15 * 60 * 1000;

/** Keeps one pod of a DaemonSet on each node that suits it. */
export function createDaemonSetController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const daemonSets = ctx.informer(Resource.daemonSets);
  const pods = ctx.informer(Resource.pods);
  const nodes = ctx.informer(Resource.nodes);
  const revisions = ctx.informer(Resource.controllerRevisions);
  const events = ctx.recorder('daemonset-controller');
  const expectations = createExpectations(clock);
  const controller = createController(ctx, 'daemonset', sync);
  const { queue } = controller;
  const pauses = new Map<string, { attempts: number; untilMs: number }>();

  pods.addIndex('controllerUid', controllerUid);
  revisions.addIndex('controllerUid', controllerUid);
  daemonSets.onChange((type, ds) => {
    if (type === 'DELETED') expectations.forget(objectKey(ds));
    queue.add(objectKey(ds));
  });
  nodes.onChange((type, node, old) => {
    const relevant = (object: KubernetesObject | undefined) => [object?.metadata.labels, object?.['spec']];
    if (type === 'MODIFIED' && isDeepStrictEqual(relevant(node), relevant(old))) return;
    for (const ds of daemonSets.list()) queue.add(objectKey(ds));
  });
  pods.onChange((type, pod) => {
    const owner = controllerOf(pod);
    if (owner?.kind === 'DaemonSet') {
      const key = `${pod.metadata.namespace}/${owner.name}`;
      if (type === 'ADDED') expectations.creationSeen(key);
      if (type === 'DELETED' || pod.metadata.deletionTimestamp !== undefined) expectations.deletionSeen(key, String(pod.metadata.uid));
      queue.add(key);
    } else if (owner === undefined && type !== 'DELETED') {
      for (const ds of daemonSets.list(pod.metadata.namespace)) if (selects(ds, pod)) queue.add(objectKey(ds));
    }
  });

  async function sync(key: string): Promise<number | undefined> {
    const ds = daemonSets.get(key);
    if (ds === undefined || ds.metadata.deletionTimestamp !== undefined) return undefined;
    const isSatisfied = expectations.isSatisfied(key);
    const claims = decideClaims(
      ds,
      (pod) => selects(ds, pod),
      pods.list(ds.metadata.namespace).filter((pod) => selects(ds, pod) || controllerOf(pod)?.uid === ds.metadata.uid),
    );
    const owned = await applyClaims(client, Resource.pods, Resource.daemonSets, ds, claims);
    const known = revisions.byIndex('controllerUid', String(ds.metadata.uid));
    const current = await applyRevision(client, ds, known);
    const hash = String(current.metadata.labels?.[REVISION_HASH]);
    const now = clock.now();
    const decision = decideDaemonSet(ds, hash, nodes.list(), owned, now);
    const status = { ...decision.status, observedGeneration: ds.metadata.generation ?? 0 };
    const { collisionCount: _, conditions: __, ...before } = ds['status'] ?? {};
    if (!isDeepStrictEqual(before, status))
      await client.update(Resource.daemonSets, { ...ds, status: { ...ds['status'], ...status } }, { subresource: 'status' });
    let waitMs = nextAvailabilityMs(owned, ds['spec'].minReadySeconds ?? 0, now);
    if (isSatisfied) {
      for (const pod of decision.ended) {
        const leftMs = pauseLeft(key, pod, now.getTime());
        if (leftMs > 0) waitMs = Math.min(waitMs ?? leftMs, leftMs);
        else {
          events.event(
            ds,
            'Warning',
            'FailedDaemonPod',
            `Found failed daemon pod ${objectKey(pod)} on node ${nodeOf(pod)}, will try to kill it`,
          );
          decision.remove.push(pod);
        }
      }
      await remove(key, ds, decision.remove);
      await create(key, ds, decision.create, hash);
    }
    const used = new Set(owned.map((pod) => pod.metadata.labels?.[REVISION_HASH]));
    await removeRevisions(
      client,
      expiredRevisions(
        ds,
        known,
        (revision) => revision.metadata.uid === current.metadata.uid || used.has(revision.metadata.labels?.[REVISION_HASH]),
      ),
    );
    return waitMs;
  }

  /** The first time at once, then after growing pauses. */
  function pauseLeft(key: string, pod: KubernetesObject, nowMs: number): number {
    const id = `${key}/${nodeOf(pod)}`;
    const before = pauses.get(id);
    if (before !== undefined && nowMs < before.untilMs) return before.untilMs - nowMs;
    const attempts = before !== undefined && nowMs - before.untilMs < MAX_PAUSE_MS ? before.attempts + 1 : 0;
    pauses.set(id, { attempts, untilMs: nowMs + Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempts, 20)) });
    return 0;
  }

  async function create(key: string, ds: KubernetesObject, nodeNames: readonly string[], hash: string): Promise<void> {
    if (nodeNames.length === 0) return;
    expectations.expectCreations(key, nodeNames.length);
    const { succeeded, error } = await slowStart(nodeNames.length, async (i) => {
      const pod = await client.create(Resource.pods, daemonPod(ds, nodeNames[i]!, hash));
      events.event(ds, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
    });
    for (let lost = nodeNames.length - succeeded; lost > 0; lost--) expectations.creationSeen(key);
    if (error === undefined) return;
    if (!isNamespaceEnding(error)) events.event(ds, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    throw error;
  }

  async function remove(key: string, ds: KubernetesObject, doomed: readonly KubernetesObject[]): Promise<void> {
    expectations.expectDeletions(
      key,
      doomed.map((pod) => String(pod.metadata.uid)),
    );
    for (const pod of doomed) {
      try {
        await ignoreMissing(client.delete(Resource.pods, keyOf(pod), { preconditions: { uid: String(pod.metadata.uid) } }));
        events.event(ds, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      } catch (error) {
        for (const left of doomed) expectations.deletionSeen(key, String(left.metadata.uid));
        throw error;
      }
    }
  }

  return controller;
}

function selects(ds: KubernetesObject, pod: KubernetesObject): boolean {
  return matchLabelSelector(ds['spec'].selector, pod.metadata.labels ?? {});
}
