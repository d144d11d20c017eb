import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { makeDeployment, startHarness } from '../test-harness.ts';

test('a namespace gets its account and CA, and gets them back', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await h.settle();
  assert.equal((await h.get(Resource.configMaps, 'kube-root-ca.crt', 'shop'))['data']['ca.crt'], 'PEM');
  await h.client.delete(Resource.serviceAccounts, { namespace: 'shop', name: 'default' });
  await h.client.patch(Resource.configMaps, { namespace: 'shop', name: 'kube-root-ca.crt' }, PatchType.merge, {
    data: { 'ca.crt': 'FALSE' },
  });
  await h.settle();
  assert.ok(await h.get(Resource.serviceAccounts, 'default', 'shop'));
  assert.equal((await h.get(Resource.configMaps, 'kube-root-ca.crt', 'shop'))['data']['ca.crt'], 'PEM');
});

test('a namespace told to go is emptied, says what it waits for, and goes', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  const deployment = makeDeployment('web', 1);
  deployment.metadata.namespace = 'shop';
  await h.client.create(Resource.deployments, deployment);
  await h.client.create(Resource.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'held', namespace: 'shop', finalizers: ['example.org/hold'] },
  });
  await h.runPods();
  await h.runPods();
  h.client.intercept = (action) => {
    if (action.verb === 'create' && action.resource !== 'events' && action.key.startsWith('shop/'))
      throw new Error('the namespace is being terminated');
  };
  await h.client.delete(Resource.namespaces, { name: 'shop' });
  await h.settle();
  const ending = await h.get(Resource.namespaces, 'shop');
  assert.equal(ending['status'].phase, 'Terminating');
  const messages = Object.fromEntries(
    ending['status'].conditions.map((entry: { type: string; message: string }) => [entry.type, entry.message]),
  );
  assert.match(
    messages['NamespaceContentRemaining'],
    /^Some resources are remaining: configmaps\. has 1 resource instances, .*pods\. has 1 resource instances/,
  );
  assert.equal(
    messages['NamespaceFinalizersRemaining'],
    'Some content in the namespace has finalizers remaining: example.org/hold in 1 resource instances',
  );
  await h.client.patch(Resource.configMaps, { namespace: 'shop', name: 'held' }, PatchType.merge, { metadata: { finalizers: null } });
  await h.runPods();
  await h.pass(3);
  await assert.rejects(h.get(Resource.namespaces, 'shop'), /not found/);
  assert.deepEqual(await h.list(Resource.pods, 'shop'), []);
});
