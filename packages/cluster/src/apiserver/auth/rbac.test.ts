import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '../../contract.ts';
import { ObjectStore } from '../store/object-store.ts';
import { withMasters } from './authorizer.ts';
import { covers, type PolicyRule, RbacAuthorizer } from './rbac.ts';

const user: UserInfo = { username: 'jane', groups: ['dev', 'system:authenticated'] };

const ask = (verb: string, resource: string, extra: { group?: string; namespace?: string; name?: string; subresource?: string } = {}) => ({
  user,
  verb,
  path: '',
  resource: { group: '', version: 'v1', namespace: '', name: '', subresource: '', resource, ...extra },
});

test('one rule and one request', () => {
  const pods: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
  const cases: [rule: PolicyRule, request: ReturnType<typeof ask>, yes: boolean][] = [
    [pods, ask('get', 'pods'), true],
    [pods, ask('list', 'pods'), false],
    [pods, ask('get', 'pods', { subresource: 'exec' }), false],
    [pods, ask('get', 'pods', { group: 'metrics.k8s.io' }), false],
    [{ ...pods, resources: ['pods/exec'] }, ask('get', 'pods', { subresource: 'exec' }), true],
    [{ ...pods, resources: ['*/exec'] }, ask('get', 'pods', { subresource: 'exec' }), true],
    [{ ...pods, resources: ['*/exec'] }, ask('get', 'pods'), false],
    [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, ask('delete', 'x', { group: 'y', subresource: 'z' }), true],
    [{ ...pods, resourceNames: ['a'] }, ask('get', 'pods', { name: 'a' }), true],
    [{ ...pods, resourceNames: ['a'] }, ask('get', 'pods', { name: 'b' }), false],
    [{ ...pods, resourceNames: ['a'] }, ask('get', 'pods'), false],
    [{ verbs: ['get'], nonResourceURLs: ['*'] }, ask('get', 'pods'), false],
  ];
  for (const [rule, request, yes] of cases) assert.equal(covers(rule, request), yes, JSON.stringify([rule, request.resource]));
  const paths: [url: string, path: string, yes: boolean][] = [
    ['/api/*', '/api/v1', true],
    ['/api/*', '/apis', false],
    ['/healthz', '/healthz', true],
    ['*', '/x', true],
  ]; // prettier-ignore
  for (const [url, path, yes] of paths)
    assert.equal(covers({ verbs: ['get'], nonResourceURLs: [url] }, { user, verb: 'get', path }), yes, `${url} ${path}`);
});

test('bindings: cluster-wide, in one namespace, by user, group and service account', () => {
  const store = new ObjectStore({ path: ':memory:' });
  const put = (kind: string, namespace: string, name: string, content: object) => {
    const type = `${kind.toLowerCase()}s.rbac.authorization.k8s.io`;
    store.create(type, namespace, name, { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name }, ...content });
  };
  const rules = [
    { verbs: ['get'], apiGroups: [''], resources: ['pods'] },
    { verbs: ['get'], nonResourceURLs: ['/metrics'] },
  ]; // prettier-ignore
  put('ClusterRole', '', 'read', { rules });
  put('Role', 'b', 'read', { rules });
  const rbac = new RbacAuthorizer(store);
  const may = (who: UserInfo, namespace: string) => rbac.authorize({ ...ask('get', 'pods', { namespace }), user: who }).allowed;
  const account: UserInfo = { username: 'system:serviceaccount:b:bot', groups: [] };
  assert.equal(may(user, 'a'), false);
  put('RoleBinding', 'a', 'one', { roleRef: { kind: 'ClusterRole', name: 'read' }, subjects: [{ kind: 'User', name: 'jane' }] });
  put('RoleBinding', 'b', 'two', { roleRef: { kind: 'Role', name: 'read' }, subjects: [{ kind: 'ServiceAccount', name: 'bot' }] });
  assert.deepEqual(
    [may(user, 'a'), may(user, 'b'), may(user, ''), may(account, 'b'), may(account, 'a')],
    [true, false, false, true, false],
  );
  assert.equal(rbac.authorize({ user, verb: 'get', path: '/metrics' }).allowed, false);
  put('ClusterRoleBinding', '', 'three', { roleRef: { kind: 'ClusterRole', name: 'read' }, subjects: [{ kind: 'Group', name: 'dev' }] });
  put('RoleBinding', 'c', 'dangling', { roleRef: { kind: 'Role', name: 'nosuch' }, subjects: [{ kind: 'User', name: 'jane' }] });
  assert.deepEqual([may(user, 'c'), may(user, ''), may(account, 'c')], [true, true, false]);
  assert.match(
    rbac.authorize({ user, verb: 'get', path: '/metrics' }).reason,
    /ClusterRoleBinding "three" of ClusterRole "read" to Group "dev"/,
  );
  assert.equal(
    withMasters(rbac).authorize({ ...ask('delete', 'nodes'), user: { username: 'x', groups: ['system:masters'] } }).allowed,
    true,
  );
  store.close();
});
