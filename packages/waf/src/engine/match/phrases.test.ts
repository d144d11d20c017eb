import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePhrases } from './phrases.ts';

test('words of @pm, with bytes between bars', () => {
  for (const [text, wanted] of [
    ['a  bc\td', ['a', 'bc', 'd']],
    ['|41 42|', ['AB']],
    ['x|414243|y z', ['xABCy', 'z']],
    ['|41 42 43 44| |20|a', ['ABCD', ' a']],
    ['a|b', ['a|b']],
    ['|4 1|', ['|4 1|']],
  ] as const)
    assert.deepEqual(parsePhrases(text), wanted, text);
});
