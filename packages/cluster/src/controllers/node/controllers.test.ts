import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubernetesObject, PatchType } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import type { Taint, Toleration } from '../scheduler/tolerations.ts';
import { type Harness, makeDeployment, makeNode, startHarness } from '../test-harness.ts';
import { decideTaints, evictionDelay } from './taints.ts';

const now = new Date('2026-01-01T00:00:00Z');

test('conditions become taints and back', () => {
  const node = (ready: string | undefined, taints: Taint[], extra: object = {}): KubernetesObject => ({
    ...makeNode('n', { spec: { taints, ...extra } }),
    status: {
      conditions:
        ready === undefined
          ? []
          : [
              { type: 'Ready', status: ready },
              { type: 'DiskPressure', status: 'False' },
            ],
    },
  });
  const show = (taints: readonly Taint[]) =>
    taints.map((taint) => `${taint.key.replace('node.kubernetes.io/', '')}:${taint.effect}`).join(' ');
  const own: Taint = { key: 'mine', value: 'x', effect: 'NoSchedule' };
  const born: Taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  const cases: [string, KubernetesObject, string][] = [
    ['born, silent', node(undefined, [born]), 'not-ready:NoSchedule'],
    ['becomes ready', node('True', [born, own]), 'mine:NoSchedule'],
    ['breaks', node('False', [own]), 'mine:NoSchedule not-ready:NoSchedule not-ready:NoExecute'],
    ['is lost', node('Unknown', [born]), 'unreachable:NoSchedule unreachable:NoExecute'],
    ['cordoned', node('True', [], { unschedulable: true }), 'unschedulable:NoSchedule'],
    ['uncordoned', node('True', [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }]), ''],
  ];
  for (const [name, object, wanted] of cases) assert.equal(show(decideTaints(object, now)), wanted, name);
  const settled = node('True', [own]);
  assert.equal(decideTaints(settled, now), settled['spec'].taints, 'unchanged: the same array');
});

test('how long a pod may stay', () => {
  const taint: Taint = { key: 'elasticsearch', value: 'false', effect: 'NoExecute' };
  const cases: [string, Toleration[], 'stays' | number][] = [
    ['not tolerated', [], 0],
    ['other value', [{ key: 'elasticsearch', operator: 'Equal', value: 'true' }], 0],
    ['other effect', [{ key: 'elasticsearch', operator: 'Exists', effect: 'NoSchedule' }], 0],
    ['for good', [{ key: 'elasticsearch', operator: 'Equal', value: 'false' }], 'stays'],
    ['operator absent means Equal', [{ key: 'elasticsearch', value: 'false' }], 'stays'],
    ['everything', [{ operator: 'Exists' }], 'stays'],
    [
      'for a while; the shortest counts',
      [
        { operator: 'Exists', tolerationSeconds: 60 },
        { key: 'elasticsearch', operator: 'Exists', tolerationSeconds: 30 },
      ],
      30,
    ],
    ['negative is at once', [{ operator: 'Exists', tolerationSeconds: -1 }], 0],
  ];
  for (const [name, tolerations, wanted] of cases) {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: { tolerations } };
    assert.equal(evictionDelay(pod, makeNode('n', { spec: { taints: [taint] } })), wanted, name);
  }
});

async function deploy(h: Harness, name: string, replicas: number, spec: object = {}): Promise<void> {
  const deployment = makeDeployment(name, replicas);
  Object.assign(deployment['spec'].template.spec, spec);
  await h.client.create(Resource.deployments, deployment);
  for (let i = 0; i < 3; i++) await h.runPods();
}

const placement = async (h: Harness) =>
  (await h.list(Resource.pods)).map((pod) => `${pod.metadata.labels!['app']}@${pod['spec'].nodeName ?? '-'}`).sort();

test('a NoExecute taint moves the pods that do not tolerate it', async () => {
  await using h = await startHarness({ nodes: ['es-node', 'node1'] });
  await deploy(h, 'web', 2);
  await deploy(h, 'es', 2, {
    tolerations: [{ key: 'elasticsearch', operator: 'Equal', value: 'false', effect: 'NoExecute' }],
    nodeSelector: { 'kubernetes.io/hostname': 'es-node' },
  });
  assert.deepEqual(await placement(h), ['es@es-node', 'es@es-node', 'web@es-node', 'web@node1']);
  await h.client.patch(Resource.nodes, { name: 'es-node' }, PatchType.merge, {
    spec: { taints: [{ key: 'elasticsearch', value: 'false', effect: 'NoExecute' }] },
  });
  await h.settle();
  const leaving = (await h.list(Resource.pods)).find((pod) => pod.metadata.deletionTimestamp !== undefined)!;
  assert.equal(
    leaving['status'].conditions.find((entry: { type: string }) => entry.type === 'DisruptionTarget').reason,
    'DeletionByTaintManager',
  );
  for (let i = 0; i < 3; i++) await h.runPods();
  assert.deepEqual(await placement(h), ['es@es-node', 'es@es-node', 'web@node1', 'web@node1']);
  assert.ok((await h.events()).some((line) => line.startsWith('TaintManagerEviction: Marking for deletion Pod default/web-')));
});

test('tolerationSeconds: evicted when they are over, unless the taint goes first', async () => {
  await using h = await startHarness({ nodes: ['node1', 'node2'] });
  const tolerations = [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }];
  await deploy(h, 'web', 1, { tolerations });
  const [pod] = await h.list(Resource.pods);
  const nodeName: string = pod!['spec'].nodeName;
  const setReady = async (status: string) => {
    const node = await h.get(Resource.nodes, nodeName);
    await h.client.update(
      Resource.nodes,
      { ...node, status: { ...node['status'], conditions: [{ type: 'Ready', status }] } },
      { subresource: 'status' },
    );
    await h.settle();
  };
  await setReady('False');
  assert.equal(
    (await h.list(Resource.pods))[0]!['status'].conditions.find((entry: { type: string }) => entry.type === 'Ready').status,
    'False',
  );
  await h.pass(20);
  await setReady('True');
  await h.pass(20);
  assert.equal((await h.list(Resource.pods))[0]!.metadata.deletionTimestamp, undefined, 'came back in time');
  await setReady('False');
  await h.pass(31);
  assert.notEqual((await h.get(Resource.pods, pod!.metadata.name!)).metadata.deletionTimestamp, undefined);
});

test('pods of a node that is gone are given up after a while', async () => {
  await using h = await startHarness({ nodes: ['node1', 'node2'] });
  await deploy(h, 'web', 2);
  await h.client.delete(Resource.nodes, { name: 'node1' });
  await h.pass(30);
  assert.deepEqual(await placement(h), ['web@node1', 'web@node2']);
  await h.pass(15);
  await h.runPods();
  assert.deepEqual(await placement(h), ['web@node2', 'web@node2']);
});
