import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, makeDeployment, startHarness } from '../test-harness.ts';

const key = { namespace: 'default', name: 'db' };

function statefulSet(replicas: number, spec: object = {}) {
  const { selector, template } = makeDeployment('db', 1)['spec'];
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { ...key },
    spec: { replicas, serviceName: 'db', selector, template, ...spec },
  };
}

const pods = async (h: Harness) =>
  (await h.list(Resource.pods))
    .map((pod) => `${pod.metadata.name} ${pod['spec'].containers[0].image}${pod.metadata.deletionTimestamp ? ' going' : ''}`)
    .sort();

const setImage = (h: Harness, image: string) =>
  h.client.patch(Resource.statefulSets, key, PatchType.merge, { spec: { template: { spec: { containers: [{ name: 'web', image }] } } } });

async function run(h: Harness, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) await h.runPods();
}

test('upwards one by one, each only when those before are ready; names, claims and host names', async () => {
  await using h = await startHarness();
  await h.client.create(
    Resource.statefulSets,
    statefulSet(3, { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }] }),
  );
  await h.settle();
  assert.deepEqual(await pods(h), ['db-0 web:1']);
  await run(h, 4);
  assert.deepEqual(await pods(h), ['db-0 web:1', 'db-1 web:1', 'db-2 web:1']);
  const pod = await h.get(Resource.pods, 'db-2');
  assert.deepEqual(
    [pod['spec'].hostname, pod['spec'].subdomain, pod['spec'].volumes],
    ['db-2', 'db', [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-2' } }]],
  );
  assert.equal(pod.metadata.labels!['apps.kubernetes.io/pod-index'], '2');
  assert.deepEqual(
    (await h.list(Resource.persistentVolumeClaims)).map((claim) => claim.metadata.name),
    ['data-db-0', 'data-db-1', 'data-db-2'],
  );
  const { currentRevision, updateRevision, ...status } = (await h.get(Resource.statefulSets, 'db'))['status'];
  assert.equal(currentRevision, updateRevision);
  assert.deepEqual(status, {
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    availableReplicas: 3,
    collisionCount: 0,
  });
});

test('downwards from the highest, one by one; claims stay', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.statefulSets, statefulSet(3, { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }] }));
  await run(h, 5);
  await h.client.patch(Resource.statefulSets, key, PatchType.merge, { spec: { replicas: 1 } });
  await h.settle();
  assert.deepEqual(await pods(h), ['db-0 web:1', 'db-1 web:1', 'db-2 web:1 going']);
  await run(h, 4);
  assert.deepEqual(await pods(h), ['db-0 web:1']);
  assert.equal((await h.list(Resource.persistentVolumeClaims)).length, 3);
});

test('an update from the highest down to the partition; a pod made again meanwhile keeps its template', async () => {
  await using h = await startHarness();
  await h.client.create(
    Resource.statefulSets,
    statefulSet(3, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }),
  );
  await run(h, 5);
  await setImage(h, 'web:2');
  await h.settle();
  assert.deepEqual(await pods(h), ['db-0 web:1', 'db-1 web:1', 'db-2 web:1 going']);
  await run(h, 6);
  assert.deepEqual(await pods(h), ['db-0 web:1', 'db-1 web:2', 'db-2 web:2']);
  await h.client.delete(Resource.pods, { namespace: 'default', name: 'db-0' }, { gracePeriodSeconds: 0 });
  await run(h, 3);
  assert.deepEqual(await pods(h), ['db-0 web:1', 'db-1 web:2', 'db-2 web:2']);
  const before = (await h.get(Resource.statefulSets, 'db'))['status'];
  assert.deepEqual([before.currentReplicas, before.updatedReplicas], [1, 2]);
  await h.client.patch(Resource.statefulSets, key, PatchType.merge, { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
  await run(h, 4);
  assert.deepEqual(await pods(h), ['db-0 web:2', 'db-1 web:2', 'db-2 web:2']);
  const after = (await h.get(Resource.statefulSets, 'db'))['status'];
  assert.equal(after.currentRevision, after.updateRevision);
});

test('Parallel makes all at once; start shifts the numbers; a failed pod is made again under its name', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.statefulSets, statefulSet(3, { podManagementPolicy: 'Parallel', ordinals: { start: 5 } }));
  await h.settle();
  assert.deepEqual(await pods(h), ['db-5 web:1', 'db-6 web:1', 'db-7 web:1']);
  await h.runPods();
  const failed = await h.get(Resource.pods, 'db-6');
  await h.client.update(Resource.pods, { ...failed, status: { ...failed['status'], phase: 'Failed' } }, { subresource: 'status' });
  await run(h, 3);
  const again = await h.get(Resource.pods, 'db-6');
  assert.notEqual(again.metadata.uid, failed.metadata.uid);
  assert.equal(again['status'].phase, 'Running');
});

test('nothing is done twice when the cache lags', async () => {
  await using h = await startHarness({ cacheLag: 7 });
  await h.client.create(Resource.statefulSets, statefulSet(3));
  await run(h, 5);
  await setImage(h, 'web:2');
  await run(h, 12);
  assert.deepEqual(await pods(h), ['db-0 web:2', 'db-1 web:2', 'db-2 web:2']);
  const writes = (verb: string) =>
    h.client.actions.filter(
      ({ resource, subresource, ...action }) => resource === 'pods' && subresource === undefined && action.verb === verb,
    ).length;
  // The kubelet deletes each of the three once more, for good.
  assert.deepEqual([writes('create'), writes('delete')], [6, 6]);
});
