import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { glimpse, jsonFault, notAnObject, yamlFault } from './go-words.ts';

test('faults of JSON in the words of encoding/json', () => {
  const faults: readonly (readonly [text: string, fault: string])[] = [
    ['', 'unexpected end of JSON input'],
    ['{"a":1', 'unexpected end of JSON input'],
    ['"ab', 'unexpected end of JSON input'],
    ['nonsense', "invalid character 'o' in literal null (expecting 'u')"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['{}{}', "invalid character '{' after top-level value"],
    ['\u009e', "invalid character '\\u009e' looking for beginning of value"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['-x', "invalid character 'x' in numeric literal"],
    ['1.x', "invalid character 'x' after decimal point in numeric literal"],
    ['1ex', "invalid character 'x' in exponent of numeric literal"],
    ['01', "invalid character '1' after top-level value"],
  ];
  for (const [text, fault] of faults) assert.equal(jsonFault(text), fault, text);
});

test('whatever JSON.parse refuses has a fault, and nothing else', () => {
  const nearly = fc.json().chain((text) => fc.nat(text.length).map((at) => text.slice(0, at)));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), nearly), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      assert.equal(jsonFault(text) === 'invalid JSON', isJson);
    }),
  );
});

test('a glimpse of a body: text of an object, else bytes; never more than thirty', () => {
  assert.equal(glimpse(Buffer.from('')), '<empty>');
  assert.equal(glimpse(Buffer.from('[]')), '5b5d');
  assert.equal(glimpse(Buffer.from(`{${'x'.repeat(40)}`)), `{${'x'.repeat(29)} ...`);
  assert.match(notAnObject([]), /^json: cannot unmarshal array into Go value of type struct/);
});

test('a quote that nothing closes is stepped over once, not once for each quote within it', { timeout: 20_000 }, () => {
  const fault = { code: 'BAD_INDENT', message: '', pos: [0, 0] } as const;
  assert.equal(yamlFault(fault, `{a: "${'\\"'.repeat(200_000)}[`), "yaml: line 1: did not find expected ',' or '}'");
  assert.equal(yamlFault(fault, `[a: '${"''".repeat(200_000)}{`), "yaml: line 1: did not find expected ',' or ']'");
});
