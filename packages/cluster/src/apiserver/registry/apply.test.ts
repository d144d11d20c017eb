import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ManagedFieldsEntry } from '@palisade/kubernetes';
import { parse } from 'yaml';
import { type Harness, startHarness } from '../testing/harness.ts';

const harness: Harness = await startHarness();
after(() => harness[Symbol.asyncDispose]());
const { fetch } = harness;

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const SERVICES = '/api/v1/namespaces/default/services';

const apply = (path: string, body: object, manager: string, options = '') =>
  fetch('PATCH', `${path}?fieldManager=${manager}${options}`, { body, headers: { 'Content-Type': 'application/apply-patch+yaml' } });
const map = (name: string, data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const merge = (path: string, body: object, manager: string) =>
  fetch('PATCH', `${path}?fieldManager=${manager}`, { body, headers: { 'Content-Type': 'application/merge-patch+json' } });
const managers = (object: { metadata: { managedFields?: ManagedFieldsEntry[] } }) =>
  Object.fromEntries(
    (object.metadata.managedFields ?? []).map(({ manager, operation, fieldsV1 }) => [`${manager} ${operation}`, fieldsV1]),
  );

const deployment = (name: string, spec: object = {}, container: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'nginx', ...container }] } },
    ...spec,
  },
});

test('made by apply: 201, the fields that were sent are owned', async () => {
  const made = await apply(`${MAPS}/made`, map('made', { a: '1' }), 'me');
  assert.equal(made.code, 201);
  assert.deepEqual(managers(made.json), { 'me Apply': { 'f:data': { 'f:a': {} } } });
  assert.equal(
    (await apply(`${MAPS}/made`, map('made', { a: '1' }), 'me')).json.metadata.resourceVersion,
    made.json.metadata.resourceVersion,
  );
});

test('who may patch and not create makes nothing by apply', async () => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  const rules = [{ verbs: ['patch'], apiGroups: [''], resources: ['configmaps'] }];
  await fetch('POST', `${rbac}/roles`, { body: { metadata: { name: 'patcher' }, rules } });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'patcher' };
  const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'joe' }];
  await fetch('POST', `${rbac}/rolebindings`, { body: { metadata: { name: 'patcher' }, roleRef, subjects } });
  const headers = { 'Content-Type': 'application/apply-patch+yaml', 'Impersonate-User': 'joe' };
  const asJoe = () => fetch('PATCH', `${MAPS}/joes?fieldManager=joe`, { body: map('joes', { a: '1' }), headers });
  assert.equal((await asJoe()).code, 403);
  await apply(`${MAPS}/joes`, map('joes', { b: '1' }), 'me');
  assert.equal((await asJoe()).code, 200);
});

test('what one manager no longer applies goes, what others own stays', async () => {
  await apply(`${MAPS}/shared`, map('shared', { a: '1', b: '1', c: '1' }), 'one');
  await apply(`${MAPS}/shared`, map('shared', { b: '1', d: '1' }), 'two');
  const next = await apply(`${MAPS}/shared`, map('shared', { a: '1' }), 'one');
  assert.deepEqual(next.json.data, { a: '1', b: '1', d: '1' });
  assert.deepEqual(managers(next.json), {
    'one Apply': { 'f:data': { 'f:a': {} } },
    'two Apply': { 'f:data': { 'f:b': {}, 'f:d': {} } },
  });
});

test('another value for a field of somebody else: 409 in the words of the real server; force takes it over', async () => {
  await fetch('POST', `${DEPLOYMENTS}?fieldManager=kubectl-client-side-apply`, { body: deployment('d', { replicas: 1 }) });
  const one = await apply(`${DEPLOYMENTS}/d`, deployment('d', { replicas: 2 }), 'me');
  assert.equal(one.code, 409);
  assert.equal(one.json.message, 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas');
  assert.deepEqual(one.json.details.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-client-side-apply" using apps/v1', field: '.spec.replicas' },
  ]);
  const two = await apply(`${DEPLOYMENTS}/d`, deployment('d', { replicas: 2 }, { image: 'other' }), 'me');
  assert.equal(
    two.json.message,
    'Apply failed with 2 conflicts: conflicts with "kubectl-client-side-apply" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name="c"].image',
  );
  const forced = await apply(`${DEPLOYMENTS}/d`, deployment('d', { replicas: 2 }, { image: 'other' }), 'me', '&force=true');
  assert.equal(forced.code, 200);
  assert.deepEqual([forced.json.spec.replicas, forced.json.spec.template.spec.containers[0].image], [2, 'other']);
  assert.equal(managers(forced.json)['kubectl-client-side-apply Update']?.['f:spec']?.['f:replicas' as never], undefined);
  assert.equal(forced.json.metadata.generation, 2);
});

test('the same value is no conflict, and a plain update takes fields without asking', async () => {
  await apply(`${MAPS}/same`, map('same', { a: '1', b: '1' }), 'one');
  assert.equal((await apply(`${MAPS}/same`, map('same', { a: '1' }), 'two')).code, 200);
  const patched = await merge(`${MAPS}/same`, { data: { a: '2', b: null, c: '1' } }, 'three');
  assert.deepEqual(managers(patched.json), { 'three Update': { 'f:data': { 'f:a': {}, 'f:c': {} } } });
});

test('lists by keys merge element by element; a default is part of the key', async () => {
  const service = (name: string, ...ports: object[]) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports } });
  await apply(`${SERVICES}/s`, service('s', { name: 'a', port: 80 }, { name: 'b', port: 81 }), 'one');
  const both = await apply(`${SERVICES}/s`, service('s', { name: 'c', port: 82 }), 'two');
  assert.equal(both.code, 200, both.text);
  assert.deepEqual(
    both.json.spec.ports.map(({ port }: { port: number }) => port),
    [80, 81, 82],
  );
  const less = await apply(`${SERVICES}/s`, service('s', { name: 'b', port: 81, protocol: 'TCP' }), 'one');
  assert.deepEqual(
    less.json.spec.ports.map(({ port }: { port: number }) => port),
    [81, 82],
  );
  assert.deepEqual(
    Object.keys((managers(less.json)['one Apply'] as never as Record<string, Record<string, object>>)['f:spec']!['f:ports']!),
    ['k:{"port":81,"protocol":"TCP"}'],
  );
});

test('status and spec are owned apart', async () => {
  await apply(`${DEPLOYMENTS}/st`, deployment('st'), 'me');
  const patched = await fetch('PATCH', `${DEPLOYMENTS}/st/status?fieldManager=ctl`, {
    body: { status: { observedGeneration: 1 } },
    headers: { 'Content-Type': 'application/merge-patch+json' },
  });
  const entry = patched.json.metadata.managedFields.find(({ manager }: ManagedFieldsEntry) => manager === 'ctl');
  assert.deepEqual([entry.subresource, entry.fieldsV1], ['status', { 'f:status': { 'f:observedGeneration': {} } }]);
});

test('an applied scale owns the replicas of its object', async () => {
  await apply(`${DEPLOYMENTS}/scaled`, deployment('scaled'), 'owner');
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'scaled' }, spec: { replicas: 7 } };
  const scaled = await apply(`${DEPLOYMENTS}/scaled/scale`, scale, 'scaler', '&force=true');
  assert.deepEqual([scaled.code, scaled.json.spec.replicas], [200, 7], scaled.text);
  const { metadata } = (await fetch('GET', `${DEPLOYMENTS}/scaled`)).json;
  const own = metadata.managedFields.find(({ manager }: ManagedFieldsEntry) => manager === 'scaler');
  assert.deepEqual([own.subresource, own.fieldsV1], ['scale', { 'f:spec': { 'f:replicas': {} } }]);
  const other = await apply(`${DEPLOYMENTS}/scaled/scale`, { ...scale, spec: { replicas: 8 } }, 'other');
  assert.equal(other.code, 409, other.text);
});

test('refusals', async () => {
  const cases: [code: number, pattern: RegExp, answer: ReturnType<typeof apply>][] = [
    [
      422,
      /PatchOptions\.meta\.k8s\.io "" is invalid: fieldManager: Required value: is required for apply patch/,
      apply(`${MAPS}/x`, map('x', {}), ''),
    ],
    [
      400,
      /managedFields must be nil/,
      apply(`${MAPS}/x`, { ...map('x', {}), metadata: { name: 'x', managedFields: [{ operation: 'Apply', apiVersion: 'v1' }] } }, 'me'),
    ],
    [400, /does not match the name on the URL/, apply(`${MAPS}/x`, map('y', {}), 'me')],
    [500, /\.spec: field not declared in schema/, apply(`${MAPS}/x`, { ...map('x', {}), spec: {} }, 'me', '&fieldValidation=Strict')],
    [404, /deployments.apps "none" not found/, apply(`${DEPLOYMENTS}/none/status`, deployment('none'), 'me')],
  ];
  for (const [code, pattern, pending] of cases) {
    const answer = await pending;
    assert.equal(answer.code, code, answer.text);
    assert.match(answer.json.message, pattern);
  }
});

test('a dry run stores nothing; custom resources apply too', async () => {
  assert.equal((await apply(`${MAPS}/dry`, map('dry', { a: '1' }), 'me', '&dryRun=All')).code, 201);
  assert.equal((await fetch('GET', `${MAPS}/dry`)).code, 404);
  const list = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, n: { type: 'integer' } } },
  };
  const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties: { list } } } };
  await fetch('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    body: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    },
  });
  const thing = (...items: object[]) => ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' }, spec: { list: items } });
  await apply('/apis/example.com/v1/namespaces/default/things/t', thing({ name: 'a', n: 1 }), 'one');
  const both = await apply('/apis/example.com/v1/namespaces/default/things/t', thing({ name: 'b', n: 2 }), 'two');
  assert.deepEqual(both.json.spec.list, [
    { name: 'a', n: 1 },
    { name: 'b', n: 2 },
  ]);
});

const recorded = `${process.env['CONFORMANCE_DIR'] ?? fileURLToPath(new URL('../../../../../../shared/conformance', import.meta.url))}/kubernetes/defaulting`;

describe('recorded managedFields', {
  skip: existsSync(recorded) ? false : `no ${recorded}: CONFORMANCE_DIR names the folder of the conformance data`,
}, () => {
  for (const [name, path] of [
    ['deployment', DEPLOYMENTS],
    ['service', SERVICES],
  ] as const) {
    test(name, async () => {
      const body = parse(readFileSync(`${recorded}/${name}-in.yaml`, 'utf8'));
      const made = await fetch('POST', `${path}?fieldManager=golden&dryRun=All`, { body });
      const expected = parse(readFileSync(`${recorded}/${name}-managedfields.yaml`, 'utf8'));
      const found = made.json.metadata.managedFields;
      assert.deepEqual(
        found.map((entry: object) => ({ ...entry, time: '<timestamp>' })),
        expected,
      );
    });
  }
});
