import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asctime, Float, formEncode, logTime, pythonJson, randomText, unquote } from './python-text.ts';

test('times as Python writes them', () => {
  const date = new Date(2019, 7, 2, 8, 1, 5);
  assert.equal(asctime(date), 'Fri Aug  2 08:01:05 2019');
  assert.equal(logTime(date), '2019-08-02T08:01:05');
});

test('json.dumps', () => {
  assert.equal(
    pythonJson({ a: 1, b: 'é"\n', c: null, d: true, e: new Float(1), f: new Float(0.5) }),
    '{"a": 1, "b": "\\u00e9\\"\\n", "c": null, "d": true, "e": 1.0, "f": 0.5}',
  );
  assert.equal(pythonJson({ a: { b: 1 }, c: {} }, 2), '{\n  "a": {\n    "b": 1\n  },\n  "c": {}\n}');
});

test('urlencode', () => {
  assert.equal(
    formEncode({ username: 'joe@example.com', password: "x !'()*~ä" }),
    'username=joe%40example.com&password=x+%21%27%28%29%2A~%C3%A4',
  );
});

test('unquote undoes urlencode and never throws', () => {
  assert.equal(unquote('%zz%4'), '%zz%4');
  assert.equal(unquote('%ff'), '\ufffd');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(unquote(formEncode({ v: text }).slice(2).replaceAll('+', ' ')), text.toWellFormed());
    }),
  );
});

test('random text is as long as asked and alphanumeric', () => {
  assert.match(randomText(500, Math.random), /^[A-Za-z0-9]{500}$/);
});
