import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubernetesObject, type OwnerReference, PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, makeDeployment, startHarness } from '../test-harness.ts';
import { decideGarbage, type OwnerState } from './decide.ts';

const configMap = (name: string, owners: OwnerReference[] = [], namespace = 'default') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ownerReferences: owners },
});

function reference(owner: KubernetesObject, extra: Partial<OwnerReference> = {}): OwnerReference {
  return { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name!, uid: owner.metadata.uid!, ...extra };
}

async function names(h: Harness): Promise<string[]> {
  await h.settle();
  return (await h.list(Resource.configMaps)).map((object) => object.metadata.name!).filter((name) => !name.startsWith('kube-'));
}

test('decisions', () => {
  const owners = (...uids: string[]) => ({
    ...configMap(
      'c',
      uids.map((uid) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid })),
    ),
  });
  const cases: [string, KubernetesObject, [string, OwnerState][], boolean, object][] = [
    ['no owners', owners(), [], false, { action: 'keep' }],
    ['a living one', owners('a'), [['a', 'solid']], false, { action: 'keep' }],
    [
      'all gone',
      owners('a', 'b'),
      [
        ['a', 'absent'],
        ['b', 'absent'],
      ],
      false,
      { action: 'delete', propagationPolicy: 'Background' },
    ],
    [
      'one of two gone',
      owners('a', 'b'),
      [
        ['a', 'absent'],
        ['b', 'solid'],
      ],
      false,
      { action: 'unreference', uids: ['a'] },
    ],
    [
      'one waits, one lives',
      owners('a', 'b'),
      [
        ['a', 'waiting'],
        ['b', 'solid'],
      ],
      true,
      { action: 'unreference', uids: ['a'] },
    ],
    ['one waits, it has dependents', owners('a'), [['a', 'waiting']], true, { action: 'delete', propagationPolicy: 'Foreground' }],
    ['one waits, it has none', owners('a'), [['a', 'waiting']], false, { action: 'delete', propagationPolicy: 'Background' }],
    [
      'one cannot be looked up',
      owners('a', 'b'),
      [
        ['a', 'absent'],
        ['b', 'unresolvable'],
      ],
      false,
      { action: 'keep' },
    ],
    ['one was not looked up', owners('a'), [], false, { action: 'keep' }],
  ];
  for (const [name, object, states, hasDependents, wanted] of cases)
    assert.deepEqual(decideGarbage(object, new Map(states), hasDependents), wanted, name);
});

test('background: the owner goes at once, what hangs below it follows', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 2));
  for (let i = 0; i < 3; i++) await h.runPods();
  await h.client.delete(Resource.deployments, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Background' });
  assert.deepEqual(await h.list(Resource.deployments), []);
  for (let i = 0; i < 3; i++) await h.runPods();
  assert.deepEqual([await h.list(Resource.replicaSets), await h.list(Resource.pods)], [[], []]);
});

test('foreground: the owner waits for its dependents', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.deployments, makeDeployment('web', 2));
  for (let i = 0; i < 3; i++) await h.runPods();
  await h.client.delete(Resource.deployments, { namespace: 'default', name: 'web' }, { propagationPolicy: 'Foreground' });
  await h.settle();
  const finalizers = async (resource: (typeof Resource)[keyof typeof Resource]) =>
    (await h.list(resource)).map((object) => object.metadata.finalizers);
  assert.deepEqual(
    [await finalizers(Resource.deployments), await finalizers(Resource.replicaSets)],
    [[['foregroundDeletion']], [['foregroundDeletion']]],
  );
  for (let i = 0; i < 3; i++) await h.runPods();
  assert.deepEqual([await h.list(Resource.pods), await h.list(Resource.replicaSets), await h.list(Resource.deployments)], [[], [], []]);
});

test('orphan: the dependents stay, without the reference', async () => {
  await using h = await startHarness();
  const owner = await h.client.create(Resource.configMaps, configMap('owner'));
  await h.client.create(Resource.configMaps, configMap('child', [reference(owner)]));
  await h.settle();
  await h.client.delete(Resource.configMaps, { namespace: 'default', name: 'owner' }, { propagationPolicy: 'Orphan' });
  assert.deepEqual(await names(h), ['child']);
  assert.deepEqual((await h.get(Resource.configMaps, 'child')).metadata.ownerReferences, []);
});

test('an owner that never was, was made again, or lives in another namespace does not keep anything', async () => {
  await using h = await startHarness();
  const owner = await h.client.create(Resource.configMaps, configMap('owner'));
  await h.client.create(Resource.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
  await h.client.create(Resource.configMaps, configMap('kept', [reference(owner)]));
  await h.client.create(Resource.configMaps, configMap('never', [reference(owner, { name: 'never-was', uid: 'x' })]));
  await h.client.create(Resource.configMaps, configMap('reborn', [reference(owner, { uid: 'earlier' })]));
  await h.client.create(Resource.configMaps, configMap('foreign', [reference(owner)], 'other'));
  await h.client.create(Resource.configMaps, configMap('unknown', [reference(owner, { kind: 'Widget', apiVersion: 'example.org/v1' })]));
  assert.deepEqual(await names(h), ['owner', 'kept', 'unknown']);
  assert.ok((await h.events()).some((line) => line.startsWith('OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap, name: owner,')));
});

test('a dependent made behind the back of the cache is found', async () => {
  await using h = await startHarness();
  const owner = await h.client.create(Resource.configMaps, configMap('owner'));
  await h.client.create(Resource.configMaps, configMap('child'));
  await h.settle();
  await h.client.patch(Resource.configMaps, { namespace: 'default', name: 'child' }, PatchType.merge, {
    metadata: { ownerReferences: [reference(owner)] },
  });
  await h.client.delete(Resource.configMaps, { namespace: 'default', name: 'owner' });
  assert.deepEqual(await names(h), []);
});
