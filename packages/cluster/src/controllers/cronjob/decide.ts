import type { KubernetesObject } from '@palisade/kubernetes';
import { finishedCondition, isJobFinished } from '../job/decide.ts';
import { controllerReference } from '../runtime/ownership.ts';
import { apiTime } from '../runtime/pods.ts';
import type { Schedule } from './schedule.ts';

const SCHEDULED_TIMESTAMP = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

export interface CronDecision {
  /** The run to start now. */
  start?: Date;
  /** Why a run that was due is not started. */
  skipped?: { reason: 'MissSchedule' | 'JobAlreadyActive'; message: string };
  /** Running jobs that the new one replaces. */
  replace: KubernetesObject[];
  /** Finished jobs beyond the history limits. */
  remove: KubernetesObject[];
  nextMs?: number;
}

/** What a CronJob does now. Of several missed runs only the last is made up for, and only within `startingDeadlineSeconds`. */
export function decideCronJob(cron: KubernetesObject, schedule: Schedule, jobs: readonly KubernetesObject[], now: Date): CronDecision {
  const { spec } = cron;
  const decision: CronDecision = { replace: [], remove: expiredJobs(cron, jobs) };
  if (spec.suspend || cron.metadata.deletionTimestamp !== undefined) return decision;
  const next = schedule.next(now);
  if (next !== undefined) decision.nextMs = next.getTime() - now.getTime();
  const since = Date.parse(cron['status']?.lastScheduleTime ?? cron.metadata.creationTimestamp ?? '');
  const run = schedule.last(new Date(since), now);
  if (run === undefined) return decision;
  const deadline: number | undefined = spec.startingDeadlineSeconds;
  if (deadline !== undefined && run.getTime() + deadline * 1000 < now.getTime()) {
    decision.skipped = { reason: 'MissSchedule', message: `Missed scheduled time to start a job: ${run.toUTCString()}` };
    return decision;
  }
  const active = jobs.filter((job) => !isJobFinished(job));
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    decision.skipped = {
      reason: 'JobAlreadyActive',
      message: 'Not starting job because prior execution is running and concurrency policy is Forbid',
    };
    return decision;
  }
  if (spec.concurrencyPolicy === 'Replace') decision.replace = active;
  decision.start = run;
  return decision;
}

function expiredJobs(cron: KubernetesObject, jobs: readonly KubernetesObject[]): KubernetesObject[] {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cron['spec'];
  const oldest = (type: string, limit: number) => {
    const ended = jobs.filter((job) => finishedCondition(job)?.type === type).sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1));
    return ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...oldest('Complete', successfulJobsHistoryLimit), ...oldest('Failed', failedJobsHistoryLimit)];
}

const startOf = (job: KubernetesObject): string => job['status']?.startTime ?? job.metadata.creationTimestamp ?? '';

/** The job of one run. Its name comes from the run's time, so that one run is never started twice. */
export function jobOf(cron: KubernetesObject, run: Date): KubernetesObject {
  const { metadata = {}, spec } = cron['spec'].jobTemplate;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${cron.metadata.name}-${Math.floor(run.getTime() / 60_000)}`,
      namespace: String(cron.metadata.namespace),
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      annotations: { ...metadata.annotations, [SCHEDULED_TIMESTAMP]: apiTime(run) },
      ownerReferences: [controllerReference(cron)],
    },
    spec: structuredClone(spec),
  };
}

/** @param started the job just made, not yet among `jobs` */
export function cronJobStatus(
  cron: KubernetesObject,
  jobs: readonly KubernetesObject[],
  run: Date | undefined,
  started: KubernetesObject | undefined,
): KubernetesObject['status'] {
  const before = cron['status'] ?? {};
  const running = [...jobs.filter((job) => !isJobFinished(job)), ...(started === undefined ? [] : [started])];
  const active = [...new Map(running.map((job) => [job.metadata.uid, job])).values()].map((job) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    name: job.metadata.name,
    namespace: job.metadata.namespace,
    resourceVersion:
      before.active?.find((reference: { uid: string }) => reference.uid === job.metadata.uid)?.resourceVersion ??
      job.metadata.resourceVersion,
    uid: job.metadata.uid,
  }));
  const successes: string[] = jobs
    .map((job) => (finishedCondition(job)?.type === 'Complete' ? job['status'].completionTime : undefined))
    .filter((at) => at !== undefined);
  const lastSuccessfulTime = [...successes, before.lastSuccessfulTime]
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);
  return {
    ...(active.length === 0 ? {} : { active }),
    ...(run === undefined
      ? before.lastScheduleTime === undefined
        ? {}
        : { lastScheduleTime: before.lastScheduleTime }
      : { lastScheduleTime: apiTime(run) }),
    ...(lastSuccessfulTime === undefined ? {} : { lastSuccessfulTime }),
  };
}
