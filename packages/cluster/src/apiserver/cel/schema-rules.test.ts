import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../registry/custom/schema.ts';
import { compileSchemaRules } from './schema-rules.ts';

const INT: JsonSchema = { type: 'integer' };
const TEXT: JsonSchema = { type: 'string' };
const object = (properties: Record<string, JsonSchema>, ...rules: (string | object)[]): JsonSchema => ({
  type: 'object',
  properties,
  ...(rules.length === 0 ? {} : { 'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)) as never }),
});
const spec = (schema: JsonSchema) => object({ spec: schema });
const ruled = (schema: JsonSchema, ...rules: (string | object)[]) => ({ ...schema, ...object({}, ...rules), ...schema });

function compile(schema: JsonSchema) {
  return compileSchemaRules(schema, {
    fault(path, rule, error) {
      if (error.kind !== 'cost') assert.fail(`${path} ${rule.rule}: ${error.message}`);
    },
    cost() {},
  });
}
const show = (schema: JsonSchema, value: unknown, old?: unknown) =>
  compile(spec(schema))
    .check({ spec: value }, old === undefined ? undefined : { spec: old })
    .map(({ field, message, reason }) => `${field}: ${message} (${reason})`);

const minMax = object({ min: INT, max: INT }, 'self.min <= self.max');

const cases: [name: string, schema: JsonSchema, value: unknown, old: unknown, expected: string[]][] = [
  ['a rule that holds', minMax, { min: 1, max: 2 }, undefined, []],
  [
    'one that does not',
    minMax,
    { min: 3, max: 2 },
    undefined,
    ['spec: Invalid value: "object": failed rule: self.min <= self.max (FieldValueInvalid)'],
  ],
  [
    'a field that is missing refuses',
    minMax,
    { min: 3 },
    undefined,
    ['spec: Invalid value: "object": No such key: max evaluating rule: self.min <= self.max (FieldValueInvalid)'],
  ],
  [
    'a fault of the evaluation refuses',
    object({ a: INT }, '1 / self.a == 1'),
    { a: 0 },
    undefined,
    ['spec: Invalid value: "object": rule evaluation error: division by zero evaluating rule: 1 / self.a == 1 (FieldValueInvalid)'],
  ],
  [
    'message, reason and fieldPath',
    object({ a: INT }, { rule: 'self.a > 1', message: 'too small', reason: 'FieldValueForbidden', fieldPath: '.a' }),
    { a: 1 },
    undefined,
    ['spec.a: Forbidden: too small (FieldValueForbidden)'],
  ],
  [
    'messageExpression',
    object({ a: INT }, { rule: 'self.a > 1', messageExpression: '"found " + string(self.a)' }),
    { a: 1 },
    undefined,
    ['spec: Invalid value: "object": found 1 (FieldValueInvalid)'],
  ],
  [
    'elements and values each on their own',
    object({
      list: { type: 'array', items: { type: 'string', 'x-kubernetes-validations': [{ rule: "self != 'x'" }] } },
      map: { type: 'object', additionalProperties: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self < 5' }] } },
    }),
    { list: ['a', 'x'], map: { ok: 1, big: 9 } },
    undefined,
    [
      `spec.list[1]: Invalid value: "string": failed rule: self != 'x' (FieldValueInvalid)`,
      'spec.map[big]: Invalid value: "integer": failed rule: self < 5 (FieldValueInvalid)',
    ],
  ],
  [
    'names that are no identifiers',
    object({ 'a-b.c': INT, in: INT }, 'self.a__dash__b__dot__c == 1 && self.__in__ == 2'),
    { 'a-b.c': 1, in: 2 },
    undefined,
    [],
  ],
  [
    'int or string',
    object({ p: { 'x-kubernetes-int-or-string': true } }, "type(self.p) == int ? self.p < 10 : self.p.endsWith('%')"),
    { p: '5%' },
    undefined,
    [],
  ],
  ['null counts as absent', object({ a: { ...INT, nullable: false } }, '!has(self.a)'), { a: null }, undefined, []],
  ['transition: nothing before', object({ a: INT }, 'self.a == oldSelf.a'), { a: 1 }, undefined, []],
  [
    'transition: changed',
    object({ a: INT }, { rule: 'self.a == oldSelf.a', message: 'immutable' }),
    { a: 2 },
    { a: 1 },
    ['spec: Invalid value: "object": immutable (FieldValueInvalid)'],
  ],
  [
    'transition that asks for the beginning too',
    object({ a: INT }, { rule: 'oldSelf.hasValue() || self.a == 1', optionalOldSelf: true }),
    { a: 2 },
    undefined,
    ['spec: Invalid value: "object": failed rule: oldSelf.hasValue() || self.a == 1 (FieldValueInvalid)'],
  ],
  [
    'transition of a list by keys',
    object({
      list: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: object({ name: TEXT, port: INT }, 'self.port >= oldSelf.port'),
      },
    }),
    {
      list: [
        { name: 'new', port: 1 },
        { name: 'b', port: 1 },
      ],
    },
    { list: [{ name: 'b', port: 2 }] },
    ['spec.list[1]: Invalid value: "object": failed rule: self.port >= oldSelf.port (FieldValueInvalid)'],
  ],
  ['what an update leaves as it was is not held against it', minMax, { min: 3, max: 2 }, { min: 3, max: 2 }, []],
];

for (const [name, schema, value, old, expected] of cases) test(name, () => assert.deepEqual(show(schema, value, old), expected));

const refused: [name: string, schema: JsonSchema, path: string, pattern: RegExp][] = [
  ['syntax', object({ a: INT }, 'self.a >'), '.properties[spec].x-kubernetes-validations[0]', /compilation failed/],
  ['an unknown function', object({ a: INT }, 'frobnicate(self.a)'), '.properties[spec].x-kubernetes-validations[0]', /frobnicate/],
  [
    'an unknown variable',
    object({ a: INT }, 'other == 1'),
    '.properties[spec].x-kubernetes-validations[0]',
    /undeclared reference to 'other'/,
  ],
  ['no truth value', object({ a: INT }, 'size(self)'), '.properties[spec].x-kubernetes-validations[0]', /must evaluate to a bool/],
  [
    'wrong types',
    object({ a: ruled(INT, 'self.startsWith("a")') }),
    '.properties[spec].properties[a].x-kubernetes-validations[0]',
    /startsWith/,
  ],
  ['an empty rule', object({ a: INT }, ' '), '.properties[spec].x-kubernetes-validations[0]', /not specified/],
  [
    'a message that is no text',
    object({ a: INT }, { rule: 'true', messageExpression: '1' }),
    '.properties[spec].x-kubernetes-validations[0]',
    /must evaluate to a string/,
  ],
  [
    'oldSelf where elements have no identity',
    object({ l: { type: 'array', items: object({ a: INT }, 'self.a == oldSelf.a') } }),
    '.properties[spec].properties[l].items.x-kubernetes-validations[0]',
    /oldSelf cannot be used on the uncorrelatable portion/,
  ],
];

for (const [name, schema, path, pattern] of refused) {
  test(`does not compile: ${name}; and refuses every value if it is stored all the same`, () => {
    const reports: [string, string][] = [];
    const rules = compileSchemaRules(spec(schema), {
      fault(at, _rule, error) {
        if (error.kind !== 'cost') reports.push([at, error.message]);
      },
      cost() {},
    });
    assert.equal(reports.length, 1);
    assert.equal(reports[0]![0], path);
    assert.match(reports[0]![1], pattern);
    if (/messageExpression|must evaluate to a string/.test(reports[0]![1])) return;
    assert.equal(rules.check({ spec: { a: 1, l: [{ a: 1 }] } }, undefined).length, 1);
  });
}
