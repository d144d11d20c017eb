import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject, matchLabelSelector, PatchType } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { isNamespaceEnding } from '../runtime/errors.ts';
import { createExpectations } from '../runtime/expectations.ts';
import { applyClaims, controllerOf, controllerUid, decideClaims, keyOf } from '../runtime/ownership.ts';
import { isPodActive, podFromTemplate } from '../runtime/pods.ts';
import { Resource } from '../runtime/resources.ts';
import { slowStart } from '../runtime/slow-start.ts';
import {
  countPods,
  deadlineMs,
  decidePods,
  finishedCondition,
  isIndexed,
  isTracked,
  type JobVerdict,
  judgeJob,
  TRACKING_FINALIZER,
} from './decide.ts';
import { COMPLETION_INDEX } from './indexes.ts';
import { jobStatus } from './status.ts';

/** Runs Jobs to their end, counts their pods, and removes them when their time to live is over. */
export function createJobController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const jobs = ctx.informer(Resource.jobs);
  const pods = ctx.informer(Resource.pods);
  const events = ctx.recorder('job-controller');
  const expectations = createExpectations(clock);
  const controller = createController(ctx, 'job', sync, { concurrency: 4 });
  const { queue } = controller;

  pods.addIndex('controllerUid', controllerUid);
  jobs.onChange((type, job, old) => {
    if (type === 'DELETED' || (old !== undefined && old.metadata.uid !== job.metadata.uid)) expectations.forget(objectKey(job));
    queue.add(objectKey(job));
  });
  pods.onChange((type, pod) => {
    const owner = controllerOf(pod);
    if (owner?.kind === 'Job') {
      const key = `${pod.metadata.namespace}/${owner.name}`;
      if (type === 'ADDED') expectations.creationSeen(key);
      if (type === 'DELETED' || pod.metadata.deletionTimestamp !== undefined) expectations.deletionSeen(key, String(pod.metadata.uid));
      queue.add(key);
    } else if (owner === undefined && type !== 'DELETED') {
      for (const job of jobs.list(pod.metadata.namespace)) if (selects(job, pod)) queue.add(objectKey(job));
    }
  });

  async function sync(key: string): Promise<number | undefined> {
    const job = jobs.get(key);
    if (job === undefined || (job['spec'].managedBy !== undefined && job['spec'].managedBy !== 'kubernetes.io/job-controller'))
      return undefined;
    const finished = finishedCondition(job);
    if (finished !== undefined) {
      await releasePods(pods.byIndex('controllerUid', String(job.metadata.uid)));
      return expire(job, Date.parse(finished.lastTransitionTime ?? ''));
    }
    const isSatisfied = expectations.isSatisfied(key);
    const candidates = pods.list(job.metadata.namespace).filter((pod) => {
      const owner = controllerOf(pod);
      return owner === undefined ? selects(job, pod) : owner.uid === job.metadata.uid;
    });
    const claims = decideClaims(job, (pod) => selects(job, pod), candidates);
    const owned = await applyClaims(client, Resource.pods, Resource.jobs, job, claims);
    const now = clock.now();
    const counts = countPods(job, owned);
    const verdict = judgeJob(job, counts, owned, now);
    const changes = verdict === undefined ? decidePods(job, counts, owned, now) : { create: [], remove: owned.filter(isPodActive) };
    const status = jobStatus(job, counts, verdict, owned, now);
    if (!isDeepStrictEqual(job['status'] ?? {}, status)) {
      const written = await client.update(Resource.jobs, { ...job, status }, { subresource: 'status' });
      tell(job, written, verdict);
    }
    // The uids are written down now: the pods need not wait any longer.
    const noted = new Set([...counts.uncounted.succeeded, ...counts.uncounted.failed]);
    await releasePods(owned.filter((pod) => noted.has(String(pod.metadata.uid))));
    if (isSatisfied && job.metadata.deletionTimestamp === undefined) {
      await removePods(key, job, changes.remove);
      await createPods(key, job, changes.create);
    }
    const due = deadlineMs({ ...job, status });
    return 'waitMs' in changes ? changes.waitMs : due === undefined ? undefined : Math.max(0, due - now.getTime()) + 1;
  }

  function tell(before: KubernetesObject, after: KubernetesObject, verdict: JobVerdict | undefined): void {
    const has = (job: KubernetesObject, type: string) =>
      (job['status']?.conditions ?? []).find((found: { type: string }) => found.type === type)?.status;
    if (has(after, 'Complete') === 'True') events.event(after, 'Normal', 'Completed', 'Job completed');
    if (has(after, 'Failed') === 'True' && verdict !== undefined) events.event(after, 'Warning', verdict.reason, verdict.message);
    if (has(after, 'Suspended') === has(before, 'Suspended')) return;
    events.event(
      after,
      'Normal',
      has(after, 'Suspended') === 'True' ? 'Suspended' : 'Resumed',
      has(after, 'Suspended') === 'True' ? 'Job suspended' : 'Job resumed',
    );
  }

  async function expire(job: KubernetesObject, finishedMs: number): Promise<number | undefined> {
    const ttl: number | undefined = job['spec'].ttlSecondsAfterFinished;
    if (ttl === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
    const leftMs = finishedMs + ttl * 1000 - clock.now().getTime();
    if (leftMs > 0) return leftMs;
    await client.delete(Resource.jobs, keyOf(job), { propagationPolicy: 'Foreground', preconditions: { uid: String(job.metadata.uid) } });
    return undefined;
  }

  async function createPods(key: string, job: KubernetesObject, indexes: readonly number[]): Promise<void> {
    if (indexes.length === 0) return;
    expectations.expectCreations(key, indexes.length);
    const { succeeded, error } = await slowStart(indexes.length, async (i) => {
      const pod = await client.create(Resource.pods, renderPod(job, indexes[i]!));
      events.event(job, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
    });
    for (let lost = indexes.length - succeeded; lost > 0; lost--) expectations.creationSeen(key);
    if (error === undefined) return;
    if (isNamespaceEnding(error)) return;
    events.event(job, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    throw error;
  }

  async function removePods(key: string, job: KubernetesObject, doomed: readonly KubernetesObject[]): Promise<void> {
    expectations.expectDeletions(
      key,
      doomed.map((pod) => String(pod.metadata.uid)),
    );
    for (const pod of doomed) {
      try {
        await client.delete(Resource.pods, keyOf(pod), { preconditions: { uid: String(pod.metadata.uid) } });
        events.event(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      } catch (error) {
        expectations.deletionSeen(key, String(pod.metadata.uid));
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
  }

  async function releasePods(counted: readonly KubernetesObject[]): Promise<void> {
    for (const pod of counted.filter(isTracked)) {
      const finalizers = pod.metadata.finalizers!.filter((finalizer) => finalizer !== TRACKING_FINALIZER);
      const { uid, resourceVersion } = pod.metadata;
      try {
        await client.patch(Resource.pods, keyOf(pod), PatchType.merge, { metadata: { uid, resourceVersion, finalizers } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    }
  }

  return controller;
}

function renderPod(job: KubernetesObject, index: number): KubernetesObject {
  const pod = podFromTemplate(job, job['spec'].template);
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), TRACKING_FINALIZER];
  if (!isIndexed(job)) return pod;
  const text = String(index);
  pod.metadata.generateName = `${job.metadata.name}-${text}-`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [COMPLETION_INDEX]: text };
  pod.metadata.labels = { ...pod.metadata.labels, [COMPLETION_INDEX]: text };
  const { spec } = pod;
  spec.hostname ??= `${job.metadata.name}-${text}`;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.env?.some((entry: { name: string }) => entry.name === 'JOB_COMPLETION_INDEX')) continue;
    const fieldRef = { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` };
    container.env = [...(container.env ?? []), { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef } }];
  }
  return pod;
}

function selects(job: KubernetesObject, pod: KubernetesObject): boolean {
  return matchLabelSelector(job['spec'].selector, pod.metadata.labels ?? {});
}
