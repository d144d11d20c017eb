import type { RegexNode } from '../regex/ast.ts';
import type { ByteSet } from '../regex/byte-set.ts';
import { intersect, isEmptySet, members } from '../regex/byte-set.ts';
import { ALL_CLASSES, maskOfSet, maskOfText } from './byte-classes.ts';

/** What a value must hold for a pattern to match it. A value that fails is proved innocent. */
export interface Requirement {
  /** One of these (lower case, two bytes or more) stands in the value … */
  readonly literals: readonly string[];
  /** … or a byte of these classes. With no literals and no classes here, nothing is asked. */
  readonly orMask: number;
  /** And a byte of each of these. */
  readonly needs: readonly number[];
}

/** The pattern can match no value of the alphabet. */
export const IMPOSSIBLE = 'impossible';

const MAX_LITERALS = 400;
const MAX_EXACT = 16;
const MAX_SET = 5;

/** Drop what needs bytes outside the alphabet; undefined when nothing is left. */
export function restrict(node: RegexNode, alphabet: ByteSet): RegexNode | undefined {
  switch (node.type) {
    case 'set': {
      const set = intersect(node.set, alphabet);
      return isEmptySet(set) ? undefined : { type: 'set', set };
    }
    case 'cat': {
      const items = node.items.map((item) => restrict(item, alphabet));
      return items.every((item) => item !== undefined) ? { type: 'cat', items } : undefined;
    }
    case 'alt': {
      const items = node.items.map((item) => restrict(item, alphabet)).filter((item) => item !== undefined);
      return items.length === 0 ? undefined : { type: 'alt', items };
    }
    case 'repeat': {
      const item = restrict(node.item, alphabet);
      if (item) return { ...node, item };
      return node.min === 0 ? { type: 'empty' } : undefined;
    }
    case 'group':
    case 'atomic':
      return restrict(node.item, alphabet);
    case 'look':
      // Only ever makes a match rarer.
      return { type: 'empty' };
    default:
      return node;
  }
}

interface Facts {
  /** All strings the node matches, lower case; undefined when there are too many. */
  readonly exact: readonly string[] | undefined;
  /** Best known set of which one stands in every match. */
  readonly best: readonly string[] | undefined;
  readonly needs: readonly number[];
}

const nothing: Facts = { exact: undefined, best: undefined, needs: [] };
const empty: Facts = { exact: [''], best: undefined, needs: [] };

/** Derive what every match of a pattern holds. */
export function requirementOf(node: RegexNode): Requirement {
  const facts = factsOf(node);
  const set = pick([facts.exact, facts.best]);
  const needs = keepSelective(facts.needs);
  if (!set) return { literals: [], orMask: 0, needs };
  return {
    literals: set.filter((literal) => literal.length >= 2),
    orMask: set.filter((literal) => literal.length === 1).reduce((mask, literal) => mask | maskOfText(literal), 0),
    needs,
  };
}

function factsOf(node: RegexNode): Facts {
  switch (node.type) {
    case 'set':
      return setFacts(node.set);
    case 'cat':
      return catFacts(node.items.map(factsOf));
    case 'alt':
      return altFacts(node.items.map(factsOf));
    case 'repeat': {
      const item = factsOf(node.item);
      if (node.min === 0) {
        if (node.max === 1 && item.exact && item.exact.length < MAX_EXACT)
          return { exact: [...new Set(['', ...item.exact])], best: undefined, needs: [] };
        return nothing;
      }
      if (node.max === node.min && node.min <= 8) return catFacts(new Array(node.min).fill(item));
      // At least once: what one round holds, and the first rounds in a row.
      const rounds = node.min <= 4 ? catFacts(new Array(node.min).fill(item)) : item;
      return { exact: undefined, best: pick([rounds.exact, rounds.best]), needs: item.needs };
    }
    case 'group':
    case 'atomic':
      return factsOf(node.item);
    case 'backref':
      return nothing;
    default:
      return empty;
  }
}

/** Sets are shared, so what is known of one is kept with it. */
const knownSets = new WeakMap<ByteSet, Facts>();

function setFacts(set: ByteSet): Facts {
  let facts = knownSets.get(set);
  if (!facts) {
    facts = computeSetFacts(set);
    knownSets.set(set, facts);
  }
  return facts;
}

function computeSetFacts(set: ByteSet): Facts {
  const mask = maskOfSet(set);
  const needs = mask === ALL_CLASSES ? [] : [mask];
  const bytes = members(set);
  if (bytes.length > MAX_SET * 2) return { exact: undefined, best: undefined, needs };
  const folded = [...new Set(bytes.map((byte) => String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte)))];
  return { exact: folded.length <= MAX_SET ? folded : undefined, best: undefined, needs };
}

function catFacts(items: readonly Facts[]): Facts {
  const candidates: (readonly string[] | undefined)[] = [];
  let run: readonly string[] = [''];
  let isExact = true;
  for (const item of items) {
    candidates.push(item.best);
    if (!item.exact) {
      isExact = false;
      candidates.push(run);
      run = [''];
    } else if (run.length * item.exact.length > MAX_EXACT) {
      isExact = false;
      candidates.push(run);
      run = item.exact;
    } else run = cross(run, item.exact);
  }
  candidates.push(run);
  return { exact: isExact ? run : undefined, best: pick(candidates), needs: items.flatMap((item) => item.needs) };
}

function cross(left: readonly string[], right: readonly string[]): readonly string[] {
  if (left.length === 1 && right.length === 1) return [left[0]! + right[0]!];
  const all = new Set<string>();
  for (const a of left) for (const b of right) all.add(a + b);
  return [...all];
}

function altFacts(items: readonly Facts[]): Facts {
  const all = items.every((item) => item.exact) ? [...new Set(items.flatMap((item) => item.exact!))] : undefined;
  const sets = items.map((item) => pick([item.exact, item.best]));
  const best = sets.every((set) => set !== undefined) ? [...new Set(sets.flatMap((set) => set!))] : undefined;
  // One byte of the union of each branch's narrowest class.
  const narrow = items.map((item) => item.needs.toSorted((a, b) => weight(a) - weight(b))[0]);
  const needs = narrow.every((mask) => mask !== undefined) ? [narrow.reduce<number>((sum, mask) => sum | mask!, 0)] : [];
  return { exact: all && all.length <= MAX_EXACT ? all : undefined, best: best && best.length <= MAX_LITERALS ? best : undefined, needs };
}

/** The set that says most: long strings, few of them. A set with an empty string says nothing. */
function pick(candidates: readonly (readonly string[] | undefined)[]): readonly string[] | undefined {
  let chosen: readonly string[] | undefined;
  let best = Number.NEGATIVE_INFINITY;
  for (const set of candidates) {
    if (!set || set.length === 0 || set.length > MAX_LITERALS) continue;
    const shortest = Math.min(...set.map((literal) => literal.length));
    if (shortest === 0) continue;
    const score = Math.min(shortest, 6) * 4 - Math.log2(set.length) - set.filter((literal) => isCommon(literal)).length * 3;
    if (score > best) {
      best = score;
      chosen = set;
    }
  }
  return chosen;
}

function isCommon(literal: string): boolean {
  return literal.length === 1 ? /[a-z0-9 ._/-]/.test(literal) : literal.length === 2 && /^[a-z]{2}$/.test(literal);
}

/** How often a value holds one of these classes: letters, digits and blanks weigh much. */
function weight(mask: number): number {
  const common = maskOfText('aA0 _-./');
  let count = 0;
  for (let bits = mask; bits !== 0; bits &= bits - 1) count++;
  for (let bits = mask & common; bits !== 0; bits &= bits - 1) count += 10;
  return count;
}

function keepSelective(needs: readonly number[]): number[] {
  return [...new Set(needs)].toSorted((a, b) => weight(a) - weight(b)).slice(0, 4);
}

/** Fewest bytes of any match. */
export function minWidth(node: RegexNode): number {
  switch (node.type) {
    case 'set':
      return 1;
    case 'cat':
      return node.items.reduce((sum, item) => sum + minWidth(item), 0);
    case 'alt':
      return Math.min(...node.items.map(minWidth));
    case 'repeat':
      return node.min * minWidth(node.item);
    case 'group':
    case 'atomic':
      return minWidth(node.item);
    default:
      return 0;
  }
}
