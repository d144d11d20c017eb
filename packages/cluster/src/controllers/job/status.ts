import type { KubernetesObject } from '@palisade/kubernetes';
import { apiTime, type Condition, isPodActive, isPodReady } from '../runtime/pods.ts';
import { type Counts, isIndexed, type JobVerdict } from './decide.ts';
import { renderIndexes } from './indexes.ts';

/**
 * The status after this pass. A verdict is announced at once (SuccessCriteriaMet, FailureTarget); the job is Complete or Failed when
 * its last pod ended and was counted.
 */
export function jobStatus(
  job: KubernetesObject,
  counts: Counts,
  verdict: JobVerdict | undefined,
  pods: readonly KubernetesObject[],
  now: Date,
): KubernetesObject['status'] {
  const before = job['status'] ?? {};
  const active = pods.filter(isPodActive);
  const terminating = pods.filter(
    (pod) => pod.metadata.deletionTimestamp !== undefined && !['Succeeded', 'Failed'].includes(pod['status']?.phase),
  ).length;
  const { uncounted } = counts;
  const isSettled = active.length === 0 && terminating === 0 && uncounted.failed.length + uncounted.succeeded.length === 0;
  let conditions: Condition[] = before.conditions ?? [];
  const isSuspended = job['spec'].suspend === true && verdict === undefined;
  const suspended = conditions.find((found) => found.type === 'Suspended');
  if (isSuspended)
    conditions = set(conditions, now, { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' });
  else if (suspended?.status === 'True')
    conditions = set(conditions, now, { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' });
  if (verdict !== undefined) {
    const { type, reason, message } = verdict;
    conditions = set(conditions, now, {
      type: type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget',
      status: 'True',
      reason,
      message,
    });
    if (isSettled) conditions = set(conditions, now, { type, status: 'True', reason, message });
  }
  const isResumed = suspended?.status === 'True' && !isSuspended;
  const startTime = isSuspended ? undefined : isResumed ? apiTime(now) : (before.startTime ?? apiTime(now));
  const isComplete = verdict?.type === 'Complete' && isSettled;
  return {
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(startTime === undefined ? {} : { startTime }),
    ...(isComplete ? { completionTime: before.completionTime ?? apiTime(now) } : {}),
    ...(active.length === 0 ? {} : { active: active.length }),
    ...(counts.succeeded === 0 ? {} : { succeeded: counts.succeeded }),
    ...(counts.failed === 0 ? {} : { failed: counts.failed }),
    ...(isIndexed(job) && counts.indexes.length > 0 ? { completedIndexes: renderIndexes(counts.indexes) } : {}),
    terminating,
    ready: active.filter(isPodReady).length,
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length === 0 ? {} : { succeeded: uncounted.succeeded }),
      ...(uncounted.failed.length === 0 ? {} : { failed: uncounted.failed }),
    },
  };
}

function set(conditions: readonly Condition[], now: Date, next: Condition & { reason: string; message: string }): Condition[] {
  const before = conditions.find((found) => found.type === next.type);
  if (before?.status === next.status) return [...conditions];
  const at = apiTime(now);
  const made = { ...next, lastProbeTime: at, lastTransitionTime: at };
  return before === undefined ? [...conditions, made] : conditions.map((found) => (found === before ? made : found));
}
