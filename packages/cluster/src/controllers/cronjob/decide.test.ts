import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, startHarness } from '../test-harness.ts';
import { decideCronJob } from './decide.ts';
import { parseSchedule } from './schedule.ts';

const at = (text: string) => new Date(`2026-${text}:00Z`);

test('schedules', () => {
  const from = at('01-01T00:00');
  const cases: [schedule: string, zone: string | undefined, next: string][] = [
    ['*/15 * * * *', undefined, '01-01T00:15'],
    ['0 3 * * *', undefined, '01-01T03:00'],
    ['0 0 1 2 *', undefined, '02-01T00:00'],
    ['30 12 * * MON', undefined, '01-05T12:30'],
    ['0 0 13 * 5', undefined, '01-02T00:00'],
    ['@hourly', undefined, '01-01T01:00'],
    ['@weekly', undefined, '01-04T00:00'],
    ['0 12 * * *', 'America/New_York', '01-01T17:00'],
    ['0 0 ? * ?', undefined, '01-02T00:00'],
  ];
  for (const [schedule, zone, next] of cases) assert.deepEqual(parseSchedule(schedule, zone).next(from), at(next), schedule);
  for (const wrong of ['* * * *', '* * * * * *', '@reboot', '0 0 L * *', '0 0 * * 5L', '0 0 * * 5#2', '61 * * * *', '', 'x * * * *']) {
    assert.throws(() => parseSchedule(wrong), Error, wrong);
  }
  assert.throws(() => parseSchedule('* * * * *', 'Mars/Olympus').next(from));
  const hourly = parseSchedule('0 * * * *');
  assert.deepEqual(hourly.last(at('01-01T00:00'), at('03-05T07:30')), at('03-05T07:00'));
  assert.equal(hourly.last(at('01-01T00:10'), at('01-01T00:50')), undefined);
  assert.deepEqual(parseSchedule('0 0 1 1 *').last(new Date('2020-06-01T00:00:00Z'), at('06-01T00:00')), at('01-01T00:00'));
});

const cron = (spec: object, status: object = {}): KubernetesObject => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'c', namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { schedule: '0 * * * *', jobTemplate: { spec: {} }, ...spec },
  status,
});
const job = (name: string, type?: string, startTime = '2026-01-01T00:00:00Z'): KubernetesObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  status: { startTime, conditions: type === undefined ? [] : [{ type, status: 'True' }] },
});

test('what is started, skipped, replaced and removed', () => {
  const decide = (spec: object, status: object, jobs: KubernetesObject[], now: string) => {
    const found = decideCronJob(cron(spec, status), parseSchedule('0 * * * *'), jobs, at(now));
    return [
      found.start?.toISOString().slice(5, 16),
      found.skipped?.reason,
      found.replace.map((each) => each.metadata.name),
      found.remove.map((each) => each.metadata.name),
    ];
  };
  assert.deepEqual(decide({}, {}, [], '01-01T00:59'), [undefined, undefined, [], []]);
  assert.deepEqual(decide({}, {}, [], '01-01T05:30'), ['01-01T05:00', undefined, [], []], 'of five missed only the last');
  assert.deepEqual(
    decide({}, { lastScheduleTime: '2026-01-01T05:00:00Z' }, [], '01-01T05:30'),
    [undefined, undefined, [], []],
    'once only',
  );
  assert.deepEqual(decide({ suspend: true }, {}, [], '01-01T05:30'), [undefined, undefined, [], []]);
  assert.deepEqual(decide({ startingDeadlineSeconds: 60 }, {}, [], '01-01T05:30'), [undefined, 'MissSchedule', [], []]);
  assert.deepEqual(decide({ concurrencyPolicy: 'Forbid' }, {}, [job('a')], '01-01T05:00'), [undefined, 'JobAlreadyActive', [], []]);
  assert.deepEqual(decide({ concurrencyPolicy: 'Replace' }, {}, [job('a'), job('b', 'Complete')], '01-01T05:00'), [
    '01-01T05:00',
    undefined,
    ['a'],
    [],
  ]);
  const ended = ['1', '2', '3', '4', '5'].map((n) => job(`ok${n}`, 'Complete', `2026-01-01T0${n}:00:00Z`));
  const failed = ['1', '2'].map((n) => job(`no${n}`, 'Failed', `2026-01-01T0${n}:00:00Z`));
  assert.deepEqual(decide({}, {}, [...ended.reverse(), ...failed], '01-01T00:30')[3], ['ok1', 'ok2', 'no1']);
  assert.deepEqual(decide({ successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0 }, {}, [ended[0]!, failed[0]!], '01-01T00:30')[3], [
    'ok5',
    'no1',
  ]);
});

const jobNames = async (h: Harness) => (await h.list(Resource.jobs)).map((found) => found.metadata.name);

test('a job a run, noted in the status; a wrong schedule is told', async () => {
  await using h = await startHarness();
  const template = { metadata: { labels: { job: 'c' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c' }] } };
  const jobTemplate = {
    metadata: { labels: { kept: 'yes' } },
    spec: { completions: 1, selector: { matchLabels: { job: 'c' } }, template },
  };
  const { creationTimestamp: _, ...metadata } = cron({}).metadata;
  await h.client.create(Resource.cronJobs, { ...cron({ schedule: '*/2 * * * *', jobTemplate }), metadata, status: {} });
  await h.pass(100);
  assert.deepEqual(await jobNames(h), []);
  await h.pass(25);
  const minute = Date.parse('2026-01-01T00:02:00Z') / 60_000;
  assert.deepEqual(await jobNames(h), [`c-${minute}`]);
  const [made] = await h.list(Resource.jobs);
  assert.equal(made!.metadata.labels!['kept'], 'yes');
  assert.equal(made!.metadata.annotations!['batch.kubernetes.io/cronjob-scheduled-timestamp'], '2026-01-01T00:02:00Z');
  const { status } = await h.get(Resource.cronJobs, 'c');
  assert.deepEqual(
    [status.lastScheduleTime, status.active.map((reference: { name: string }) => reference.name)],
    ['2026-01-01T00:02:00Z', [`c-${minute}`]],
  );
  await h.client.patch(Resource.cronJobs, { namespace: 'default', name: 'c' }, PatchType.merge, { spec: { schedule: 'now and then' } });
  await h.pass(1);
  assert.ok((await h.events()).some((line) => line.startsWith('UnparseableSchedule: unparseable schedule: now and then')));
});
