import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import fc from 'fast-check';
import { makeNode } from '../test-harness.ts';
import type { Cluster } from './cluster.ts';
import { placePod } from './decide.ts';
import { podRequests } from './requests.ts';

type PodSpec = Record<string, unknown>;

const pod = (spec: PodSpec = {}, labels: Record<string, string> = {}, namespace = 'default'): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace, labels },
  spec: { containers: [{ name: 'c' }], ...spec },
});

const container = (requests: Record<string, string>, extra: object = {}) => ({ name: 'c', resources: { requests }, ...extra });

function cluster(...nodes: [KubernetesObject, ...KubernetesObject[]][]): Cluster {
  return {
    nodes: nodes.map(([node, ...pods]) => ({ node, pods })),
    namespaceLabels: (namespace) => ({ name: namespace }),
    claim: () => undefined,
    violatesBudget: () => false,
  };
}

const zone = (name: string, value: string) => makeNode(name, { labels: { zone: value } });
const affinity = (flavour: string, labels: object, extra: object = {}) => ({
  affinity: {
    [flavour]: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: labels }, ...extra }],
    },
  },
});
const spread = (extra: object = {}) => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'x' } }, ...extra },
  ],
});

const NO_HELP = (total: number) => ` preemption: 0/${total} nodes are available: ${total} Preemption is not helpful for scheduling.`;
const NO_VICTIM = (total: number) => ` preemption: 0/${total} nodes are available: ${total} No preemption victims found for incoming pod.`;

test('where a pod may stand, and why not', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
  const hostPort = (port: number, extra: object = {}) => ({
    containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: port, ...extra }] }],
  });
  const inZone = (...values: string[]) => ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values }] }],
        },
      },
    },
  });
  const cases: [string, KubernetesObject, Cluster, string][] = [
    ['no nodes', pod(), cluster(), 'no nodes available to schedule pods'],
    ['an empty node', pod(), cluster([makeNode('a')]), '@a'],
    [
      'cordoned',
      pod(),
      cluster([makeNode('a', { spec: { unschedulable: true } })]),
      `0/1 nodes are available: 1 node(s) were unschedulable.${NO_HELP(1)}`,
    ],
    [
      'cordoned, tolerated',
      pod({ tolerations: [{ operator: 'Exists' }] }),
      cluster([makeNode('a', { spec: { unschedulable: true } })]),
      '@a',
    ],
    ['tainted', pod(), cluster([makeNode('a', { spec: { taints: [taint] } })], [makeNode('b')]), '@b'],
    [
      'tainted everywhere',
      pod(),
      cluster([makeNode('a', { spec: { taints: [taint] } })]),
      `0/1 nodes are available: 1 node(s) had untolerated taint {k: v}.${NO_HELP(1)}`,
    ],
    [
      'PreferNoSchedule is a wish',
      pod(),
      cluster([makeNode('a', { spec: { taints: [{ ...taint, effect: 'PreferNoSchedule' }] } })], [makeNode('b')]),
      '@b',
    ],
    ['nodeSelector', pod({ nodeSelector: { zone: '2' } }), cluster([zone('a', '1')], [zone('b', '2')]), '@b'],
    ['affinity In', pod(inZone('2', '3')), cluster([zone('a', '1')], [zone('b', '2')]), '@b'],
    [
      'affinity nowhere',
      pod(inZone('9')),
      cluster([zone('a', '1')], [zone('b', '2')]),
      `0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.${NO_HELP(2)}`,
    ],
    [
      'host port taken',
      pod(hostPort(80)),
      cluster([makeNode('a'), pod(hostPort(80))]),
      `0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.${NO_VICTIM(1)}`,
    ],
    [
      'host port of another address',
      pod(hostPort(80, { hostIP: '10.0.0.1' })),
      cluster([makeNode('a'), pod(hostPort(80, { hostIP: '10.0.0.2' }))]),
      '@a',
    ],
    ['host port of another protocol', pod(hostPort(80, { protocol: 'UDP' })), cluster([makeNode('a'), pod(hostPort(80))]), '@a'],
    [
      'exactly what is left',
      pod({ containers: [container({ cpu: '500m' })] }),
      cluster([makeNode('a'), pod({ containers: [container({ cpu: '1500m' })] })]),
      '@a',
    ],
    [
      'too much',
      pod({ containers: [container({ cpu: '501m', memory: '5Gi' })] }),
      cluster([makeNode('a'), pod({ containers: [container({ cpu: '1500m' })] })]),
      `0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.${NO_VICTIM(1)}`,
    ],
    [
      'full',
      pod(),
      cluster([makeNode('a', { allocatable: { pods: '1' } }), pod()]),
      `0/1 nodes are available: 1 Too many pods.${NO_VICTIM(1)}`,
    ],
    ['near a friend', pod(affinity('podAffinity', { app: 'x' })), cluster([zone('a', '1')], [zone('b', '2'), pod({}, { app: 'x' })]), '@b'],
    [
      'friend in another namespace',
      pod(affinity('podAffinity', { app: 'x' })),
      cluster([zone('a', '1'), pod({}, { app: 'x' }, 'other')]),
      `0/1 nodes are available: 1 node(s) didn't match pod affinity rules.${NO_HELP(1)}`,
    ],
    [
      'friend by namespaceSelector',
      pod(affinity('podAffinity', { app: 'x' }, { namespaceSelector: { matchLabels: { name: 'other' } } })),
      cluster([zone('a', '1'), pod({}, { app: 'x' }, 'other')]),
      '@a',
    ],
    ['the first of its kind', pod(affinity('podAffinity', { app: 'x' }), { app: 'x' }), cluster([zone('a', '1')]), '@a'],
    [
      'away from a foe',
      pod(affinity('podAntiAffinity', { app: 'x' })),
      cluster([zone('a', '1'), pod({}, { app: 'x' })], [zone('b', '1')], [zone('c', '2')]),
      '@c',
    ],
    [
      'the foe keeps away from it',
      pod({}, { app: 'y' }),
      cluster([zone('a', '1'), pod(affinity('podAntiAffinity', { app: 'y' }))]),
      `0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.${NO_VICTIM(1)}`,
    ],
    ['spread', pod(spread(), { app: 'x' }), cluster([zone('a', '1'), pod({}, { app: 'x' })], [zone('b', '2')]), '@b'],
    [
      'spread without the label',
      pod(spread(), { app: 'x' }),
      cluster([makeNode('a')]),
      `0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).${NO_HELP(1)}`,
    ],
    [
      'spread over too few domains',
      pod(spread({ minDomains: 2 }), { app: 'x' }),
      cluster([zone('a', '1'), pod({}, { app: 'x' })]),
      `0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints.${NO_VICTIM(1)}`,
    ],
  ];
  for (const [name, wanted, where, answer] of cases) {
    const placement = placePod(wanted, where);
    assert.equal(placement.node === undefined ? placement.message : `@${placement.node}`, answer, name);
  }
});

test('among possible nodes: preferences, then the emptier one, then apart from its siblings', () => {
  const owned = (uid: string) => ({
    ...pod(),
    metadata: { name: 'p', namespace: 'default', ownerReferences: [{ apiVersion: 'v1', kind: 'R', name: 'r', uid, controller: true }] },
  });
  const preferring = pod({
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 10, preference: { matchExpressions: [{ key: 'zone', operator: 'Exists' }] } },
        ],
      },
    },
  });
  assert.deepEqual(placePod(preferring, cluster([makeNode('a')], [zone('b', '1')])), { node: 'b' });
  assert.deepEqual(placePod(pod(), cluster([makeNode('a'), pod({ containers: [container({ cpu: '1' })] })], [makeNode('b')])), {
    node: 'b',
  });
  assert.deepEqual(placePod(owned('x'), cluster([makeNode('a'), owned('x')], [makeNode('b'), owned('y')])), { node: 'b' });
});

test('a pod asks for its containers and sidecars together, or for its hungriest init container', () => {
  const sidecar = container({ cpu: '100m' }, { restartPolicy: 'Always' });
  const cases: [PodSpec, number][] = [
    [{ containers: [container({ cpu: '200m' }), container({ cpu: '300m' })] }, 0.5],
    [{ containers: [container({ cpu: '200m' })], initContainers: [container({ cpu: '1' })] }, 1],
    [{ containers: [container({ cpu: '200m' })], initContainers: [sidecar, container({ cpu: '1' })] }, 1.1],
    [{ containers: [container({ cpu: '200m' })], initContainers: [container({ cpu: '100m' }), sidecar] }, 0.3],
    [{ containers: [container({ cpu: '200m' })], overhead: { cpu: '50m' } }, 0.25],
  ];
  for (const [spec, cpu] of cases) assert.ok(Math.abs(podRequests(pod(spec)).get('cpu')! - cpu) < 1e-9, JSON.stringify(spec));
});

test('no order of nodes changes the answer, and no node is overfilled', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(sizes, fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 20 }), (nodes, requests) => {
      const views = nodes.map((cpu, i) => ({
        node: makeNode(`n${i}`, { allocatable: { cpu: String(cpu) } }),
        pods: [] as KubernetesObject[],
      }));
      const rest = { namespaceLabels: () => ({}), claim: () => undefined, violatesBudget: () => false };
      for (const cpu of requests) {
        const incoming = pod({ containers: [container({ cpu: String(cpu) })] });
        const placement = placePod(incoming, { nodes: views, ...rest });
        assert.deepEqual(placePod(incoming, { nodes: [...views].reverse(), ...rest }).node, placement.node);
        const used = (view: (typeof views)[number]) => view.pods.reduce((sum, present) => sum + podRequests(present).get('cpu')!, 0);
        if (placement.node === undefined) assert.ok(views.every((view, i) => used(view) + cpu > nodes[i]!));
        else views.find((view) => view.node.metadata.name === placement.node)!.pods.push(incoming);
        assert.ok(views.every((view, i) => used(view) <= nodes[i]!));
      }
    }),
  );
});
