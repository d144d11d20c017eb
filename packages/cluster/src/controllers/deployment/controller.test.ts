import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, makeDeployment, startHarness } from '../test-harness.ts';

const key = { namespace: 'default', name: 'web' };

async function rollOut(h: Harness, rounds = 12): Promise<void> {
  for (let i = 0; i < rounds; i++) await h.runPods();
}

async function setImage(h: Harness, image: string): Promise<void> {
  await h.client.patch(Resource.deployments, key, PatchType.merge, {
    spec: { template: { spec: { containers: [{ name: 'web', image }] } } },
  });
}

const conditionsOf = (object: KubernetesObject) =>
  Object.fromEntries(
    object['status'].conditions.map((entry: { type: string; status: string; reason: string; message: string }) => [
      entry.type,
      `${entry.status} ${entry.reason}: ${entry.message}`,
    ]),
  );

test('a new Deployment makes one ReplicaSet, its pods, and reports them', async () => {
  await using h = await startHarness({ nodes: ['a', 'b'] });
  await h.client.create(Resource.deployments, makeDeployment('web', 3));
  await rollOut(h, 2);
  const [rs, ...others] = await h.list(Resource.replicaSets);
  assert.equal(others.length, 0);
  const hash = rs!.metadata.labels!['pod-template-hash']!;
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{6,10}$/);
  assert.equal(rs!.metadata.name, `web-${hash}`);
  assert.deepEqual(rs!.metadata.annotations, {
    'deployment.kubernetes.io/revision': '1',
    'deployment.kubernetes.io/desired-replicas': '3',
    'deployment.kubernetes.io/max-replicas': '4',
  });
  const pods = await h.list(Resource.pods);
  assert.equal(pods.length, 3);
  assert.ok(pods.every((pod) => pod.metadata.name!.startsWith(`web-${hash}-`) && pod.metadata.labels!['pod-template-hash'] === hash));
  const deployment = await h.get(Resource.deployments, 'web');
  assert.equal(deployment.metadata.annotations!['deployment.kubernetes.io/revision'], '1');
  const { conditions: _, ...counts } = deployment['status'];
  assert.deepEqual(counts, { observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 });
  assert.deepEqual(conditionsOf(deployment), {
    Available: 'True MinimumReplicasAvailable: Deployment has minimum availability.',
    Progressing: `True NewReplicaSetAvailable: ReplicaSet "web-${hash}" has successfully progressed.`,
  });
  assert.ok((await h.events()).includes(`ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 3`));
  assert.deepEqual(
    h.log.filter((line) => !line.startsWith('debug')),
    [],
  );
});

test('a rolling update never has more than replicas + surge nor fewer available than replicas - unavailable', async () => {
  await using h = await startHarness({ nodes: ['a', 'b'] });
  await h.client.create(
    Resource.deployments,
    makeDeployment('web', 4, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }),
  );
  await rollOut(h, 2);
  await setImage(h, 'web:2');
  for (let i = 0; i < 12; i++) {
    await h.settle();
    const pods = (await h.list(Resource.pods)).filter((pod) => pod.metadata.deletionTimestamp === undefined);
    const ready = pods.filter((pod) => pod['status'].phase === 'Running').length;
    assert.ok(pods.length <= 5, `${pods.length} pods, at most 5 allowed`);
    assert.ok(ready >= 3, `${ready} ready, at least 3 wanted`);
    await h.runPods();
  }
  const sets = await h.list(Resource.replicaSets);
  assert.deepEqual(sets.map((rs) => rs['spec'].replicas).sort(), [0, 4]);
  assert.ok((await h.list(Resource.pods)).every((pod) => pod['spec'].containers[0].image === 'web:2'));
  assert.equal((await h.get(Resource.deployments, 'web')).metadata.annotations!['deployment.kubernetes.io/revision'], '2');
});

test('going back to an earlier template reuses its ReplicaSet under a new revision', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 1));
  await rollOut(h, 2);
  await setImage(h, 'web:2');
  await rollOut(h);
  await setImage(h, 'web:1');
  await rollOut(h);
  const sets = await h.list(Resource.replicaSets);
  assert.equal(sets.length, 2);
  const current = sets.find((rs) => rs['spec'].replicas === 1)!;
  assert.equal(current['spec'].template.spec.containers[0].image, 'web:1');
  assert.equal(current.metadata.annotations!['deployment.kubernetes.io/revision'], '3');
  assert.equal(current.metadata.annotations!['deployment.kubernetes.io/revision-history'], '1');
});

test('Recreate waits for the last old pod', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 2, { strategy: { type: 'Recreate' } }));
  await rollOut(h, 2);
  await setImage(h, 'web:2');
  await h.settle();
  const during = await h.list(Resource.pods);
  assert.deepEqual(
    during.map((pod) => [pod['spec'].containers[0].image, pod.metadata.deletionTimestamp !== undefined]),
    [
      ['web:1', true],
      ['web:1', true],
    ],
  );
  await rollOut(h, 4);
  const after = await h.list(Resource.pods);
  assert.deepEqual(
    after.map((pod) => pod['spec'].containers[0].image),
    ['web:2', 'web:2'],
  );
});

test('scaling, pausing and resuming', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 2));
  await rollOut(h, 2);
  await h.client.patch(Resource.deployments, key, PatchType.merge, { spec: { paused: true } });
  await h.settle();
  assert.equal(conditionsOf(await h.get(Resource.deployments, 'web'))['Progressing'], 'Unknown DeploymentPaused: Deployment is paused');
  await setImage(h, 'web:2');
  await rollOut(h, 3);
  assert.equal((await h.list(Resource.replicaSets)).length, 1, 'paused: no rollout');
  await h.client.patch(Resource.deployments, key, PatchType.merge, { spec: { replicas: 5 } });
  await rollOut(h, 3);
  assert.equal((await h.list(Resource.pods)).length, 5, 'paused: still scaled');
  await h.client.patch(Resource.deployments, key, PatchType.merge, { spec: { paused: false } });
  await rollOut(h);
  assert.deepEqual(
    (await h.list(Resource.pods)).map((pod) => pod['spec'].containers[0].image),
    Array(5).fill('web:2'),
  );
});

test('a rollout that stands still past its deadline says so', async () => {
  await using h = await startHarness({ nodes: [] });
  await h.client.create(Resource.deployments, makeDeployment('web', 1, { progressDeadlineSeconds: 5 }));
  await h.settle();
  await h.pass(8);
  const deployment = await h.get(Resource.deployments, 'web');
  const name = (await h.list(Resource.replicaSets))[0]!.metadata.name;
  assert.equal(conditionsOf(deployment)['Progressing'], `False ProgressDeadlineExceeded: ReplicaSet "${name}" has timed out progressing.`);
  assert.equal(conditionsOf(deployment)['Available'], 'False MinimumReplicasUnavailable: Deployment does not have minimum availability.');
});

test('revisionHistoryLimit removes the oldest empty sets', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 1, { revisionHistoryLimit: 1 }));
  for (let i = 2; i <= 4; i++) {
    await rollOut(h, 6);
    await setImage(h, `web:${i}`);
  }
  await rollOut(h, 6);
  assert.deepEqual((await h.list(Resource.replicaSets)).map((rs) => rs.metadata.annotations!['deployment.kubernetes.io/revision']).sort(), [
    '3',
    '4',
  ]);
});

test('an orphaned ReplicaSet that matches is adopted, one that no longer matches is released', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 1));
  await rollOut(h, 2);
  const [rs] = await h.list(Resource.replicaSets);
  const rsKey = { namespace: 'default', name: rs!.metadata.name! };
  await h.client.patch(Resource.replicaSets, rsKey, PatchType.merge, { metadata: { ownerReferences: null } });
  await rollOut(h, 2);
  assert.equal((await h.get(Resource.replicaSets, rsKey.name)).metadata.ownerReferences?.[0]?.name, 'web');
  await h.client.patch(Resource.replicaSets, rsKey, PatchType.merge, { metadata: { labels: { app: 'other' } } });
  await rollOut(h, 2);
  assert.deepEqual((await h.get(Resource.replicaSets, rsKey.name)).metadata.ownerReferences, []);
});

test('minReadySeconds: a pod counts only when it has been ready that long', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 2, { minReadySeconds: 10 }));
  await h.runPods();
  const counts = async () => {
    const { readyReplicas, availableReplicas } = (await h.get(Resource.deployments, 'web'))['status'];
    return [readyReplicas, availableReplicas];
  };
  assert.deepEqual(await counts(), [2, undefined]);
  await h.pass(8);
  assert.deepEqual(await counts(), [2, undefined]);
  await h.pass(4);
  assert.deepEqual(await counts(), [2, 2]);
});
