import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatApiVersion, parseApiVersion, SchemaRegistry } from './registry.ts';

const registry = SchemaRegistry.builtin();

test('resources are found by plural and by kind', () => {
  const pods = registry.byResource({ group: '', version: 'v1', resource: 'pods' });
  assert.equal(pods?.kind, 'Pod');
  assert.deepEqual(pods?.shortNames, ['po']);
  assert.equal(registry.byKind({ group: 'apps', version: 'v1', kind: 'Deployment' })?.resource, 'deployments');
  assert.equal(registry.byResource({ group: 'apps', version: 'v1', resource: 'pods' }), undefined);
});

test('a subresource names its own kind, or the parent group where discovery leaves it empty', () => {
  const kindOf = (group: string, resource: string, sub: string) =>
    registry.byResource({ group, version: 'v1', resource })?.subresources.find((s) => s.name === sub)?.kind;
  assert.deepEqual(kindOf('', 'serviceaccounts', 'token'), { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' });
  assert.deepEqual(kindOf('apps', 'deployments', 'status'), { group: 'apps', version: 'v1', kind: 'Deployment' });
  assert.deepEqual(kindOf('', 'pods', 'binding'), { group: '', version: 'v1', kind: 'Binding' });
});

test('kinds without a resource are known, unknown kinds are not', () => {
  for (const kind of ['Status', 'DeleteOptions', 'PodList']) assert.equal(registry.hasKind({ group: '', version: 'v1', kind }), true, kind);
  assert.equal(registry.hasKind({ group: 'policy', version: 'v1', kind: 'Eviction' }), true);
  assert.equal(registry.hasKind({ group: '', version: 'v2', kind: 'Pod' }), false);
});

test('every resource has a definition and every reference in the table leads somewhere', () => {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const field of registry.definition(name).fields.values()) {
      let type = field.type;
      while (type.kind === 'list' || type.kind === 'map') type = type.kind === 'list' ? type.item : type.value;
      if (type.kind === 'ref') visit(type.name);
    }
  };
  for (const r of registry.resources()) {
    const definition = registry.schemaFor(r);
    assert.ok(definition ?? r.subresources.length > 0, `${r.group}/${r.version} ${r.kind}`);
    if (definition) visit(definition.name);
  }
  assert.ok(seen.size > 300, `${seen.size} definitions reached`);
});

test('apiVersion splits and joins', () => {
  for (const text of ['v1', 'apps/v1', 'networking.k8s.io/v1']) {
    const { group, version } = parseApiVersion(text);
    assert.equal(formatApiVersion(group, version), text);
  }
});
