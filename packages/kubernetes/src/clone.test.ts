import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cloneObject } from './clone.ts';

test('a copy is what JSON would make of it, and shares nothing', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(JSON.stringify(cloneObject(JSON.parse(text))), text);
    }),
  );
  const original = { a: { b: [{ c: 1 }] }, d: undefined };
  const copy = cloneObject(original);
  assert.deepEqual(Object.keys(copy), ['a']);
  copy.a.b[0]!.c = 2;
  assert.equal(original.a.b[0]!.c, 1);
});

test('a field named __proto__ stays a field', () => {
  const copy = cloneObject(JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>);
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  assert.equal(JSON.stringify(copy), '{"__proto__":{"admin":true}}');
});
