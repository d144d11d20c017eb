import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, makeNode, startHarness } from '../test-harness.ts';

const create = (h: Harness, name: string, spec: object = {}) =>
  h.client.create(Resource.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c' }], ...spec },
  });

test('a pod without a place says why and gets one when a node comes', async () => {
  await using h = await startHarness({ nodes: [] });
  await create(h, 'a');
  await h.settle();
  const waiting = await h.get(Resource.pods, 'a');
  const { lastTransitionTime: _, ...condition } = waiting['status'].conditions[0];
  assert.deepEqual(condition, {
    type: 'PodScheduled',
    status: 'False',
    lastProbeTime: null,
    reason: 'Unschedulable',
    message: 'no nodes available to schedule pods',
  });
  await h.client.create(Resource.nodes, makeNode('late'));
  await h.pass(1);
  assert.equal((await h.get(Resource.pods, 'a'))['spec'].nodeName, 'late');
  assert.deepEqual(
    (await h.events()).filter((line) => !line.includes('Node')),
    ['FailedScheduling: no nodes available to schedule pods', 'Scheduled: Successfully assigned default/a to late'],
  );
});

test('one created while others are being bound counts them', async () => {
  await using h = await startHarness({ nodes: [] });
  await h.client.create(Resource.nodes, makeNode('small', { allocatable: { pods: '3' } }));
  for (let i = 0; i < 5; i++) await create(h, `p${i}`);
  await h.settle();
  const placed = (await h.list(Resource.pods)).filter((pod) => pod['spec'].nodeName);
  assert.equal(placed.length, 3);
  await h.client.delete(Resource.pods, { namespace: 'default', name: placed[0]!.metadata.name! }, { gracePeriodSeconds: 0 });
  await h.pass(12);
  assert.equal((await h.list(Resource.pods)).filter((pod) => pod['spec'].nodeName).length, 3, 'the place was taken again');
});

test('other schedulers, gates and lost bindings', async () => {
  await using h = await startHarness({ nodes: ['n'] });
  await create(h, 'foreign', { schedulerName: 'mine' });
  await create(h, 'gated', { schedulingGates: [{ name: 'wait' }] });
  let refusals = 1;
  h.client.intercept = (action) => {
    if (action.subresource === 'binding' && refusals-- > 0) throw new Error('connection lost');
  };
  await create(h, 'unlucky');
  await h.pass(1);
  assert.deepEqual(
    (await h.list(Resource.pods)).map((pod) => pod['spec'].nodeName),
    [undefined, undefined, 'n'],
  );
  assert.equal((await h.get(Resource.pods, 'gated'))['status'].conditions[0].reason, 'SchedulingGated');
  await h.client.patch(Resource.pods, { namespace: 'default', name: 'gated' }, PatchType.merge, { spec: { schedulingGates: null } });
  await h.settle();
  assert.equal((await h.get(Resource.pods, 'gated'))['spec'].nodeName, 'n');
});

test('a pod waits for its claims: until they are there, and until they are bound', async () => {
  await using h = await startHarness({ nodes: ['n'] });
  await create(h, 'db', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] });
  await h.settle();
  const message = async () => (await h.get(Resource.pods, 'db'))['status'].conditions[0].message;
  const none = '0/1 nodes are available';
  const preemption = `preemption: ${none}: 1 Preemption is not helpful for scheduling.`;
  assert.equal(await message(), `${none}: persistentvolumeclaim "data" not found. ${preemption}`);
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'default' }, spec: {} };
  await h.client.create(Resource.persistentVolumeClaims, claim);
  await h.pass(1);
  assert.equal(await message(), `${none}: pod has unbound immediate PersistentVolumeClaims. ${preemption}`);
  await h.client.update(Resource.persistentVolumeClaims, { ...claim, status: { phase: 'Bound' } }, { subresource: 'status' });
  await h.pass(2);
  assert.equal((await h.get(Resource.pods, 'db'))['spec'].nodeName, 'n');
});
