import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, makeDeployment, makeNode, startHarness } from '../test-harness.ts';
import { suits } from './decide.ts';

const key = { namespace: 'default', name: 'agent' };

function daemonSet(spec: object = {}, podSpec: object = {}) {
  const { selector, template } = makeDeployment('agent', 1)['spec'];
  Object.assign(template.spec, podSpec);
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { ...key }, spec: { selector, template, ...spec } };
}

const placed = async (h: Harness) =>
  (await h.list(Resource.pods))
    .map((pod) => `${pod['spec'].nodeName ?? '-'} ${pod['spec'].containers[0].image}${pod.metadata.deletionTimestamp ? ' going' : ''}`)
    .sort();

const setImage = (h: Harness, image: string) =>
  h.client.patch(Resource.daemonSets, key, PatchType.merge, { spec: { template: { spec: { containers: [{ name: 'web', image }] } } } });

test('which nodes suit', () => {
  const taint = (key: string, effect: string) => makeNode('n', { spec: { taints: [{ key, effect }] } });
  const cases: [string, object, ReturnType<typeof makeNode>, string][] = [
    ['any', {}, makeNode('n'), 'runs'],
    ['selector', { nodeSelector: { disk: 'ssd' } }, makeNode('n'), 'leaves'],
    ['selector met', { nodeSelector: { disk: 'ssd' } }, makeNode('n', { labels: { disk: 'ssd' } }), 'runs'],
    ['named', { nodeName: 'other' }, makeNode('n'), 'leaves'],
    ['NoSchedule', {}, taint('own', 'NoSchedule'), 'stays'],
    ['NoExecute', {}, taint('own', 'NoExecute'), 'leaves'],
    ['NoExecute tolerated', { tolerations: [{ operator: 'Exists' }] }, taint('own', 'NoExecute'), 'runs'],
    ['not ready', {}, taint('node.kubernetes.io/not-ready', 'NoExecute'), 'runs'],
    ['cordoned', {}, taint('node.kubernetes.io/unschedulable', 'NoSchedule'), 'runs'],
    ['no network', {}, taint('node.kubernetes.io/network-unavailable', 'NoSchedule'), 'stays'],
    ['no network needed', { hostNetwork: true }, taint('node.kubernetes.io/network-unavailable', 'NoSchedule'), 'runs'],
  ];
  for (const [name, podSpec, node, wanted] of cases) assert.equal(suits(daemonSet({}, podSpec), node), wanted, name);
});

test('one pod a node, on nodes that come later too, gone from nodes that no longer suit', async () => {
  await using h = await startHarness({ nodes: ['a', 'b'] });
  await h.client.create(Resource.daemonSets, daemonSet());
  await h.runPods();
  await h.client.create(Resource.nodes, makeNode('c'));
  await h.runPods();
  assert.deepEqual(await placed(h), ['a web:1', 'b web:1', 'c web:1']);
  await h.client.patch(Resource.nodes, { name: 'a' }, PatchType.merge, { spec: { taints: [{ key: 'own', effect: 'NoExecute' }] } });
  for (let i = 0; i < 2; i++) await h.runPods();
  assert.deepEqual(await placed(h), ['b web:1', 'c web:1']);
  const { status } = await h.get(Resource.daemonSets, 'agent');
  assert.deepEqual(status, {
    currentNumberScheduled: 2,
    numberMisscheduled: 0,
    desiredNumberScheduled: 2,
    numberReady: 2,
    updatedNumberScheduled: 2,
    numberAvailable: 2,
    numberUnavailable: 0,
    observedGeneration: 1,
  });
});

test('an update goes node by node; the way back is an older revision raised', async () => {
  await using h = await startHarness({ nodes: ['a', 'b', 'c'] });
  await h.client.create(Resource.daemonSets, daemonSet());
  await h.runPods();
  await setImage(h, 'web:2');
  await h.settle();
  assert.equal((await placed(h)).filter((line) => line.endsWith('going')).length, 1, 'maxUnavailable 1');
  for (let i = 0; i < 8; i++) await h.runPods();
  assert.deepEqual(await placed(h), ['a web:2', 'b web:2', 'c web:2']);
  await setImage(h, 'web:1');
  for (let i = 0; i < 8; i++) await h.runPods();
  assert.deepEqual(await placed(h), ['a web:1', 'b web:1', 'c web:1']);
  assert.deepEqual((await h.list(Resource.controllerRevisions)).map((revision) => revision['revision']).sort(), [2, 3]);
});

test('OnDelete waits for the user; maxSurge makes the new one first', async () => {
  await using h = await startHarness({ nodes: ['a', 'b'] });
  await h.client.create(Resource.daemonSets, daemonSet({ updateStrategy: { type: 'OnDelete' } }));
  await h.runPods();
  await setImage(h, 'web:2');
  for (let i = 0; i < 3; i++) await h.runPods();
  assert.deepEqual(await placed(h), ['a web:1', 'b web:1']);
  await h.client.patch(Resource.daemonSets, key, PatchType.merge, {
    spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
  });
  await h.settle();
  assert.deepEqual(await placed(h), ['a web:1', 'a web:2', 'b web:1']);
  for (let i = 0; i < 8; i++) await h.runPods();
  assert.deepEqual(await placed(h), ['a web:2', 'b web:2']);
});

test('a pod that ended is made again, with growing pauses', async () => {
  await using h = await startHarness({ nodes: ['a'] });
  await h.client.create(Resource.daemonSets, daemonSet());
  let made = 0;
  for (let second = 0; second < 16; second++) {
    await h.runPods();
    const [pod] = await h.list(Resource.pods);
    if (pod?.['status'].phase === 'Running') {
      made += 1;
      await h.client.update(Resource.pods, { ...pod, status: { ...pod['status'], phase: 'Failed' } }, { subresource: 'status' });
    }
    await h.pass(1);
  }
  assert.ok(made >= 4 && made <= 6, `${made} pods in 16 s; pauses of 1, 2, 4, 8 s allow 5`);
});
