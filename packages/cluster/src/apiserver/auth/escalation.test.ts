import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { KubernetesObject } from '@palisade/kubernetes';
import type { UserInfo } from '../../contract.ts';
import { startHarness } from '../testing/harness.ts';

const harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());
const { client, server } = harness;

const API = 'rbac.authorization.k8s.io';
const of = (resource: string) => ({ group: API, version: 'v1', resource });
const role = (name: string, ...rules: object[]): KubernetesObject => ({
  apiVersion: `${API}/v1`,
  kind: 'Role',
  metadata: { name, namespace: 'default' },
  rules,
});
const binding = (name: string, kind: string, to: string, user = 'jane'): KubernetesObject => ({
  apiVersion: `${API}/v1`,
  kind: 'RoleBinding',
  metadata: { name, namespace: 'default' },
  roleRef: { apiGroup: API, kind, name: to },
  subjects: [{ apiGroup: API, kind: 'User', name: user }],
}); // prettier-ignore
const jane: UserInfo = { username: 'jane', groups: ['system:authenticated'] };
const asJane = server.localClient(jane);

const manage = { apiGroups: [API], resources: ['roles', 'rolebindings'], verbs: ['create', 'update', 'patch', 'get'] };
const readPods = { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] };

test('nobody gives away what they do not have', async () => {
  await client.create(of('roles'), role('manager', manage, readPods));
  await client.create(of('rolebindings'), binding('jane-manages', 'Role', 'manager'));
  await asJane.create(of('roles'), role('same', { ...readPods, verbs: ['get'] }));
  await asJane.create(of('rolebindings'), binding('passed-on', 'Role', 'same', 'joe'));
  const refused: [what: string, act: () => Promise<unknown>][] = [
    ['another resource', () => asJane.create(of('roles'), role('more', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }))],
    ['another verb', () => asJane.create(of('roles'), role('more', { ...readPods, verbs: ['delete'] }))],
    ['a star', () => asJane.create(of('roles'), role('more', { apiGroups: ['*'], resources: ['*'], verbs: ['*'] }))],
    ['by an update', () => asJane.update(of('roles'), role('same', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }))],
    ['by a binding', () => asJane.create(of('rolebindings'), binding('admin', 'ClusterRole', 'cluster-admin'))],
  ];
  for (const [what, act] of refused) await assert.rejects(act(), /is attempting to grant RBAC permissions not currently held/, what);
  await client.create(
    of('roles'),
    role('may-bind', { apiGroups: [API], resources: ['clusterroles'], resourceNames: ['view'], verbs: ['bind'] }),
  );
  await client.create(of('rolebindings'), binding('jane-binds', 'Role', 'may-bind'));
  await asJane.create(of('rolebindings'), binding('viewer', 'ClusterRole', 'view', 'joe'));
  const edits = role('edits', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] });
  await client.create(of('clusterroles'), { ...edits, kind: 'ClusterRole', metadata: { name: 'edits' } });
  await assert.rejects(asJane.create(of('rolebindings'), binding('editor', 'ClusterRole', 'edits', 'joe')), /not currently held/);
});
