import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { findDuplicateFields } from './duplicate-fields.ts';

describe('findDuplicateFields', () => {
  const rows: [text: string, found: string[]][] = [
    ['{"a":1,"a":2}', ['duplicate field "a"']],
    ['{"spec":{"x":[{"b":1},{"b":1,"c":{},"b":2}]},"spec":null}', ['duplicate field "spec.x[1].b"', 'duplicate field "spec"']],
    ['{"a":{"b":1},"c":{"b":1}}', []],
    ['{"a":"\\"a\\":1,{[","b":["a","a"]}', []],
    ['{"\\u0061":1,"a":2}', ['duplicate field "a"']],
    ['{"a\\\\":1,"b":2}', []],
    ['[[{"k":0}],[{"k":0,"k":0}]]', ['duplicate field "[1][0].k"']],
    ['"text"', []],
    ['3', []],
  ];
  for (const [text, found] of rows) test(text, () => assert.deepEqual(findDuplicateFields(text), found));

  test('what JSON.stringify writes has none', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepEqual(findDuplicateFields(JSON.stringify(value)), [])));
  });

  test('a key written twice is found wherever it stands', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.jsonValue(), (first, key, second) => {
        const name = JSON.stringify(key);
        const text = `{"outer":[{${name}:${JSON.stringify(first)}, ${name} :${JSON.stringify(second)}}]}`;
        assert.deepEqual(findDuplicateFields(text), [`duplicate field ${JSON.stringify(`outer[0].${key}`)}`]);
      }),
    );
  });
});
