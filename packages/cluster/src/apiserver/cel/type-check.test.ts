import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../registry/custom/schema.ts';
import { compileRule, RuleError } from './rule.ts';

const schema: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    count: { type: 'integer' },
    when: { type: 'string', format: 'date-time' },
    port: { 'x-kubernetes-int-or-string': true },
    list: { type: 'array', items: { type: 'object', properties: { id: { type: 'string' } } } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};

function faultOf(rule: string): string | undefined {
  try {
    compileRule({ rule }, schema);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof RuleError);
    return error.message;
  }
}

test('a field that no schema knows, wherever it is read', () => {
  for (const [rule, field, column] of [
    ['self.nam == "x"', 'nam', 5],
    ['has(self.name) && self.list.all(x, x.di != "")', 'di', 37],
    ['self.list[0].di == "x"', 'di', 13],
  ] as const) {
    assert.equal(
      faultOf(rule),
      `compilation failed: ERROR: <input>:1:${column}: undefined field '${field}'\n | ${rule}\n | ${'.'.repeat(column - 1)}^`,
    );
  }
});

test('texts and numbers are not compared', () => {
  assert.match(faultOf('self.name > 5') ?? '', /found no matching overload for '_>_' applied to '\(string, int\)'/);
  assert.match(faultOf('self.count == "a"') ?? '', /'_==_' applied to '\(int, string\)'/);
  assert.match(faultOf('self.list.exists(x, x.id == 1)') ?? '', /\(string, int\)/);
});

test('what the schema leaves open is left to the evaluator', () => {
  for (const rule of [
    'self.name == "x" && self.count > 5',
    'self.labels.any == "x" && self.labels["b"] == "c"',
    'self.free.a.b == 1',
    'self.port == "http" || self.port == 80',
    'self.list.all(x, self.list.exists_one(y, x.id == y.id))',
    'self.when < timestamp("2026-01-01T00:00:00Z")',
    'self.list.map(x, x.id).size() > 1',
  ]) {
    assert.equal(faultOf(rule), undefined, rule);
  }
});
