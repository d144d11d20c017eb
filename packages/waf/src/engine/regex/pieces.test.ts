import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePattern } from './parse.ts';
import { PieceTable, pieceEnd } from './pieces.ts';

const ends: readonly (readonly [pattern: string, end: number])[] = [
  ['[ab]c', 4],
  ['[^]a]*?b', 7],
  ['[\\]]+x', 5],
  ['(?:a[)]|\\(b)?c', 13],
  ['(?:(?:a)b)', 10],
  // what the text alone does not tell
  ['(a)', 0],
  ['(?:(a)b)', 0],
  ['(?:(?i)a)', 0],
  ['(?:a\\12)', 0],
  ['[\\12]', 0],
  ['[[:alpha:]]', 0],
  ['[a\\Eb]', 0],
  ['(?:\\Q)\\E)', 0],
  // quantifiers
  ['[ab]{2}', 0],
  ['[ab]*+c', 6],
  ['[ab]**', 0],
  ['[ab]\\E*', 0],
  ['[ab](?#x)*', 0],
  // unfinished, and long
  ['[ab', 0],
  ['(?:ab', 0],
  [`(?:${'a'.repeat(100)})`, 0],
];
for (const [pattern, end] of ends) test(`${pattern.slice(0, 20)} ends at ${end}`, () => assert.equal(pieceEnd(pattern, 0), end));

const part = fc.constantFrom(
  ...[
    'a',
    'b',
    '|',
    '(?:',
    '(?:',
    ')',
    ')',
    '(',
    '(?i)',
    '(?:a|b)*',
    '[ab]',
    '[^a]',
    '[]a]',
    '[\\]b]+',
    '*',
    '+?',
    '{2}',
    '\\1',
    '\\(',
    '.',
  ],
  ...['(?i:', '(?-s)', '(?U)', '\\w', '^', '$', '[', ']', '-'],
);

/** With the flag `x` nothing is looked up, and without blanks it changes nothing. */
function plainly(source: string) {
  return outcome(() => parsePattern(`(?x)${source}`));
}

function outcome<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

test('what patterns share is read as if each stood alone', () => {
  fc.assert(
    fc.property(fc.array(fc.array(part, { maxLength: 8 }), { minLength: 1, maxLength: 6 }), (patterns) => {
      const pieces = new PieceTable();
      for (const source of patterns.map((parts) => parts.join('')))
        assert.deepEqual(
          outcome(() => parsePattern(source, {}, pieces)),
          plainly(source),
          source,
        );
    }),
    { numRuns: 3000 },
  );
});
