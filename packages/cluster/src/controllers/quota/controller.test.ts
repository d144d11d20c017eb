import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resource } from '../runtime/resources.ts';
import { makeDeployment, startHarness } from '../test-harness.ts';

test('the status of a quota follows what there is', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'limit', namespace: 'default' },
    spec: { hard: { pods: '10', 'requests.cpu': '4', 'count/deployments.apps': '5', services: '3' } },
  });
  await h.settle();
  const status = async () => (await h.get(Resource.resourceQuotas, 'limit'))['status'];
  assert.deepEqual((await status()).used, { pods: '0', 'requests.cpu': '0', 'count/deployments.apps': '0', services: '0' });
  const containers = [{ name: 'c', resources: { requests: { cpu: '250m' } } }];
  await h.client.create(
    Resource.deployments,
    makeDeployment('web', 3, { template: { metadata: { labels: { app: 'web' } }, spec: { containers } } }),
  );
  await h.runPods();
  assert.deepEqual((await status()).used, { pods: '3', 'requests.cpu': '750m', 'count/deployments.apps': '1', services: '0' });
  assert.deepEqual((await status()).hard, { pods: '10', 'requests.cpu': '4', 'count/deployments.apps': '5', services: '3' });
  await h.client.delete(Resource.deployments, { namespace: 'default', name: 'web' });
  await h.runPods();
  assert.equal((await status()).used['count/deployments.apps'], '0');
});
