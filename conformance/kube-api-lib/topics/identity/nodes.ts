import type { Check } from '../../topic.ts';
import { tokenRequest } from './token-request.ts';

const merge = 'application/merge-patch+json';
const node = (name: string) => ({ as: `system:node:${name}`, groups: ['system:nodes'] });
const node1 = node('n1');
const node2 = node('n2');

/** What a node may do: about itself and the pods bound to it, and nothing else. */
export const nodeChecks: readonly Check[] = [
  { name: 'a node reads another node', send: 'GET /api/v1/nodes/n2', ...node1 },
  {
    name: 'a node makes itself',
    send: 'POST /api/v1/nodes',
    ...node1,
    body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'n1' } } },
  },
  {
    name: 'a node makes another',
    send: 'POST /api/v1/nodes',
    ...node1,
    body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n2' } },
  },
  {
    name: 'a node labels itself',
    send: 'PATCH /api/v1/nodes/n1',
    type: merge,
    ...node1,
    body: { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } },
  },
  {
    name: 'a node labels itself freely',
    send: 'PATCH /api/v1/nodes/n1',
    type: merge,
    ...node1,
    body: { metadata: { labels: { zone: 'a' } } },
    only: ['metadata.labels'],
  },
  {
    name: 'a node taints itself',
    send: 'PATCH /api/v1/nodes/n1',
    type: merge,
    ...node1,
    body: { spec: { taints: [] } },
  },
  { name: 'a node deletes itself', send: 'DELETE /api/v1/nodes/n1', ...node1 },
  { name: 'a node reads a secret of nobody on it', send: 'GET $core/secrets/s', ...node1 },
  { name: 'a node lists secrets', send: 'GET $core/secrets', ...node1 },
  {
    name: 'a pod on it',
    send: 'POST $core/pods',
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'onnode' },
      spec: {
        nodeName: 'n1',
        containers: [{ name: 'c', image: 'i', env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }],
      },
    },
    only: ['spec.nodeName'],
  },
  {
    name: 'a node reads a secret of its pod',
    send: 'GET $core/secrets/s',
    ...node1,
    only: ['kind', 'message'],
  },
  { name: 'another node does not', send: 'GET $core/secrets/s', ...node2 },
  {
    name: 'a node writes the status of its pod',
    send: 'PATCH $core/pods/onnode/status',
    type: merge,
    ...node1,
    body: { status: { phase: 'Running' } },
    only: ['status.phase', 'message'],
  },
  {
    name: 'another node does not write it',
    send: 'PATCH $core/pods/onnode/status',
    type: merge,
    ...node2,
    body: { status: { phase: 'Failed' } },
  },
  {
    name: 'a node makes a pod',
    send: 'POST $core/pods',
    ...node1,
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'mine' },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
    },
  },
  {
    name: 'a node makes a mirror pod',
    send: 'POST $core/pods',
    ...node1,
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'mirror', annotations: { 'kubernetes.io/config.mirror': 'x' } },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
    },
  },
  {
    name: 'a node asks for a token',
    send: 'POST $core/serviceaccounts/default/token',
    ...node1,
    body: tokenRequest({}),
  },
  {
    name: 'a node asks for a token of its pod',
    send: 'POST $core/serviceaccounts/default/token',
    ...node1,
    body: tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'onnode' } }),
    only: ['kind', 'spec.audiences', 'message'],
  },
  {
    name: 'another node does not get it',
    send: 'POST $core/serviceaccounts/default/token',
    ...node2,
    body: tokenRequest({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'onnode' } }),
  },
  {
    name: 'a node makes its lease',
    send: 'POST /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
    ...node1,
    body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'n1' } },
    only: ['metadata.name', 'message'],
  },
  {
    name: 'a node makes another lease',
    send: 'POST /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
    ...node1,
    body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'n2' } },
  },
  {
    name: 'a node evicts a pod of its own',
    send: 'POST $core/pods/onnode/eviction',
    ...node2,
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'onnode' } },
  },
  { name: 'a node deletes a pod of another', send: 'DELETE $core/pods/onnode', ...node2 },
  {
    name: 'a node deletes its pod',
    send: 'DELETE $core/pods/onnode?gracePeriodSeconds=0',
    ...node1,
    only: ['metadata.name', 'message'],
  },
];
