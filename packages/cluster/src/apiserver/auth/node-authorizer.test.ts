import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CORE, type Harness, pod, startHarness } from '../testing/harness.ts';

const harness: Harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());

const AS_NODE = { 'Impersonate-User': 'system:node:n1', 'Impersonate-Group': 'system:nodes' };
const asNode = async (method: string, path: string, body?: unknown) => {
  const { code, json } = await harness.fetch(method, `/api/v1${path}`, { headers: AS_NODE, body });
  return { code, message: String(json?.message ?? '') };
};

const listing: readonly (readonly [selector: string, code: number])[] = [
  ['', 403],
  ['spec.nodeName=n1', 200],
  ['spec.nodeName==n1,status.phase=Running', 200],
  ['spec.nodeName=n2', 403],
  ['spec.nodeName!=n1', 403],
  ['metadata.name!=x\\,spec.nodeName\\=n1', 403],
  ['spec.nodeName=n1,nonsense', 403],
];
for (const [selector, code] of listing) {
  test(`a node lists pods by ${JSON.stringify(selector)}: ${code}`, async () => {
    assert.equal((await asNode('GET', `/pods?fieldSelector=${encodeURIComponent(selector)}`)).code, code);
  });
}

test('a name in the field selector is no name of what is made or deleted', async () => {
  const rules = [{ verbs: ['list', 'create', 'deletecollection'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'] }];
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  await harness.fetch('POST', `${rbac}/roles`, { body: { metadata: { name: 'mine' }, rules } });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'mine' };
  const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'joe' }];
  await harness.fetch('POST', `${rbac}/rolebindings`, { body: { metadata: { name: 'mine' }, roleRef, subjects } });
  const asJoe = async (method: string, body?: unknown) => {
    const path = '/api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Dmine';
    return (await harness.fetch(method, path, { headers: { 'Impersonate-User': 'joe' }, body })).code;
  };
  assert.equal(await asJoe('GET'), 200);
  assert.equal(await asJoe('POST', { metadata: { name: 'yours' } }), 403);
  assert.equal(await asJoe('DELETE'), 403);
});

test('through a mirror pod a node reaches no account and no secret', async () => {
  const node = await harness.client.create(CORE('nodes'), { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: node.metadata.uid, controller: true };
  const mirror = (name: string, spec: object) => {
    const made = pod(name, { nodeName: 'n1', ...spec });
    const metadata = { ...made.metadata, annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [owner] };
    return asNode('POST', '/namespaces/default/pods', { ...made, metadata });
  };
  const volume = (source: object) => ({ volumes: [{ name: 'v', ...source }] });
  const token = { serviceAccountToken: { path: 'token' } };
  const refused: readonly (readonly [spec: object, why: RegExp])[] = [
    [{ serviceAccountName: 'default' }, /may not reference service accounts/],
    [volume({ secret: { secretName: 's' } }), /may not reference secrets/],
    [volume({ projected: { sources: [token] } }), /may not use ServiceAccountToken volume projections/],
    [volume({ persistentVolumeClaim: { claimName: 'c' } }), /can not create pods that reference persistentvolumeclaims/],
    [volume({ configMap: { name: 'c' } }), /can not create pods that reference configmaps/],
  ];
  for (const [spec, why] of refused) assert.match((await mirror('refused', spec)).message, why);
  assert.equal((await mirror('plain', {})).code, 201);
  const made = await harness.client.get(CORE('pods'), { namespace: 'default', name: 'plain' });
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'plain', uid: made.metadata.uid };
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { boundObjectRef } };
  const answer = await asNode('POST', '/namespaces/default/serviceaccounts/default/token', request);
  assert.match(answer.message, /no relationship found between node 'n1' and this object/);
});

test('the claim of an ephemeral volume belongs to its pod', async () => {
  const volumeClaimTemplate = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
  const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }];
  await harness.client.create(CORE('pods'), pod('worker', { nodeName: 'n1', volumes }));
  const claim = (name: string) => asNode('GET', `/namespaces/default/persistentvolumeclaims/${name}`);
  assert.equal((await claim('worker-scratch')).code, 404);
  assert.equal((await claim('other')).code, 403);
});
