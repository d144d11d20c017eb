import type { Rule } from '../compile/model.ts';
import type { ByteSet } from '../regex/byte-set.ts';
import { rangeSet, setOf } from '../regex/byte-set.ts';
import type { PatternTable } from '../regex/pattern-table.ts';
import { ALL_CLASSES, classBits, HIGH, maskOfText, tiers, WORD } from './byte-classes.ts';
import type { PatternFacts, Requirement, WholeParts } from './requirement.ts';
import { IMPOSSIBLE, minWidth, RequirementReader, requirementOf } from './requirement.ts';

/** A rule's requirement in each tier of alphabets; the same object where a wider one asks the same. */
export type TieredRequirement = readonly (Requirement | typeof IMPOSSIBLE)[];

/** Every value may do. */
const anything: TieredRequirement = tiers.map(() => ({ literals: [], orMask: 0, needs: [] }));

export function asksNothing(needs: TieredRequirement): boolean {
  return needs === anything;
}

/** Bytes whose classes a tier holds. */
const alphabets: readonly ByteSet[] = tiers.map((tier) => {
  const bytes: number[] = [];
  for (let byte = 0; byte < 256; byte++) if ((classBits[byte]! & ~tier) === 0) bytes.push(byte);
  return setOf(...bytes);
});

/** What (transformed) values must hold for the rules of one set to match them. */
export class RuleNeeds {
  readonly #whole: WholeParts = new Map();
  readonly #readers = alphabets.map((alphabet) => new RequirementReader(alphabet, this.#whole));
  readonly #patterns: PatternTable;

  constructor(patterns: PatternTable) {
    this.#patterns = patterns;
  }

  /** What a value must hold for a rule to match it. */
  of(rule: Rule): TieredRequirement {
    const isAsked = rule.targets?.isStable && !rule.operator?.node.isNegated;
    return (isAsked ? this.ofOperator(rule) : undefined) ?? anything;
  }

  /** What a value must hold for a rule's operator to match it, negated or not; undefined when nothing can be said. */
  ofOperator(rule: Rule): TieredRequirement | undefined {
    const { operator } = rule;
    if (!operator?.test) return undefined;
    if (operator.test.phrases) return literalNeeds(operator.test.phrases);
    const { name, argument } = operator.node;
    switch (name) {
      case 'rx':
      case 'rxglobal': {
        const { root } = this.#patterns.get(argument);
        let facts: PatternFacts;
        let needs: Requirement | typeof IMPOSSIBLE = IMPOSSIBLE;
        const tiered = this.#readers.map((reader) => {
          const before = facts;
          facts = reader.read(root);
          if (facts !== before) needs = requirementOf(facts);
          return needs;
        });
        this.#whole.clear();
        return tiered;
      }
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

  /** Fewest bytes a value needs for a rule to match it, where that is easily said. */
  minLengthOf(rule: Rule): number {
    const { name, argument } = rule.operator!.node;
    return name === 'rx' ? minWidth(this.#patterns.get(argument).root) : 0;
  }
}

function sameInAll(requirement: Requirement): TieredRequirement {
  return tiers.map((tier) => (requirement.needs.some((mask) => (mask & tier) === 0) ? IMPOSSIBLE : requirement));
}

function literalNeeds(phrases: readonly string[]): TieredRequirement {
  const folded = phrases.map((phrase) => (hasUpper.test(phrase) ? phrase.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : phrase));
  const masks = folded.map(maskOfText);
  let possible: readonly string[] = [];
  let needs: Requirement | typeof IMPOSSIBLE = IMPOSSIBLE;
  return tiers.map((tier) => {
    const wider = folded.filter((_, i) => (masks[i]! & ~tier) === 0);
    if (wider.length === possible.length) return needs;
    possible = wider;
    needs = {
      literals: possible.filter((phrase) => phrase.length >= 2),
      orMask: possible.reduce((mask, phrase) => (phrase.length === 1 ? mask | maskOfText(phrase) : mask), 0),
      needs: [],
    };
    return needs;
  });
}

const hasUpper = /[A-Z]/;

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
