import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fingerprints, keywordClasses } from './generated/tables.ts';
import { readSql } from './sqli.ts';
import { isPlainWords } from './sqli-plain.ts';

test('no known injection has a row of names and numbers alone', () => {
  assert.deepEqual(
    fingerprints.split('\n').filter((print) => /^[N1]+$/.test(print)),
    [],
  );
});

const plain: readonly [text: string, isPlain: boolean][] = [
  ['', true],
  ['The quick brown fox jumps over the lazy dog', true],
  ['field17', true],
  ['42 was the answer', true],
  ['bigint_like words of my own', true],
  // Words of a class, and beginnings of phrases.
  ['please select one', false],
  ['sleep well', false],
  ['group of people', false],
  // Numbers that end inside a word, and signs.
  ['1or 1', false],
  ['a-b', false],
  ['a\xa0b', false],
  // The sixth token still counts, the seventh does not.
  ['a b c d e union', false],
  ['a b c d e f union', true],
];

test('plain words', () => {
  for (const [text, isPlain] of plain) assert.equal(isPlainWords(text), isPlain, JSON.stringify(text));
});

test('what counts as plain reads as names and numbers', () => {
  const word = fc.oneof(
    fc.constantFrom(...keywordClasses.flatMap(([, list]) => list.toLowerCase().split('\n'))),
    fc.stringMatching(/^[a-z_][a-z0-9_]{0,40}$/),
    fc.stringMatching(/^[0-9]{1,6}$/),
    fc.constantFrom('user', 'by', 'x', 'b', 'nq', 'u', '1e', '0x', '-', '(', '.', ','),
  );
  const text = fc
    .tuple(fc.array(word, { maxLength: 8 }), fc.constantFrom(' ', '  ', '\t', '\n', ''))
    .map(([words, blank]) => words.join(blank));
  fc.assert(
    fc.property(text, (input) => {
      fc.pre(isPlainWords(input));
      for (const isMysql of [false, true]) assert.match(readSql(input, { quote: '', isMysql }).print, /^[n1]{0,5}$/, input);
    }),
    { numRuns: 5000 },
  );
});
