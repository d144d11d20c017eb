import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import { describeWorkload, workloadName } from './metadata.ts';

const pod = (metadata: KubernetesObject['metadata']): KubernetesObject => ({ apiVersion: 'v1', kind: 'Pod', metadata });
const owner = (kind: string, name: string) => [{ apiVersion: 'apps/v1', kind, name, uid: 'u', controller: true }];

test('a pod is known by what made it', () => {
  const cases: readonly (readonly [KubernetesObject['metadata'], string])[] = [
    [{ name: 'a-5f4-x1', labels: { 'pod-template-hash': '5f4' }, ownerReferences: owner('ReplicaSet', 'a-5f4') }, 'a'],
    [{ name: 'a-5f4-x1', labels: {}, ownerReferences: owner('ReplicaSet', 'a-5f4') }, 'a-5f4'],
    [{ name: 'db-0', ownerReferences: owner('StatefulSet', 'db') }, 'db'],
    [{ name: 'lone' }, 'lone'],
    // At admission the name is not there yet.
    [{ generateName: 'a-5f4-', labels: { 'pod-template-hash': '5f4' }, ownerReferences: owner('ReplicaSet', 'a-5f4') }, 'a'],
    [{ generateName: 'job-' }, 'job'],
  ];
  for (const [metadata, expected] of cases) assert.equal(workloadName(pod(metadata)), expected);
});

test('Istio’s form, with the labels that name service and revision', () => {
  assert.equal(describeWorkload(pod({ name: 'x', namespace: 'shop' })), 'x;shop;x;latest;Kubernetes');
  const labels = { app: 'details', version: 'v1' };
  assert.equal(describeWorkload(pod({ name: 'x', namespace: 'shop', labels })), 'x;shop;details;v1;Kubernetes');
  assert.equal(describeWorkload(pod({ name: 'x', namespace: 'shop', labels: { app: '' } })), 'x;shop;x;latest;Kubernetes');
  const canonical = { ...labels, 'service.istio.io/canonical-name': 'd', 'service.istio.io/canonical-revision': 'r' };
  assert.equal(describeWorkload(pod({ name: 'x', namespace: 'shop', labels: canonical })), 'x;shop;d;r;Kubernetes');
});
