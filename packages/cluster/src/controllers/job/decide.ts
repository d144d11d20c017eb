import type { KubernetesObject } from '@palisade/kubernetes';
import { type Condition, condition, isPodActive, isPodFinished, isPodReady } from '../runtime/pods.ts';
import { completedIndexes, indexOf } from './indexes.ts';

/** Keeps a finished pod until it was counted (KEP 2307). */
export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';

/** First and longest wait before a failed pod is replaced (Job documentation, "Pod backoff failure policy"). */
const BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 600_000;

interface Uncounted {
  succeeded: string[];
  failed: string[];
}

export interface Counts {
  succeeded: number;
  failed: number;
  uncounted: Uncounted;
  /** Indexed completion mode. */
  indexes: number[];
}

/**
 * Each finished pod counts once: first its uid is written down, then its finalizer goes, then the uid becomes a number. A restart
 * at any point continues where it stood.
 */
export function countPods(job: KubernetesObject, pods: readonly KubernetesObject[]): Counts {
  const status = job['status'] ?? {};
  const byUid = new Map(pods.map((pod) => [String(pod.metadata.uid), pod]));
  const counts: Counts = {
    succeeded: status.succeeded ?? 0,
    failed: status.failed ?? 0,
    uncounted: { succeeded: [], failed: [] },
    indexes: completedIndexes(status.completedIndexes),
  };
  for (const outcome of ['succeeded', 'failed'] as const) {
    for (const uid of (status.uncountedTerminatedPods?.[outcome] ?? []) as string[]) {
      const pod = byUid.get(uid);
      if (pod !== undefined && isTracked(pod)) counts.uncounted[outcome].push(uid);
      else if (outcome === 'failed' || !isIndexed(job)) counts[outcome] += 1;
    }
  }
  for (const pod of pods) {
    const uid = String(pod.metadata.uid);
    const outcome = outcomeOf(pod);
    if (outcome === undefined || !isTracked(pod)) continue;
    if (outcome === 'succeeded' && isIndexed(job)) {
      const index = indexOf(pod);
      if (index !== undefined && !counts.indexes.includes(index)) counts.indexes.push(index);
    }
    if (!counts.uncounted.succeeded.includes(uid) && !counts.uncounted.failed.includes(uid)) counts.uncounted[outcome].push(uid);
  }
  if (isIndexed(job)) {
    const completions: number = job['spec'].completions ?? 0;
    counts.indexes = counts.indexes.filter((index) => index < completions).sort((a, b) => a - b);
    counts.succeeded = counts.indexes.length;
  }
  return counts;
}

/** A pod told to go counts as failed, unless it had already succeeded. */
function outcomeOf(pod: KubernetesObject): keyof Uncounted | undefined {
  if (pod['status']?.phase === 'Succeeded') return 'succeeded';
  return pod['status']?.phase === 'Failed' || pod.metadata.deletionTimestamp !== undefined ? 'failed' : undefined;
}

export function isTracked(pod: KubernetesObject): boolean {
  return pod.metadata.finalizers?.includes(TRACKING_FINALIZER) ?? false;
}

export function isIndexed(job: KubernetesObject): boolean {
  return job['spec'].completionMode === 'Indexed';
}

export type JobVerdict = { type: 'Complete' | 'Failed'; reason: string; message: string };

/** Whether the job is over, and how; a verdict once noted (SuccessCriteriaMet, FailureTarget) stays. */
export function judgeJob(job: KubernetesObject, counts: Counts, pods: readonly KubernetesObject[], now: Date): JobVerdict | undefined {
  const noted = condition(job, 'FailureTarget') ?? condition(job, 'SuccessCriteriaMet');
  if (noted?.status === 'True')
    return { type: noted.type === 'FailureTarget' ? 'Failed' : 'Complete', reason: noted.reason ?? '', message: noted.message ?? '' };
  const { spec } = job;
  const failed = counts.failed + counts.uncounted.failed.length;
  const limit: number = spec.backoffLimit ?? 6;
  if (failed > limit || restartsExceed(job, pods, limit)) {
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  }
  const due = deadlineMs(job);
  if (due !== undefined && now.getTime() >= due)
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  const succeeded = succeededOf(job, counts);
  const active = pods.filter(isPodActive).length;
  const isDone = spec.completions === undefined ? succeeded > 0 && active === 0 : succeeded >= spec.completions;
  return isDone ? { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
}

function succeededOf(job: KubernetesObject, counts: Counts): number {
  return isIndexed(job) ? counts.indexes.length : counts.succeeded + counts.uncounted.succeeded.length;
}

/** With restartPolicy OnFailure the kubelet retries; its restarts count against the limit. */
function restartsExceed(job: KubernetesObject, pods: readonly KubernetesObject[], limit: number): boolean {
  if (job['spec'].template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const pod of pods) {
    if (!['Running', 'Pending'].includes(pod['status']?.phase)) continue;
    for (const status of [...(pod['status'].initContainerStatuses ?? []), ...(pod['status'].containerStatuses ?? [])])
      restarts += status.restartCount ?? 0;
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** When `activeDeadlineSeconds` ends; undefined without one, before the start, and while suspended. */
export function deadlineMs(job: KubernetesObject): number | undefined {
  const seconds: number | undefined = job['spec'].activeDeadlineSeconds;
  const start = job['status']?.startTime;
  return seconds === undefined || start === undefined || job['spec'].suspend ? undefined : Date.parse(start) + seconds * 1000;
}

export interface PodChanges {
  /** Indexes of the pods to make; -1 each when the job is not indexed. */
  create: number[];
  remove: KubernetesObject[];
  /** New pods must wait this long because of earlier failures. */
  waitMs?: number;
}

/** Pods to make or delete while the job goes on. */
export function decidePods(job: KubernetesObject, counts: Counts, pods: readonly KubernetesObject[], now: Date): PodChanges {
  const active = pods.filter(isPodActive);
  const { parallelism = 1, completions, suspend } = job['spec'];
  if (suspend) return { create: [], remove: active };
  const succeeded = succeededOf(job, counts);
  const wanted =
    completions === undefined ? (succeeded > 0 ? active.length : parallelism) : Math.min(parallelism, Math.max(0, completions - succeeded));
  if (active.length > wanted) {
    // Those that have done the least go first.
    const order = [...active].sort(
      (a, b) =>
        Number(isPodReady(a)) - Number(isPodReady(b)) ||
        (String(a.metadata.creationTimestamp) > String(b.metadata.creationTimestamp) ? -1 : 1),
    );
    return { create: [], remove: order.slice(0, active.length - wanted) };
  }
  const missing = wanted - active.length;
  if (missing === 0) return { create: [], remove: [] };
  const waitMs = backoffMs(pods, now);
  if (waitMs > 0) return { create: [], remove: [], waitMs };
  if (!isIndexed(job)) return { create: Array.from({ length: missing }, () => -1), remove: [] };
  const taken = new Set([...counts.indexes, ...active.map(indexOf)]);
  const free: number[] = [];
  for (let index = 0; index < (completions ?? 0) && free.length < missing; index++) if (!taken.has(index)) free.push(index);
  return { create: free, remove: [] };
}

/** Doubles with each failure since the last success. */
function backoffMs(pods: readonly KubernetesObject[], now: Date): number {
  const finished = pods.filter(isPodFinished).map((pod) => ({ isFailure: pod['status'].phase === 'Failed', atMs: finishMs(pod) }));
  const lastSuccess = Math.max(Number.NEGATIVE_INFINITY, ...finished.filter((pod) => !pod.isFailure).map((pod) => pod.atMs));
  const failures = finished.filter((pod) => pod.isFailure && pod.atMs > lastSuccess);
  if (failures.length === 0) return 0;
  const delay = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (failures.length - 1));
  return Math.max(...failures.map((pod) => pod.atMs)) + delay - now.getTime();
}

function finishMs(pod: KubernetesObject): number {
  const ends: number[] = (pod['status'].containerStatuses ?? [])
    .map((status: { state?: { terminated?: { finishedAt?: string } } }) => Date.parse(status.state?.terminated?.finishedAt ?? ''))
    .filter(Number.isFinite);
  if (ends.length > 0) return Math.max(...ends);
  const ready = condition(pod, 'Ready')?.lastTransitionTime ?? pod.metadata.creationTimestamp;
  return Date.parse(ready ?? '') || 0;
}

export function isJobFinished(job: KubernetesObject): boolean {
  return finishedCondition(job) !== undefined;
}

export function finishedCondition(job: KubernetesObject): Condition | undefined {
  return [condition(job, 'Complete'), condition(job, 'Failed')].find((found) => found?.status === 'True');
}
