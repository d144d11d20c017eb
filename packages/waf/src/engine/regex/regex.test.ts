import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RegexNode } from './ast.ts';
import { setOf } from './byte-set.ts';
import type { PatternOptions } from './parse.ts';
import { parsePattern } from './parse.ts';
import { canBeEmpty } from './program.ts';
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
  ['(?x) a + + b', 'aab', 'aab'],
  ['(?x) a # c\n {2} b', 'aab', 'aab'],
  ['(?:a*)*b', 'aab', 'aab'],
  // a quantifier is about the last byte of what is quoted, and sees through comments
  ['\\Qab\\E+', 'ababb', 'ab'],
  ['\\Qab\\E+c', 'abbc', 'abbc'],
  ['a(?#twice){2}', 'aa', 'aa'],
  ['\\Q', 'x', ''],
  ['[\\Qa-c]\\E]+', 'b-]a', '-]a'],
  ['[\\Q^\\Ea]', '^', '^'],
  ['[a\\E-\\Ec]', 'b', 'b'],
  ['[a\\Q-\\Ec]', 'b', undefined],
  // an empty round ends its loop
  ['(?:a|(?=b)|.)*', 'abc', 'a'],
  ['(?:a|\\b|.)*', ' bc', ' '],
];

/** A group holds what its latest whole round caught, on the way that led to the match. */
const captureCases: readonly (readonly [pattern: string, text: string, wanted: readonly (string | undefined)[]])[] = [
  ['(a?)+b', 'aab', ['aab', '']],
  ['(a|)*', 'aa', ['aa', '']],
  ['([ab]*)*', 'ab', ['ab', '']],
  ['(.*(.)?)*', 'ab', ['ab', '', undefined]],
  ['((?:a?)*)*b', 'ab', ['ab', '']],
  ['(?:(a)|b)*', 'ab', ['ab', 'a']],
  ['(?>(a))b|(a)c', 'ac', ['ac', undefined, 'a']],
  ['(?=(a))ab|(a)c', 'ac', ['ac', undefined, 'a']],
  ['(?>([ab]))+a=', 'ba=', ['ba=', 'b']],
  ['(?!(a)b)a(c)', 'ac', ['ac', undefined, 'c']],
  ['^(a\\1?){3}$', 'aaaa', ['aaaa', 'a']],
  ['^(xa|=?\\1a)+$', 'xa=xaa', ['xa=xaa', '=xaa']],
];

for (const [pattern, text, wanted] of captureCases) {
  test(`/${pattern}/ on ${JSON.stringify(text)} captures`, () => {
    const match = new CompiledRegex(pattern).exec(text);
    assert.ok(match !== undefined && match !== 'limit');
    assert.deepEqual(match.captures, wanted);
  });
}

for (const [pattern, text, wanted, options] of cases) {
  test(`/${pattern}/ on ${JSON.stringify(text)}`, () => {
    const regex = new CompiledRegex(pattern, options);
    const match = regex.exec(text);
    assert.notEqual(match, 'limit');
    assert.equal(match && typeof match === 'object' ? match.captures[0] : undefined, wanted);
    assert.equal(regex.test(text), wanted === undefined ? 'none' : 'match');
  });
}

const refused = [
  ...['(', ')', '[a', '*a', '\\', 'a{3,1}', '[b-a]', '(?<=a*)b', '(?R)', '\\1', '\\x{100}', '(?(1)a)'],
  // quantifiers that repeat nothing, or another quantifier
  ...['a**b', 'a+?+', 'a{2}{3}', '^*', '\\b+', '{2}a', '(?:+)'],
  ...['[[:alphabet:]]', '[[.a.]]', '[[=a=]]', '[:alpha:]', '[\\N]', '[\\Qa'],
  ...['\\x{}', '\\x{zz}', '\\x{41', '\\c\xe4', '(?<a>x)(?<a>y)', '(?xx: a)', '(*COMMIT)a', 'a\\Kb'],
];
for (const bad of refused) test(`refuses ${bad}`, () => assert.throws(() => new CompiledRegex(bad)));

/** ECMAScript takes back a round of a loop that matched nothing, PCRE ends the loop with it: the matches may end elsewhere. */
function hasEmptyRounds(node: RegexNode): boolean {
  if (node.type === 'cat' || node.type === 'alt') return node.items.some(hasEmptyRounds);
  return (node.type === 'repeat' && canBeEmpty(node.item)) || ('item' in node && hasEmptyRounds(node.item));
}

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
      const parsed = parsePattern(source, { isMultiline });
      const wanted = new RegExp(renderV8(parsed).source).exec(subject);
      const ours = new CompiledRegex(source, { isMultiline });
      const tested = ours.test(subject);
      // Loops in loops around a lookahead are tried in exponentially many ways: such a pattern may say so.
      fc.pre(ours.isRegular || tested !== 'limit');
      assert.equal(tested, wanted ? 'match' : 'none');
      const found = ours.exec(subject);
      assert.ok(found !== 'limit');
      assert.equal(found?.start, wanted?.index);
      if (!hasEmptyRounds(parsed.root)) assert.equal(found?.captures[0], wanted?.[0]);
    }),
    { numRuns: 3000 },
  );
});

test('a pattern with exponential backtracking answers within its steps', () => {
  const regular = new CompiledRegex('(?:a+)+$');
  assert.equal(regular.test(`${'a'.repeat(50_000)}b`), 'none');
  const irregular = new CompiledRegex('(?=a)(?:a+)+$', {}, 10_000);
  assert.equal(irregular.test(`${'a'.repeat(60)}b`), 'limit');
  // A dozen bytes are enough where loops nest, whatever was asked before.
  assert.equal(new CompiledRegex('(?:(?:(?:(?=a)[ab]+)+)+)+\\n').test('a'.repeat(12)), 'limit');
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
