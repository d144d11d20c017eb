import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, startHarness } from '../test-harness.ts';
import { completedIndexes, renderIndexes } from './indexes.ts';

const key = { namespace: 'default', name: 'job' };

const job = (spec: object) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'job', namespace: 'default' },
  spec: {
    parallelism: 1,
    backoffLimit: 6,
    selector: { matchLabels: { job: 'job' } },
    template: { metadata: { labels: { job: 'job' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
});

/** Ends up to `count` running pods in `phase`; returns how many there were. */
async function end(h: Harness, phase: 'Succeeded' | 'Failed', count = 99): Promise<number> {
  await h.runPods();
  const running = (await h.list(Resource.pods)).filter((pod) => pod['status'].phase === 'Running').slice(0, count);
  for (const pod of running) {
    const finishedAt = h.clock.now().toISOString();
    const status = {
      ...pod['status'],
      phase,
      containerStatuses: [{ state: { terminated: { finishedAt, exitCode: phase === 'Failed' ? 1 : 0 } } }],
    };
    await h.client.update(Resource.pods, { ...pod, status }, { subresource: 'status' });
  }
  await h.settle();
  return running.length;
}

const conditions = (object: KubernetesObject) =>
  (object['status'].conditions ?? []).map(
    (entry: { type: string; status: string; reason: string }) => `${entry.type}=${entry.status} ${entry.reason}`,
  );

test('completions are reached with at most `parallelism` pods at a time; each pod counts once', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.jobs, job({ completions: 5, parallelism: 2 }));
  const rounds: number[] = [];
  for (let i = 0; i < 5; i++) rounds.push(await end(h, 'Succeeded'));
  assert.deepEqual(rounds, [2, 2, 1, 0, 0]);
  const done = await h.get(Resource.jobs, 'job');
  assert.deepEqual(conditions(done), ['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached']);
  assert.equal(done['status'].succeeded, 5);
  assert.deepEqual([done['status'].uncountedTerminatedPods, done['status'].ready, done['status'].terminating], [{}, 0, 0]);
  assert.ok(done['status'].completionTime);
  assert.ok((await h.list(Resource.pods)).every((pod) => (pod.metadata.finalizers ?? []).length === 0));
  assert.equal((await h.events()).filter((line) => line === 'Completed: Job completed').length, 1);
});

test('failures are retried with growing waits until the limit', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.jobs, job({ completions: 1, backoffLimit: 2 }));
  assert.equal(await end(h, 'Failed'), 1);
  await h.pass(8);
  assert.equal(await end(h, 'Failed'), 0, 'not before 10 s');
  await h.pass(3);
  assert.equal(await end(h, 'Failed'), 1);
  await h.pass(15);
  assert.equal(await end(h, 'Failed'), 0, 'not before 20 s');
  await h.pass(6);
  assert.equal(await end(h, 'Failed'), 1);
  const failed = await h.get(Resource.jobs, 'job');
  assert.equal(failed['status'].failed, 3);
  assert.deepEqual(conditions(failed), ['FailureTarget=True BackoffLimitExceeded', 'Failed=True BackoffLimitExceeded']);
  assert.ok((await h.events()).includes('BackoffLimitExceeded: Job has reached the specified backoff limit'));
});

test('activeDeadlineSeconds ends it, pods included', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.jobs, job({ completions: 1, activeDeadlineSeconds: 10 }));
  await h.runPods();
  await h.pass(12);
  await h.runPods();
  await h.settle();
  assert.deepEqual(conditions(await h.get(Resource.jobs, 'job')), ['FailureTarget=True DeadlineExceeded', 'Failed=True DeadlineExceeded']);
  assert.deepEqual(await h.list(Resource.pods), []);
});

test('suspended: no pods; resumed: pods again and a new start', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.jobs, job({ completions: 1, suspend: true }));
  await h.settle();
  assert.deepEqual(await h.list(Resource.pods), []);
  const before = await h.get(Resource.jobs, 'job');
  assert.deepEqual([conditions(before), before['status'].startTime], [['Suspended=True JobSuspended'], undefined]);
  await h.client.patch(Resource.jobs, key, PatchType.merge, { spec: { suspend: false } });
  assert.equal(await end(h, 'Succeeded'), 1);
  const after = await h.get(Resource.jobs, 'job');
  assert.deepEqual(conditions(after), [
    'Suspended=False JobResumed',
    'SuccessCriteriaMet=True CompletionsReached',
    'Complete=True CompletionsReached',
  ]);
});

test('ttlSecondsAfterFinished removes the job and its pods', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.jobs, job({ completions: 1, ttlSecondsAfterFinished: 5 }));
  await end(h, 'Succeeded');
  await h.pass(4);
  assert.equal((await h.list(Resource.jobs)).length, 1);
  await h.pass(3);
  assert.deepEqual([await h.list(Resource.jobs), await h.list(Resource.pods)], [[], []]);
});

test('without completions the first success is the end, once the others ended', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.jobs, job({ parallelism: 3 }));
  assert.equal(await end(h, 'Succeeded', 1), 1);
  assert.deepEqual(conditions(await h.get(Resource.jobs, 'job')), []);
  assert.equal(await end(h, 'Succeeded'), 2, 'none was added');
  assert.equal((await h.get(Resource.jobs, 'job'))['status'].succeeded, 3);
});

test('indexed: one success for each index, failed ones made again', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.jobs, job({ completions: 4, parallelism: 4, completionMode: 'Indexed' }));
  await end(h, 'Failed', 1);
  await end(h, 'Succeeded');
  assert.equal((await h.get(Resource.jobs, 'job'))['status'].completedIndexes, '1-3');
  await h.pass(11);
  await end(h, 'Succeeded');
  const done = await h.get(Resource.jobs, 'job');
  assert.deepEqual([done['status'].completedIndexes, done['status'].succeeded, done['status'].failed], ['0-3', 4, 1]);
  const pod = (await h.list(Resource.pods)).find(
    (found) => found.metadata.annotations!['batch.kubernetes.io/job-completion-index'] === '2',
  )!;
  assert.equal(pod['spec'].hostname, 'job-2');
  assert.match(pod.metadata.name!, /^job-2-/);
});

test('index lists are read and written alike', () => {
  for (const text of ['', '1', '1,2', '0-2', '1,3-5,7']) assert.equal(renderIndexes(completedIndexes(text)), text);
});
