import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserInfo } from '../../contract.ts';
import type { Attributes } from './authorizer.ts';
import { ImpersonationError, impersonated } from './impersonate.ts';

const caller: UserInfo = { username: 'jane', groups: ['dev', 'system:authenticated'] };
/** Allows what it is told, as `resource/name`, and remembers what it was asked. */
function authorizer(...allowed: string[]) {
  const asked: Attributes[] = [];
  const authorize = (attributes: Attributes) => {
    asked.push(attributes);
    const { resource, name } = attributes.resource!;
    return { allowed: attributes.verb === 'impersonate' && allowed.includes(`${resource}/${name}`), reason: '' };
  };
  return { asked, authorize };
}

test('who asks for nobody stays who they are', () => {
  const all = authorizer();
  assert.equal(impersonated(caller, {}, all), caller);
  assert.deepEqual(all.asked, []);
});

test('each part must be allowed; what is not asked for is not inherited', () => {
  const headers = {
    'impersonate-user': ['joe'],
    'impersonate-group': ['ops'],
    'impersonate-uid': ['7'],
    'impersonate-extra-example.com%2fscopes': ['a', 'b'],
  };
  const parts = ['users/joe', 'groups/ops', 'uids/7', 'userextras/a', 'userextras/b'];
  assert.deepEqual(impersonated(caller, headers, authorizer(...parts)), {
    username: 'joe',
    uid: '7',
    groups: ['ops', 'system:authenticated'],
    extra: { 'example.com/scopes': ['a', 'b'] },
  });
  for (const missing of parts) {
    const without = authorizer(...parts.filter((part) => part !== missing));
    assert.throws(() => impersonated(caller, headers, without), { message: /User "jane" cannot impersonate resource/ }, missing);
  }
});

test('an account is asked for by its namespace and has its groups', () => {
  const one = authorizer('serviceaccounts/web');
  const user = impersonated(caller, { 'impersonate-user': ['system:serviceaccount:shop:web'] }, one);
  assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated']);
  assert.equal(one.asked[0]?.resource?.namespace, 'shop');
});

test('a group without a user is no request at all', () => {
  assert.throws(
    () => impersonated(caller, { 'impersonate-group': ['system:masters'] }, authorizer('groups/system:masters')),
    ImpersonationError,
  );
});

test('who is made anonymous is not authenticated', () => {
  const groups = (user: string, ...asked: string[]) => {
    const headers = { 'impersonate-user': [user], ...(asked.length > 0 ? { 'impersonate-group': asked } : {}) };
    return impersonated(caller, headers, authorizer(`users/${user}`, ...asked.map((group) => `groups/${group}`))).groups;
  };
  assert.deepEqual(groups('system:anonymous'), ['system:unauthenticated']);
  assert.deepEqual(groups('joe', 'system:unauthenticated'), ['system:unauthenticated']);
  assert.deepEqual(groups('joe', 'ops'), ['ops', 'system:authenticated']);
});
