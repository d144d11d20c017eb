import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SchemaRegistry } from '../schema/registry.ts';
import { builtinShape } from './shape.ts';
import { findTypeFaults, formatTypeFaults } from './types.ts';

const schemas = SchemaRegistry.builtin();
const faultsOf = (kind: string, value: object) => findTypeFaults(builtinShape(schemas, `io.k8s.api.core.v1.${kind}`), value);
const inPod = (container: object) => faultsOf('Pod', { spec: { containers: [{ name: 'a', ...container }] } });

/** `path: why`, as structured-merge-diff writes it. */
const CASES: readonly [value: readonly string[], expected: string[]][] = [
  [faultsOf('ConfigMap', { data: { a: 1 } }), ['.data.a: expected string, got &value.valueUnstructured{Value:1}']],
  [faultsOf('ConfigMap', { data: { a: ['x'] } }), ['.data.a: expected string, got &value.valueUnstructured{Value:[]interface {}{"x"}}']],
  [faultsOf('ConfigMap', { data: 'x', foo: 1 }), ['.data: expected map, got &{x}', '.foo: field not declared in schema']],
  [faultsOf('ConfigMap', { data: null, immutable: 'yes' }), ['.immutable: expected boolean, got &{yes}']],
  [faultsOf('Pod', { spec: { containers: { a: 'b' } } }), ['.spec.containers: expected list, got &{map[a:b]}']],
  [faultsOf('Pod', { spec: { priority: 'x' } }), ['.spec.priority: expected numeric (int or float), got string']],
  [inPod({ command: [1] }), ['.spec.containers[name="a"].command[0]: expected string, got &value.valueUnstructured{Value:1}']],
  [inPod({ resources: { limits: { cpu: 1, memory: '1Gi' } } }), []],
  [inPod({ resources: { limits: { cpu: {} } } }), ['.spec.containers[name="a"].resources.limits.cpu: expected any scalar, got &{map[]}']],
  [
    faultsOf('Service', { spec: { ports: [{ protocol: 'TCP', port: 1 }, { port: 1 }] } }),
    ['.spec.ports: duplicate entries for key [port=1,protocol="TCP"]'],
  ],
  [faultsOf('PodSpec', { containers: [null] }), ['.containers: element 0: associative list with keys may not have a null element']],
  [faultsOf('PodSpec', { containers: ['a'] }), ['.containers: element 0: associative list with keys may not have non-map elements']],
  [
    faultsOf('Pod', { metadata: { finalizers: ['a', 'a', 3] } }),
    [
      '.metadata.finalizers: duplicate entries for key [="a"]',
      '.metadata.finalizers[=3]: expected string, got &value.valueUnstructured{Value:3}',
    ],
  ],
];

test('what does not fit its type', () => {
  for (const [found, expected] of CASES) assert.deepEqual(found, expected);
});

test('an element without any of its keys', () => {
  const shape = { kind: 'keyed', item: { kind: 'open' }, keys: ['a', 'b'], keyDefaults: {} } as const;
  const why =
    'associative list with keys has an element that omits all key fields ["a" "b"] (and doesn\'t have default values for any key fields)';
  assert.deepEqual(findTypeFaults(shape, [{ a: 1 }, { c: 1 }]), [`element 1: ${why}`]);
});

test('one text for several', () => {
  assert.equal(formatTypeFaults(['.a: x']), '.a: x');
  assert.equal(formatTypeFaults(['.a: x', '.b: y']), 'errors:\n  .a: x\n  .b: y');
});
