import type { Rule } from '../compile/model.ts';
import { parsePhrases } from '../match/phrases.ts';
import { patternOptions } from '../operators/patterns.ts';
import type { RegexNode } from '../regex/ast.ts';
import type { ByteSet } from '../regex/byte-set.ts';
import { rangeSet, setOf } from '../regex/byte-set.ts';
import { parsePattern } from '../regex/parse.ts';
import type { Profile } from '../seclang/ast.ts';
import { ALL_CLASSES, classBits, HIGH, maskOfText, tiers, WORD } from './byte-classes.ts';
import type { Requirement } from './requirement.ts';
import { IMPOSSIBLE, minWidth, requirementOf, restrict } from './requirement.ts';

/** A rule's requirement in each tier of alphabets. */
export type TieredRequirement = readonly (Requirement | typeof IMPOSSIBLE)[];

/** Fewest bytes a value needs for a rule to match it, where that is easily said. */
export function minLengthOf(rule: Rule, profile: Profile): number {
  const node = rule.operator!.node;
  return node.name === 'rx' ? minWidth(parsePattern(node.argument, patternOptions(profile)).root) : 0;
}

/** Every value may do. */
const anything: TieredRequirement = tiers.map(() => ({ literals: [], orMask: 0, needs: [] }));

export function asksNothing(needs: TieredRequirement): boolean {
  return needs === anything;
}

/**
 * What a (transformed) value must hold for a rule to match it.
 *
 * @param phrasesOf phrases of a `@pmFromFile` rule
 */
export function needsOf(rule: Rule, profile: Profile, phrasesOf: (rule: Rule) => readonly string[]): TieredRequirement {
  const isAsked = rule.targets?.isStable && !rule.operator?.node.isNegated;
  return (isAsked ? operatorNeedsOf(rule, profile, phrasesOf) : undefined) ?? anything;
}

/** What a value must hold for a rule's operator to match it, negated or not; undefined when nothing can be said. */
export function operatorNeedsOf(rule: Rule, profile: Profile, phrasesOf: (rule: Rule) => readonly string[]): TieredRequirement | undefined {
  const { operator } = rule;
  if (!operator?.test) return undefined;
  const { name, argument } = operator.node;
  switch (name) {
    case 'rx':
    case 'rxglobal':
      return patternNeeds(argument, profile);
    case 'pm':
      return literalNeeds(parsePhrases(argument));
    case 'pmf':
    case 'pmfromfile':
      return literalNeeds(phrasesOf(rule));
    case 'beginswith':
    case 'contains':
    case 'containsword':
    case 'endswith':
    case 'streq':
    case 'strmatch':
      return argument === '' ? undefined : literalNeeds([argument]);
    case 'detectsqli':
      // Letters, digits and the underscore alone make at most a number and a word: no fingerprint.
      return sameInAll({ literals: [], orMask: 0, needs: [ALL_CLASSES & ~WORD] });
    case 'detectxss':
      return sameInAll({ literals: [], orMask: 0, needs: [maskOfText('<=')] });
    case 'validateurlencoding':
      return sameInAll({ literals: [], orMask: 0, needs: [maskOfText('%')] });
    case 'validateutf8encoding':
      return sameInAll({ literals: [], orMask: 0, needs: [HIGH] });
    case 'validatebyterange':
      return byteRangeNeeds(argument);
    default:
      return undefined;
  }
}

function sameInAll(requirement: Requirement): TieredRequirement {
  return tiers.map((tier) => (requirement.needs.some((mask) => (mask & tier) === 0) ? IMPOSSIBLE : requirement));
}

/** Bytes whose classes a tier holds. */
const alphabets: readonly ByteSet[] = tiers.map((tier) => {
  const bytes: number[] = [];
  for (let byte = 0; byte < 256; byte++) if ((classBits[byte]! & ~tier) === 0) bytes.push(byte);
  return setOf(...bytes);
});

function patternNeeds(pattern: string, profile: Profile): TieredRequirement {
  const { root } = parsePattern(pattern, patternOptions(profile));
  return tiers.map((tier, index) => {
    const node: RegexNode | undefined = tier === ALL_CLASSES ? root : restrict(root, alphabets[index]!);
    return node === undefined ? IMPOSSIBLE : requirementOf(node);
  });
}

function literalNeeds(phrases: readonly string[]): TieredRequirement {
  const folded = phrases.map((phrase) => phrase.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()));
  return tiers.map((tier) => {
    const possible = folded.filter((phrase) => (maskOfText(phrase) & ~tier) === 0);
    if (possible.length === 0) return IMPOSSIBLE;
    return {
      literals: possible.filter((phrase) => phrase.length >= 2),
      orMask: possible.filter((phrase) => phrase.length === 1).reduce((mask, phrase) => mask | maskOfText(phrase), 0),
      needs: [],
    };
  });
}

/** A byte outside the allowed ranges is needed; classes that hold one are what can be seen. */
function byteRangeNeeds(argument: string): TieredRequirement | undefined {
  const ranges = argument.split(',').flatMap((item) => {
    const range = /^\s*(\d{1,3})(?:-(\d{1,3}))?\s*$/.exec(item);
    return range ? [[Number(range[1]), Number(range[2] ?? range[1])] as const] : [];
  });
  if (ranges.length === 0) return undefined;
  const allowed = rangeSet(...ranges);
  let mask = 0;
  for (let byte = 0; byte < 256; byte++) if (((allowed[byte >> 5]! >>> (byte & 31)) & 1) === 0) mask |= classBits[byte]!;
  return sameInAll({ literals: [], orMask: 0, needs: [mask] });
}
