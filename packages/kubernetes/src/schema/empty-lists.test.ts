import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { emptyListsOf } from './empty-lists.ts';
import { SchemaRegistry } from './registry.ts';

const schemas = SchemaRegistry.builtin();
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' };
const settled = (group: string, version: string, kind: string, object: Record<string, unknown>) => {
  const copy = structuredClone(object);
  emptyListsOf(schemas, schemas.schemaFor({ group, version, kind })!)?.(copy);
  return copy;
};

describe('what storage makes of empty lists', () => {
  test('an empty list that is always shown is null, and so is one that is missing', () => {
    assert.deepEqual(settled(rbac.group, rbac.version, 'Role', { rules: [] }), { rules: null });
    assert.deepEqual(settled(rbac.group, rbac.version, 'Role', {}), { rules: null });
  });
  test('inside lists and structs too, where these are there', () => {
    assert.deepEqual(settled('discovery.k8s.io', 'v1', 'EndpointSlice', { endpoints: [{ addresses: [] }], ports: [{}] }), {
      endpoints: [{ addresses: null }],
      ports: [{}],
    });
    const pod = { spec: { containers: [{}], volumes: [{ projected: { sources: [] } }, { emptyDir: {} }] } };
    assert.deepEqual(settled('', 'v1', 'Pod', pod), {
      spec: { containers: [{}], volumes: [{ projected: { sources: null } }, { emptyDir: {} }] },
    });
  });
  test('kinds without such lists have nothing to do', () => {
    assert.equal(emptyListsOf(schemas, schemas.schemaFor({ group: '', version: 'v1', kind: 'ConfigMap' })!), undefined);
  });
});
