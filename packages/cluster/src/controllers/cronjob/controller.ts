import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject } from '@palisade/kubernetes';
import { objectKey } from '@palisade/kubernetes/client';
import { finishedCondition } from '../job/decide.ts';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing } from '../runtime/errors.ts';
import { controllerOf, controllerUid, keyOf } from '../runtime/ownership.ts';
import { Resource } from '../runtime/resources.ts';
import { cronJobStatus, decideCronJob, jobOf } from './decide.ts';
import { parseSchedule, type Schedule } from './schedule.ts';

/** Started a little late, a run is never taken for the one before. */
const SLACK_MS = 100;

/** Starts a Job for each run of a CronJob and keeps its history short. */
export function createCronJobController(ctx: ControllerContext): Controller {
  const { client, clock } = ctx;
  const crons = ctx.informer(Resource.cronJobs);
  const jobs = ctx.informer(Resource.jobs);
  const events = ctx.recorder('cronjob-controller');
  const controller = createController(ctx, 'cronjob', sync);
  const { queue } = controller;

  jobs.addIndex('controllerUid', controllerUid);
  crons.onChange((_type, cron) => queue.add(objectKey(cron)));
  jobs.onChange((type, job, old) => {
    const owner = controllerOf(job);
    if (owner?.kind !== 'CronJob') return;
    const key = `${job.metadata.namespace}/${owner.name}`;
    queue.add(key);
    const cron = crons.get(key);
    const ended = finishedCondition(job);
    if (type === 'MODIFIED' && cron !== undefined && ended !== undefined && old !== undefined && finishedCondition(old) === undefined) {
      events.event(cron, 'Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${ended.type}`);
    }
  });

  async function sync(key: string): Promise<number | undefined> {
    const cron = crons.get(key);
    if (cron === undefined) return undefined;
    const owned = jobs.byIndex('controllerUid', String(cron.metadata.uid));
    const schedule = readSchedule(cron);
    if (schedule === undefined) return undefined;
    const decision = decideCronJob(cron, schedule, owned, clock.now());
    for (const job of decision.remove) await remove(cron, job);
    if (decision.skipped !== undefined)
      events.event(
        cron,
        decision.skipped.reason === 'MissSchedule' ? 'Warning' : 'Normal',
        decision.skipped.reason,
        decision.skipped.message,
      );
    for (const job of decision.replace) await remove(cron, job);
    const started = decision.start === undefined ? undefined : await start(cron, decision.start);
    const gone = new Set([...decision.remove, ...decision.replace]);
    const status = cronJobStatus(
      cron,
      owned.filter((job) => !gone.has(job)),
      decision.start,
      started,
    );
    if (!isDeepStrictEqual(cron['status'] ?? {}, status))
      await client.update(Resource.cronJobs, { ...cron, status }, { subresource: 'status' });
    return decision.nextMs === undefined ? undefined : decision.nextMs + SLACK_MS;
  }

  function readSchedule(cron: KubernetesObject): Schedule | undefined {
    const { schedule, timeZone } = cron['spec'];
    try {
      return parseSchedule(schedule, timeZone);
    } catch (error) {
      events.event(
        cron,
        'Warning',
        timeZone === undefined ? 'UnparseableSchedule' : 'UnknownTimeZone',
        `unparseable schedule: ${schedule} : ${(error as Error).message}`,
      );
      return undefined;
    }
  }

  async function start(cron: KubernetesObject, run: Date): Promise<KubernetesObject> {
    const wanted = jobOf(cron, run);
    try {
      const job = await client.create(Resource.jobs, wanted);
      events.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
      return job;
    } catch (error) {
      // Started by a pass whose status was not written.
      if (isStatusError(error, 'AlreadyExists')) return client.get(Resource.jobs, keyOf(wanted));
      events.event(cron, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }

  async function remove(cron: KubernetesObject, job: KubernetesObject): Promise<void> {
    await ignoreMissing(client.delete(Resource.jobs, keyOf(job), { propagationPolicy: 'Background' }));
    events.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
  }

  return controller;
}
