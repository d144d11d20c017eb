/** Caches lag behind the server: nobody may make, count or bind twice because of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from './runtime/resources.ts';
import { makeDeployment, makeNode, startHarness } from './test-harness.ts';

for (const cacheLag of [1, 5, 20]) {
  test(`a ReplicaSet makes and deletes exactly what it needs, ${cacheLag} turns behind`, async () => {
    await using h = await startHarness({ cacheLag });
    await h.client.create(Resource.deployments, makeDeployment('web', 7));
    await h.settle();
    const writes = (verb: string) =>
      h.client.actions.filter((action) => action.verb === verb && action.resource === 'pods' && action.subresource === undefined).length;
    assert.equal(writes('create'), 7);
    for (let i = 0; i < 3; i++) await h.runPods();
    await h.client.patch(Resource.deployments, { namespace: 'default', name: 'web' }, PatchType.merge, { spec: { replicas: 2 } });
    await h.settle();
    assert.equal((await h.list(Resource.pods)).filter((pod) => pod.metadata.deletionTimestamp === undefined).length, 2);
    assert.equal(writes('delete'), 5);
  });

  test(`the scheduler counts what it has just bound, ${cacheLag} turns behind`, async () => {
    await using h = await startHarness({ nodes: [], cacheLag });
    await h.client.create(Resource.nodes, makeNode('small', { allocatable: { pods: '3' } }));
    await h.settle();
    for (let i = 0; i < 6; i++) {
      await h.client.create(Resource.pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `p${i}`, namespace: 'default' },
        spec: { containers: [{ name: 'c' }] },
      });
    }
    await h.settle();
    assert.equal((await h.list(Resource.pods)).filter((pod) => pod['spec'].nodeName).length, 3);
    assert.equal(h.client.actions.filter((action) => action.subresource === 'binding').length, 3);
  });

  test(`one slice a family, ${cacheLag} turns behind`, async () => {
    await using h = await startHarness({ cacheLag });
    await h.client.create(Resource.deployments, makeDeployment('web', 3));
    await h.client.create(Resource.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'default' },
      spec: { selector: { app: 'web' }, ipFamilies: ['IPv4', 'IPv6'], ports: [{ port: 80 }] },
    });
    for (let i = 0; i < 3; i++) await h.runPods();
    await h.settle();
    assert.deepEqual((await h.list(Resource.endpointSlices)).map((slice) => [slice['addressType'], slice['endpoints'].length]).sort(), [
      ['IPv4', 3],
      ['IPv6', 3],
    ]);
    const made = h.client.actions.filter((action) => action.verb === 'create' && action.resource === 'endpointslices').length;
    assert.ok(made <= 4, `${made} slices made; two empty ones and two with ports are enough`);
  });

  test(`a Job counts each pod once, ${cacheLag} turns behind`, async () => {
    await using h = await startHarness({ cacheLag });
    await h.client.create(Resource.jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'job', namespace: 'default' },
      spec: {
        parallelism: 3,
        completions: 6,
        backoffLimit: 6,
        selector: { matchLabels: { job: 'job' } },
        template: { metadata: { labels: { job: 'job' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'c' }] } },
      },
    });
    for (let round = 0; round < 4; round++) {
      await h.runPods();
      const running = (await h.list(Resource.pods)).filter((pod) => pod['status'].phase === 'Running');
      for (const pod of running)
        await h.client.update(Resource.pods, { ...pod, status: { ...pod['status'], phase: 'Succeeded' } }, { subresource: 'status' });
      await h.settle();
    }
    const { status } = await h.get(Resource.jobs, 'job');
    assert.deepEqual([status.succeeded, status.failed, status.conditions.at(-1).type], [6, undefined, 'Complete']);
    assert.equal((await h.list(Resource.pods)).length, 6);
  });
}
