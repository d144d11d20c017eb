import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { type Harness, makeNode, startHarness } from '../test-harness.ts';
import { placePod } from './decide.ts';

interface Sketch {
  readonly name: string;
  readonly priority?: number;
  readonly cpu?: string;
  readonly spec?: object;
  readonly labels?: Record<string, string>;
  readonly startTime?: string;
}

const pod = ({ name, priority = 0, cpu = '1', spec = {}, labels = {}, startTime }: Sketch): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: name, namespace: 'default', labels },
  spec: { priority, containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec },
  status: startTime === undefined ? {} : { startTime },
});
const node = (name: string, ...pods: Sketch[]) => ({
  node: makeNode(name, { allocatable: { cpu: '2', pods: '10' } }),
  pods: pods.map(pod),
});
const important = pod({ name: 'important', priority: 10 });

/** `NODE: victims`, or the message. */
function decide(
  incoming: KubernetesObject,
  nodes: ReturnType<typeof node>[],
  isProtected: (name: string) => boolean = () => false,
): string {
  const placement = placePod(incoming, {
    nodes,
    namespaceLabels: () => ({}),
    claim: () => undefined,
    violatesBudget: ({ metadata }) => isProtected(metadata.name!),
  });
  if (placement.node !== undefined) return `@${placement.node}`;
  const { preemption, message } = placement;
  return preemption === undefined ? message : `${preemption.node}: ${preemption.victims.map(({ metadata }) => metadata.name).join(' ')}`;
}

test('who goes for whom', () => {
  const full = '0/1 nodes are available: 1 Insufficient cpu. preemption: ';
  const rows: [what: string, KubernetesObject, ReturnType<typeof node>[], expected: string][] = [
    ['room', important, [node('a', { name: 'x' })], '@a'],
    ['the less important', important, [node('a', { name: 'x', priority: 1 }, { name: 'y', priority: 2 })], 'a: x'],
    ['as few as needed', pod({ name: 'p', priority: 10, cpu: '2' }), [node('a', { name: 'x' }, { name: 'y', cpu: '500m' })], 'a: x y'],
    [
      'the younger of equals',
      important,
      [node('a', { name: 'x', startTime: '2026-01-01T00:00:00Z' }, { name: 'y', startTime: '2026-01-02T00:00:00Z' })],
      'a: y',
    ],
    [
      'the node with the lower ones',
      important,
      [node('a', { name: 'x', priority: 5, cpu: '2' }), node('b', { name: 'y', priority: 4, cpu: '2' })],
      'b: y',
    ],
    [
      'nobody of its own priority',
      important,
      [node('a', { name: 'x', priority: 10, cpu: '2' })],
      `${full}0/1 nodes are available: 1 No preemption victims found for incoming pod.`,
    ],
    [
      'nobody in vain',
      pod({ name: 'p', priority: 10, cpu: '3' }),
      [node('a', { name: 'x', cpu: '2' })],
      `${full}0/1 nodes are available: 1 Insufficient cpu.`,
    ],
    [
      'nobody by a polite one',
      pod({ name: 'p', priority: 10, spec: { preemptionPolicy: 'Never' } }),
      [node('a', { name: 'x', cpu: '2' })],
      `${full}not eligible due to preemptionPolicy=Never.`,
    ],
  ];
  for (const [what, incoming, nodes, expected] of rows) assert.equal(decide(incoming, nodes), expected, what);
});

test('budgets are kept where there is a choice', () => {
  const [x, y] = [
    { name: 'x', priority: 1 },
    { name: 'y', priority: 2 },
  ];
  assert.equal(
    decide(important, [node('a', x, y)], (name) => name === 'x'),
    'a: y',
  );
  assert.equal(
    decide(important, [node('a', x, { ...x, name: 'z' }), node('b', y, { ...y, name: 'w' })], (name) => 'xz'.includes(name)),
    'b: w',
  );
});

const create = (h: Harness, name: string, priority: number) =>
  h.client.create(Resource.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { priority, containers: [{ name: 'c' }] },
  });

test('the victim is told, the room is kept for whom it was made', async () => {
  await using h = await startHarness({ nodes: [] });
  await h.client.create(Resource.nodes, makeNode('small', { allocatable: { pods: '1' } }));
  await create(h, 'low', 1);
  await h.settle();
  await create(h, 'high', 10);
  await h.settle();
  const victim = await h.get(Resource.pods, 'low');
  assert.ok(victim.metadata.deletionTimestamp);
  assert.equal(
    victim['status'].conditions.find((one: { type: string }) => one.type === 'DisruptionTarget').reason,
    'PreemptionByScheduler',
  );
  assert.equal((await h.get(Resource.pods, 'high'))['status'].nominatedNodeName, 'small');
  // Comes when the room is free and the important one still waits for its next attempt.
  await h.client.delete(Resource.pods, { namespace: 'default', name: 'low' }, { gracePeriodSeconds: 0 });
  await create(h, 'late', 5);
  await h.pass(12);
  assert.equal((await h.get(Resource.pods, 'high'))['spec'].nodeName, 'small');
  assert.equal((await h.get(Resource.pods, 'late'))['spec'].nodeName, undefined);
  assert.ok((await h.events()).some((line) => /^Preempted: Preempted by pod \S+ on node small$/.test(line)));
});
