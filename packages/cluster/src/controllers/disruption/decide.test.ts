import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { Resource } from '../runtime/resources.ts';
import { makeDeployment, startHarness } from '../test-harness.ts';
import { budgetStatus } from './decide.ts';

const now = new Date('2026-01-01T00:10:00Z');
const pdb = (spec: object, status: object = {}): KubernetesObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { generation: 2 },
  spec,
  status,
});
const pod = (name: string, ready = true): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});

test('how many evictions a budget allows', () => {
  const three = [pod('a'), pod('b'), pod('c')];
  const cases: [
    string,
    object,
    object,
    KubernetesObject[],
    number,
    [healthy: number, desired: number, expected: number, allowed: number],
  ][] = [
    ['minAvailable', { minAvailable: 2 }, {}, three, 3, [3, 2, 3, 1]],
    ['minAvailable, one not ready', { minAvailable: 2 }, {}, [pod('a'), pod('b'), pod('c', false)], 3, [2, 2, 3, 0]],
    ['minAvailable percent rounds up', { minAvailable: '50%' }, {}, three, 3, [3, 2, 3, 1]],
    ['maxUnavailable', { maxUnavailable: 1 }, {}, three, 3, [3, 2, 3, 1]],
    ['maxUnavailable percent rounds up', { maxUnavailable: '30%' }, {}, three, 3, [3, 2, 3, 1]],
    ['maxUnavailable above all', { maxUnavailable: 9 }, {}, three, 3, [3, 0, 3, 3]],
    ['more expected than there are', { maxUnavailable: 1 }, {}, three, 5, [3, 4, 5, 0]],
    ['no pods', { minAvailable: 0 }, {}, [], 0, [0, 0, 0, 0]],
    ['an eviction under way', { minAvailable: 1 }, { disruptedPods: { a: '2026-01-01T00:09:00Z' } }, three, 3, [2, 1, 3, 1]],
    ['an eviction that never came', { minAvailable: 1 }, { disruptedPods: { a: '2026-01-01T00:07:00Z' } }, three, 3, [3, 1, 3, 2]],
    ['an eviction that was carried out', { minAvailable: 1 }, { disruptedPods: { x: '2026-01-01T00:09:59Z' } }, three, 3, [3, 1, 3, 2]],
  ];
  for (const [name, spec, status, pods, expected, wanted] of cases) {
    const found = budgetStatus(pdb(spec, status), pods, expected, now);
    assert.deepEqual([found.currentHealthy, found.desiredHealthy, found.expectedPods, found.disruptionsAllowed], wanted, name);
    assert.equal(found.conditions[0].reason, wanted[3] > 0 ? 'SufficientPods' : 'InsufficientPods', name);
  }
});

test('the status follows pods and the size of their Deployment', async () => {
  await using h = await startHarness();
  await h.client.create(Resource.podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web', namespace: 'default' },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  await h.client.create(Resource.deployments, makeDeployment('web', 3));
  await h.settle();
  const allowed = async () => {
    const { status } = await h.get(Resource.podDisruptionBudgets, 'web');
    return [status.expectedPods, status.currentHealthy, status.disruptionsAllowed];
  };
  assert.deepEqual(await allowed(), [3, 0, 0]);
  await h.runPods();
  assert.deepEqual(await allowed(), [3, 3, 1]);
});
