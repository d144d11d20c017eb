import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SchemaRegistry } from '@palisade/kubernetes';
import { coerceEmbedded, embeddedFaults } from './embedded.ts';
import { repeatedElements } from './list-types.ts';
import { scaleFaults } from './scale-values.ts';
import type { JsonSchema } from './schema.ts';
import { checkValue } from './validate-schema.ts';

const told = (causes: readonly { field?: string; message?: string }[]) => causes.map(({ field, message }) => `${field}: ${message}`);
const object = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({ type: 'object', properties });

/** A schema, a value, and what is said of it. */
const CASES: readonly [schema: JsonSchema, value: unknown, expected: string[]][] = [
  [{ type: 'number', multipleOf: 0.5 }, 3, ['x: Invalid value: 0: factor MultipleOf declared for x must be positive: 0']],
  [{ type: 'number', multipleOf: 0.1 }, 0.3, []],
  [{ type: 'number', multipleOf: 2 }, 3, ['x: Invalid value: 3: x in body should be a multiple of 2']],
  [{ type: 'number', maximum: 2.5 }, 3, ['x: Invalid value: 3: x in body should be less than or equal to 2']],
  [{ type: 'string', minLength: 2, pattern: '^a$' }, 'b', ['x: Invalid value: "b": x in body should be at least 2 chars long']],
  [{ type: 'string', nullable: true, enum: ['a'] }, null, ['x: Unsupported value: null: supported values: "a"']],
  [
    { type: 'array', maxItems: 1, items: { type: 'integer' } },
    [1, 'a'],
    ['x[1]: Invalid value: "string": x[1] in body must be of type integer: "string"', 'x: Too many: 2: must have at most 1 items'],
  ],
  [
    { ...object({ a: { type: 'string' } }), required: ['b'] },
    { a: 1 },
    ['x.a: Invalid value: "integer": x.a in body must be of type string: "integer"', 'x.b: Required value'],
  ],
  [
    { type: 'integer', allOf: [{ minimum: 3 }, { maximum: 9 }] },
    1,
    [
      'x: Invalid value: 1: x in body should be greater than or equal to 3',
      '<nil>: Invalid value: "": "x" must validate all the schemas (allOf)',
    ],
  ],
  [
    { type: 'integer', anyOf: [{ minimum: 3 }, { maximum: 0 }] },
    1,
    [
      '<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)',
      'x: Invalid value: 1: x in body should be greater than or equal to 3',
    ],
  ],
];

test('faults in the words and the order of the real validator', () => {
  for (const [schema, value, expected] of CASES) assert.deepEqual(told(checkValue(schema, value, 'x')), expected);
});

test('what an update leaves as it was is not held against it', () => {
  const item = object({ id: { type: 'string' }, n: { type: 'integer', maximum: 1 } });
  const keyed: JsonSchema = { type: 'array', items: item, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'] };
  const schema = object({ a: { type: 'integer', maximum: 1 }, keyed, atomic: { type: 'array', items: item } });
  const faults = (value: object, old: object) => checkValue(schema, value, '', old).map(({ field }) => field);
  assert.deepEqual(faults({ a: 5, b: 1 }, { a: 5 }), []);
  assert.deepEqual(faults({ a: 6 }, { a: 5 }), ['a']);
  assert.deepEqual(faults({ keyed: [{ id: 'new' }, { id: 'x', n: 5 }] }, { keyed: [{ id: 'x', n: 5 }] }), []);
  assert.deepEqual(faults({ atomic: [{ id: 'new' }, { id: 'x', n: 5 }] }, { atomic: [{ id: 'x', n: 5 }] }), ['atomic[1].n']);
});

test('elements that are there twice are told once', () => {
  const keyed: JsonSchema = {
    type: 'array',
    items: object({ id: { type: 'string', default: 'd' } }),
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['id'],
  };
  const schema = object({ keyed, set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' } });
  const value = { keyed: [{ id: 'd' }, {}, { id: 'e' }], set: ['a', 'a', 'a'] };
  assert.deepEqual(told(repeatedElements(schema, value, '')), ['keyed[1]: Duplicate value: {"id":"d"}', 'set[1]: Duplicate value: "a"']);
  assert.deepEqual(told(repeatedElements(schema, { keyed: [1] }, '')), [
    'keyed[0]: Invalid value: 1: must be an object for an array of list-type map',
  ]);
});

test('resources inside of others have a type and metadata', () => {
  const schemas = SchemaRegistry.builtin();
  const schema = object({ t: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true } });
  const faults = (t: object) => told(embeddedFaults(schemas, schema, { t }));
  assert.deepEqual(faults({ apiVersion: 'v1', kind: 'Pod' }), []);
  assert.deepEqual(faults({ apiVersion: 'a/b/c', kind: '' }), [
    't.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
    't.kind: Invalid value: "": must not be empty',
  ]);
  assert.equal(faults({ metadata: { labels: { 'a b': 'c' } } }).length, 3);
  const unknown: string[] = [];
  const value = { t: { metadata: { name: 'x', foo: 1 }, spec: { bar: 2 } } };
  coerceEmbedded(schemas, schema, value, (field) => unknown.push(field));
  assert.deepEqual([value, unknown], [{ t: { metadata: { name: 'x' }, spec: { bar: 2 } } }, ['t.metadata.foo']]);
});

test('what a Scale shows is small, whole and not negative', () => {
  const paths = { replicas: ['spec', 'n'], statusReplicas: ['status', 'n'], selector: ['status', 's'] };
  const faults = (value: object, part: 'whole' | 'status' = 'whole') => told(scaleFaults(paths, value, part));
  assert.deepEqual(faults({ spec: { n: 3 }, status: {} }), []);
  assert.deepEqual(faults({ spec: { n: -1 } }), ['.spec.n: Invalid value: -1: should be a non-negative integer']);
  assert.deepEqual(faults({ spec: { n: -1 } }, 'status'), []);
  assert.deepEqual(faults({ spec: 'x', status: { n: 2 ** 40, s: 5 } }), [
    '.spec.n: Invalid value: 0: .spec.n accessor error: x is of the type string, expected map[string]interface{}',
    '.status.n: Invalid value: 1099511627776: should be less than or equal to 2147483647',
    '.status.s: Invalid value: "": .status.s accessor error: 5 is of the type int64, expected string',
  ]);
});
