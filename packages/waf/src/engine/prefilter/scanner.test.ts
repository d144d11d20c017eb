import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LiteralNumbers, Scanner } from './scanner.ts';

test('a scan finds the literals that stand in the text, and no other', () => {
  const letter = fc.constantFrom('a', 'b', 'c', ' ', '/', '.', '\xe9');
  const literal = fc.array(letter, { minLength: 2, maxLength: 30 }).map((letters) => letters.join(''));
  fc.assert(
    fc.property(
      fc.uniqueArray(literal, { minLength: 1, maxLength: 30 }),
      fc.array(fc.oneof(letter, letter, literal), { maxLength: 40 }),
      fc.boolean(),
      (literals, pieces, isUpper) => {
        const numbers = new LiteralNumbers();
        const ids = numbers.of(literals);
        const scanner = new Scanner(numbers.all);
        const all = pieces.join('') + literals[0]!;
        const text = isUpper ? all.replace(/[a-c]/g, (c) => c.toUpperCase()) : all;
        // Twice: the first pass makes the automaton's rows.
        for (let pass = 0; pass < 2; pass++) {
          const hits = new Set(scanner.scan(text).hits);
          for (const [i, each] of literals.entries()) assert.equal(hits.has(ids[i]!), all.includes(each), JSON.stringify([each, text]));
        }
      },
    ),
    { numRuns: 500 },
  );
});
