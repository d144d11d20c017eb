import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonSchema } from '../../registry/custom/schema.ts';
import { compileRule } from '../rule.ts';
import { compileSchemaRules, type RuleReport } from '../schema-rules.ts';
import { estimateCost } from './estimate.ts';
import { costFault } from './limits.ts';
import { maxCardinality, sizedOf } from './sizes.ts';

const text = (maxLength: number): JsonSchema => ({ type: 'string', maxLength });
const list = (maxItems: number, items: JsonSchema): JsonSchema => ({ type: 'array', maxItems, items });
const schema: JsonSchema = {
  type: 'object',
  required: ['s'],
  properties: {
    s: text(10),
    t: text(20),
    e: { type: 'string', enum: ['aa', 'bbbb'] },
    i: { type: 'integer' },
    l: list(7, text(5)),
    n: list(5, { type: 'integer' }),
    o: list(6, { type: 'object', properties: { k: text(8), v: { type: 'integer' } } }),
    m: { type: 'object', maxProperties: 4, additionalProperties: text(9) },
    x: { 'x-kubernetes-int-or-string': true, maxLength: 6 },
    p: { type: 'object', properties: { q: text(30) } },
  },
};

/** Estimates of kube-apiserver 1.34.4, by the factor by which it refuses such a rule in a list that is long enough. */
const ESTIMATES: readonly [rule: string, cost: number][] = [
  ['self.s == self.t', 8],
  ["self.s == 'abc'", 3],
  ['self.i == 5', 2],
  ['self.s.startsWith(self.t)', 12],
  ['self.s.contains(self.t)', 36],
  ["self.s.matches('^[a-z]+$')", 12],
  ["self.l.all(x, x == 'a')", 38],
  ['self.l.all(x, self.l.exists(y, x == y))', 437],
  ['self.o.all(x, has(x.k) && x.v > 3)', 45],
  ["self.m.all(k, self.m[k] != 'x')", 35],
  ["has(self.p) && has(self.p.q) ? self.p.q == 'x' : true", 7],
  ['self.n.isSorted()', 7],
  ['self.l.isSorted()', 23],
  ["self.s.replace('a','bb') == self.t", 20],
  ["type(self.x) == int ? self.x < 5 : self.x.matches('[0-9]+')", 12],
  ["self.o.map(x, x.k).all(k, k != 'a')", 122],
  ['self.n.max() > self.n.min()', 15],
];

test('estimates are those of the real server', () => {
  const sized = sizedOf(schema)!;
  for (const [rule, cost] of ESTIMATES) {
    const [expression] = compileRule({ rule }, schema).expressions;
    assert.equal(estimateCost(expression!.ast, sized), cost, rule);
  }
});

test('sizes: what has no limit is bounded by the request', () => {
  assert.equal(sizedOf({ type: 'string' })?.maxElements, 3 * 1024 * 1024 - 2);
  assert.equal(sizedOf({ type: 'array', items: { type: 'integer' } })?.maxElements, 1572863);
  assert.equal(sizedOf({ type: 'object', additionalProperties: { type: 'boolean' } })?.maxElements, 314572);
  assert.equal(sizedOf(schema)?.minBytes, 9);
  assert.equal(maxCardinality(sizedOf(schema)!), 314572);
  assert.equal(sizedOf({ 'x-kubernetes-preserve-unknown-fields': true }), undefined);
});

test('how far beyond a limit is told as the real server tells it', () => {
  const factorOf = (cost: number) => / factor of (.*) \(try/.exec(costFault('x', cost, 10))?.[1];
  assert.deepEqual([12, 15, 1000, 1001].map(factorOf), ['1.200000x', '1.5x', '100.0x', 'more than 100x']);
});

const ruled = (rule: object, inner: JsonSchema = schema): JsonSchema => ({ ...inner, 'x-kubernetes-validations': [rule as never] });

test('a rule counts as often as its place can be there', () => {
  const costOf = (outer: JsonSchema) => {
    const costs: number[] = [];
    const report: RuleReport = { fault() {}, cost: (_path, _at, cost) => costs.push(cost) };
    compileSchemaRules({ type: 'object', properties: { spec: outer } }, report);
    return costs;
  };
  const rule = { rule: 'self.i == 5', messageExpression: "'a' + self.s" };
  assert.deepEqual(costOf(ruled(rule)), [2, 7]);
  assert.deepEqual(costOf(list(10, ruled(rule))), [20, 7]);
  assert.deepEqual(costOf({ type: 'array', items: ruled(rule) }), [2 * 314572, 7]);
});

/** The spec of an object, by a rule over two lists. */
function judged(rule: object, spec: object): string[] {
  const open = { type: 'array', items: { type: 'integer' } } as const;
  const rules = compileSchemaRules({
    type: 'object',
    properties: { spec: ruled(rule, { type: 'object', properties: { a: open, b: open } }) },
  });
  return rules.check({ spec }, undefined).map(({ field, message }) => `${field}: ${message}`);
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

test('an evaluation that costs more than one may is ended', () => {
  const rule = { rule: 'self.a.all(x, self.b.all(y, x >= 0 && y >= 0))', message: 'all are positive' };
  assert.deepEqual(judged(rule, { a: numbers(100), b: numbers(100) }), []);
  assert.deepEqual(judged(rule, { a: numbers(1000), b: numbers(1000) }), [
    `spec: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': call cost exceeded limit for rule: all are positive, no further validation rules will be run`,
  ]);
});

test('an evaluation that was ended is no answer, whatever its macros made of it', () => {
  const rule = { rule: 'self.a.all(x, self.b.all(y, y >= 0)) || true' };
  assert.match(judged(rule, { a: numbers(1000), b: numbers(1000) })[0] ?? '', /call cost exceeded limit/);
});

test('all evaluations for one object have one budget', () => {
  const item = ruled({ rule: 'self.all(x, x >= 0)' }, { type: 'array', items: { type: 'integer' } });
  const rules = compileSchemaRules({ type: 'object', properties: { lists: { type: 'array', items: item } } });
  const check = (count: number) => rules.check({ lists: Array.from({ length: count }, () => numbers(10_000)) }, undefined);
  assert.deepEqual(check(100), []);
  assert.deepEqual(
    check(300).map(({ message }) => message),
    ['Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run'],
  );
});
