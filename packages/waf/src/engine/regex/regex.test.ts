import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { setOf } from './byte-set.ts';
import type { PatternOptions } from './parse.ts';
import { parsePattern } from './parse.ts';
import { CompiledRegex } from './regex.ts';
import { renderV8 } from './v8.ts';

const cases: readonly (readonly [pattern: string, text: string, wanted: string | undefined, options?: PatternOptions])[] = [
  // PCRE's meaning where V8's differs
  ['\\s', '\xa0', undefined],
  ['\\s', '\x0b', '\x0b'],
  ['\\s', '\x0b', undefined, { isRe2Space: true }],
  ['(?i)\xe9', '\xc9', undefined],
  ['(?i)k', 'K', 'K'],
  ['a.b', 'a\nb', 'a\nb'],
  ['a.b', 'a\r\nb', undefined],
  // line ends by profile
  ['^b$', 'a\nb\nc', undefined],
  ['^b$', 'a\nb\nc', 'b', { isMultiline: true }],
  ['a$', 'a\n', undefined],
  ['a\\Z', 'a\n', 'a'],
  ['^$', 'a\n', undefined, { isMultiline: true }],
  ['a$\\x0d', 'a\r', undefined, { isMultiline: true }],
  // escapes and classes
  ['[[:alpha:]]+', '12ab3', 'ab'],
  ['[]a]+', 'x]a]', ']a]'],
  ['[^\\W_]+', '_-a1', 'a1'],
  ['\\x{41}\\x42\\103\\Q.*\\E', 'ABC.*', 'ABC.*'],
  ['[\\d-z]+', '3-z', '3-z'],
  ['\\bfoo\\b', 'a foo-b', 'foo'],
  ['x{,3}', 'x{,3}', 'x{,3}'],
  // irregular constructs
  ['a(?!b)', 'abac', 'a'],
  ['(?<=x|yz)a', 'yza', 'a'],
  ['(?<!x)a', 'xa', undefined],
  ['(a)\\1', 'aa', 'aa'],
  ['(?i)(a)\\1', 'aA', 'aA'],
  ['a*+a', 'aaa', undefined],
  ['(?>a|ab)c', 'abc', undefined],
  ['(?:(?i)a)b', 'Ab', 'Ab'],
  ['(?:(?i)a)b', 'aB', undefined],
  ['(?x) a b # c', 'ab', 'ab'],
  ['(?:a*)*b', 'aab', 'aab'],
];

for (const [pattern, text, wanted, options] of cases) {
  test(`/${pattern}/ on ${JSON.stringify(text)}`, () => {
    const regex = new CompiledRegex(pattern, options);
    const match = regex.exec(text);
    assert.notEqual(match, 'limit');
    assert.equal(match && typeof match === 'object' ? match.captures[0] : undefined, wanted);
    assert.equal(regex.test(text), wanted === undefined ? 'none' : 'match');
  });
}

for (const bad of ['(', ')', '[a', 'a**b', '*a', '\\', 'a{3,1}', '[b-a]', '(?<=a*)b', '(?R)', '\\1', '\\x{100}', '(?(1)a)']) {
  test(`refuses ${bad}`, () => {
    if (bad === 'a**b') return assert.equal(new CompiledRegex(bad).test('b'), 'match');
    assert.throws(() => new CompiledRegex(bad));
  });
}

// Lazy loops around what may be empty are left out: ECMAScript rejects the empty round, PCRE ends the loop with it.
const atom = fc.constantFrom('a', 'b', 'A', '.', '\\s', '\\w', '\\b', '\\B', '^', '$', '[ab]', '[^a]', '\\n', '(?i:b)', '_', '\\xa0');
const { pattern } = fc.letrec<{ pattern: string; part: string }>((tie) => ({
  pattern: fc.array(tie('part'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
  part: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    atom,
    fc
      .tuple(
        atom.filter((a) => !/^(\^|\$|\\[bB])$/.test(a)),
        fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '+?'),
      )
      .map((pair) => pair.join('')),
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(${a}|${b})`),
    tie('pattern').map((a) => `(?:${a})+`),
    tie('pattern').map((a) => `(?=${a})`),
  ),
}));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '\n', ' ', '\xa0', '_', '\r', '\xe9'), maxLength: 12 });

test('automaton, counted backtracking and V8 agree', () => {
  fc.assert(
    fc.property(pattern, text, fc.boolean(), (source, subject, isMultiline) => {
      const rendered = renderV8(parsePattern(source, { isMultiline }));
      const wanted = new RegExp(rendered.source).exec(subject);
      const ours = new CompiledRegex(source, { isMultiline });
      assert.equal(ours.test(subject), wanted ? 'match' : 'none');
      const match = ours.exec(subject);
      assert.notEqual(match, 'limit');
      const found = match as Exclude<typeof match, 'limit'>;
      assert.equal(found?.captures[0], wanted?.[0]);
      assert.equal(found?.start, wanted?.index);
    }),
    { numRuns: 3000 },
  );
});

test('a pattern with exponential backtracking answers within its steps', () => {
  const regular = new CompiledRegex('(?:a+)+$');
  assert.equal(regular.test(`${'a'.repeat(50_000)}b`), 'none');
  const irregular = new CompiledRegex('(?=a)(?:a+)+$', {}, 10_000);
  assert.equal(irregular.test(`${'a'.repeat(60)}b`), 'limit');
});

test('an automaton that would need ever new states stops at its budget', () => {
  // Every byte of such a text makes another set of live positions.
  const regex = new CompiledRegex('a[ab]{400}c', {}, 1000);
  let seed = 7;
  const subject = Array.from({ length: 20_000 }, () => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed & 0x10000 ? 'a' : 'b';
  }).join('');
  assert.equal(regex.test(subject), 'limit');
  assert.equal(new CompiledRegex('a[ab]{3}c', {}, 1000).test(subject), 'none');
});

test('sets that requests bring are not kept for ever', () => {
  const first = setOf(1, 2, 3);
  assert.equal(setOf(1, 2, 3), first, 'shared');
  for (let bits = 0; bits < 20_000; bits++) setOf(...Array.from({ length: 15 }, (_, i) => ((bits >> i) & 1) * (100 + i)), 90, 91);
  assert.notEqual(setOf(1, 2, 3), first);
});

test('all matches are those of V8, captures and places, with one budget for all of them', () => {
  const sources = ['a', 'a*', 'a+b?', '(a|b)c', '(a)|(b)', '^a', 'b$', '\\bab', 'a.*b', '(?:ab)*', 'a{2}', '[ab]+?c', 'a(?=b)', '(a)b\\1'];
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 30 }), (source, text) => {
      const found = new CompiledRegex(source).execAll(text);
      const wanted = Array.from(text.matchAll(new RegExp(source, 'g')), (match) => ({
        captures: [...match],
        start: match.index,
        end: match.index + match[0].length,
      }));
      assert.ok(found !== 'limit');
      assert.deepEqual(
        found.map(({ captures, start, end }) => ({ captures, start, end })),
        wanted,
      );
    }),
    { numRuns: 2000 },
  );
  assert.equal(new CompiledRegex('(a)\\1', {}, 1000).execAll('aab'.repeat(200)), 'limit');
  assert.equal((new CompiledRegex('(a)\\1').execAll('aab'.repeat(200)) as unknown[]).length, 200);
});
