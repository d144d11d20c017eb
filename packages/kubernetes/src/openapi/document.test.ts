import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SchemaRegistry } from '../schema/registry.ts';
import { openApiV3Document, openApiV3Index } from './document.ts';

const registry = SchemaRegistry.builtin();
// biome-ignore lint/suspicious/noExplicitAny: documents are free-form JSON
const documentOf = (name: string): any => openApiV3Document(registry, name);

test('the index lists every group version once, with a hash that is the content', () => {
  const { paths } = openApiV3Index(registry);
  assert.equal(Object.keys(paths).length, new Set(registry.resources().map((r) => `${r.group}/${r.version}`)).size);
  assert.match(paths['api/v1']!.serverRelativeURL, /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{64}$/);
  assert.deepEqual(openApiV3Index(registry), { paths });
});

test('every kind that can be patched offers server-side validation and its patch types', () => {
  let patched = 0;
  for (const info of registry.resources().filter((r) => r.verbs.includes('patch'))) {
    const root = info.group === '' ? 'api/v1' : `apis/${info.group}/${info.version}`;
    const scope = info.namespaced ? '/namespaces/{namespace}' : '';
    const { patch } = documentOf(root).paths[`/${root}${scope}/${info.resource}/{name}`];
    assert.deepEqual(patch['x-kubernetes-group-version-kind'], { group: info.group, kind: info.kind, version: info.version });
    assert.ok(patch.parameters.some((p: { name: string; in: string }) => p.name === 'fieldValidation' && p.in === 'query'));
    assert.ok('application/strategic-merge-patch+json' in patch.requestBody.content);
    patched++;
  }
  assert.ok(patched > 40, `${patched} kinds`);
});

test('no reference leads outside its document', () => {
  for (const name of Object.keys(openApiV3Index(registry).paths)) {
    const document = documentOf(name);
    const text = JSON.stringify(document);
    for (const [, target] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      assert.ok(document.components.schemas[target!], `${name}: ${target}`);
    assert.equal(text.includes('"description":"'), text.includes('"description":"OK"'));
  }
});

test('schemas carry required fields, merge keys, enums and defaults', () => {
  const { schemas } = documentOf('apis/apps/v1').components;
  assert.deepEqual(schemas['io.k8s.api.apps.v1.DeploymentSpec'].required.sort(), ['selector', 'template']);
  assert.deepEqual(schemas['io.k8s.api.core.v1.PodSpec'].properties.containers, {
    type: 'array',
    items: { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }] },
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
  assert.deepEqual(schemas['io.k8s.api.core.v1.ContainerPort'].properties.protocol, {
    type: 'string',
    default: 'TCP',
    enum: ['SCTP', 'TCP', 'UDP'],
  });
});

test('a group version that is not served has no document', () =>
  assert.equal(openApiV3Document(registry, 'apis/example.com/v1'), undefined));
