import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { decideReplicaSet, replicaSetStatus } from './decide.ts';
import { DELETION_COST, rankForDeletion } from './rank.ts';

const now = new Date('2026-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000).toISOString();

interface PodOptions {
  node?: string;
  phase?: string;
  readyFor?: number;
  age?: number;
  cost?: string;
  restarts?: number;
  isDeleting?: boolean;
}

function pod(
  uid: string,
  { node = 'n', phase = 'Running', readyFor, age = 1000, cost, restarts = 0, isDeleting }: PodOptions = {},
): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: uid,
      uid,
      creationTimestamp: ago(age),
      labels: { app: 'x' },
      annotations: cost === undefined ? {} : { [DELETION_COST]: cost },
      ...(isDeleting ? { deletionTimestamp: ago(0) } : {}),
    },
    spec: { nodeName: node },
    status: {
      phase,
      containerStatuses: [{ restartCount: restarts }],
      conditions: readyFor === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: ago(readyFor) }],
    },
  };
}

test('which pod goes first', () => {
  const ready = { readyFor: 500 };
  const cases: [string, KubernetesObject, KubernetesObject][] = [
    ['the unassigned one', pod('a', { node: '' }), pod('b', { phase: 'Pending' })],
    ['pending before running', pod('a', { phase: 'Pending' }), pod('b')],
    ['unknown before running', pod('a', { phase: 'Unknown' }), pod('b')],
    ['not ready before ready', pod('a'), pod('b', ready)],
    ['the cheaper one', pod('a', { ...ready, cost: '-5' }), pod('b', { ...ready, cost: '3' })],
    ['a cost that is no number counts 0', pod('a', { ...ready, cost: 'x' }), pod('b', { ...ready, cost: '1' })],
    ['ready for the shorter time', pod('a', { readyFor: 10 }), pod('b', { readyFor: 100 })],
    ['more restarts', pod('a', { ...ready, restarts: 2 }), pod('b', ready)],
    ['the younger', pod('a', { ...ready, age: 10 }), pod('b', { ...ready, age: 1000 })],
    ['readiness outweighs restarts', pod('a', { restarts: 0 }), pod('b', { ...ready, restarts: 9 })],
  ];
  for (const [name, first, second] of cases) {
    for (const pods of [
      [first, second],
      [second, first],
    ]) {
      assert.deepEqual(
        rankForDeletion(pods, [], now).map((found) => found.metadata.uid),
        ['a', 'b'],
        name,
      );
    }
  }
});

test('the one that shares its node with most siblings, of other revisions too', () => {
  const [a, b] = [pod('a', { node: 'crowded', readyFor: 500 }), pod('b', { node: 'free', readyFor: 10 })];
  const sibling = pod('s', { node: 'crowded', readyFor: 500 });
  assert.equal(rankForDeletion([a, b], [a, b, sibling], now)[0], a);
  assert.equal(rankForDeletion([a, b], [a, b], now)[0], b);
});

test('how many to make or delete', () => {
  const rs = (replicas: number | undefined): KubernetesObject => ({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {},
    spec: replicas === undefined ? {} : { replicas },
  });
  const pods = [
    pod('a'),
    pod('b', { phase: 'Pending' }),
    pod('c', { isDeleting: true }),
    pod('d', { phase: 'Failed' }),
    pod('e', { phase: 'Succeeded' }),
  ];
  const cases: [number | undefined, number, string[]][] = [
    [4, 2, []],
    [2, 0, []],
    [undefined, 0, ['b']],
    [0, 0, ['b', 'a']],
    [1000, 500, []],
  ];
  for (const [replicas, create, remove] of cases) {
    const decision = decideReplicaSet(rs(replicas), pods, [], now);
    assert.deepEqual([decision.create, decision.remove.map((found) => found.metadata.uid)], [create, remove], `replicas ${replicas}`);
  }
});

test('status: counts, minReadySeconds and a failure that keeps its time', () => {
  const rs: KubernetesObject = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { generation: 7 },
    spec: { replicas: 3, minReadySeconds: 60, template: { metadata: { labels: { app: 'x', tier: 'y' } } } },
  };
  const full = pod('a', { readyFor: 100 });
  full.metadata.labels = { app: 'x', tier: 'y' };
  const pods = [full, pod('b', { readyFor: 30 }), pod('c')];
  assert.deepEqual(replicaSetStatus(rs, pods, undefined, now), {
    replicas: 3,
    fullyLabeledReplicas: 1,
    readyReplicas: 2,
    availableReplicas: 1,
    observedGeneration: 7,
  });
  const failure = { reason: 'FailedCreate' as const, message: 'quota' };
  const first = replicaSetStatus(rs, pods, failure, now);
  const later = replicaSetStatus({ ...rs, status: first }, pods, failure, new Date(now.getTime() + 5000));
  assert.deepEqual(later.conditions, first.conditions);
  assert.equal(replicaSetStatus({ ...rs, status: first }, pods, undefined, now).conditions, undefined);
});
