import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { startHarness } from '../test-harness.ts';

const role = (name: string, labels: Record<string, string>, extra: object): KubernetesObject => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name, labels },
  ...extra,
});
const of = (key: string) => ({ aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [key]: 'yes' } }] } });
const may = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });

test('an aggregating role has the rules of the roles it selects, through others that aggregate, as they come, change and go', async () => {
  await using h = await startHarness();
  const rules = async (name: string) => (await h.get(Resource.clusterRoles, name, ''))['rules'] ?? [];
  await h.client.create(Resource.clusterRoles, role('all', {}, of('wide')));
  await h.client.create(Resource.clusterRoles, role('some', { wide: 'yes' }, of('narrow')));
  await h.client.create(Resource.clusterRoles, role('b', { narrow: 'yes' }, { rules: [may('pods'), may('secrets')] }));
  await h.client.create(Resource.clusterRoles, role('a', { narrow: 'yes', wide: 'yes' }, { rules: [may('secrets')] }));
  await h.client.create(Resource.clusterRoles, role('other', {}, { rules: [may('nodes')] }));
  await h.settle();
  assert.deepEqual(await rules('some'), [may('secrets'), may('pods')]);
  assert.deepEqual(await rules('all'), [may('secrets'), may('pods')]);
  await h.client.update(Resource.clusterRoles, role('b', { narrow: 'yes' }, { rules: [may('events')] }));
  await h.settle();
  assert.deepEqual(await rules('all'), [may('secrets'), may('events')]);
  await h.client.delete(Resource.clusterRoles, { name: 'b' });
  await h.client.delete(Resource.clusterRoles, { name: 'a' });
  await h.settle();
  assert.deepEqual(await rules('some'), []);
  assert.deepEqual(await rules('all'), []);
});
