import type { RegexNode } from '../regex/ast.ts';
import type { ByteSet } from '../regex/byte-set.ts';
import { has } from '../regex/byte-set.ts';
import { ALL_CLASSES, classBits, maskOfSet, maskOfText } from './byte-classes.ts';

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

/** Command names fill a set of six hundred. */
const MAX_LITERALS = 1000;
/** Enough for a list of names with the blank or comma after each. */
const MAX_EXACT = 128;
const MAX_SET = 5;
const MAX_NEEDS = 4;

/** A set of strings of which one stands in every match, and how much that says. */
interface Choice {
  readonly literals: readonly string[];
  readonly score: number;
}

interface Facts {
  /** All strings the node matches, lower case; undefined when there are too many. */
  readonly exact: readonly string[] | undefined;
  /** Best known choice beside `exact`. */
  readonly best: Choice | undefined;
  /** Narrowest first. */
  readonly needs: readonly number[];
  /** The alphabet took nothing away: the same holds in every wider one. */
  readonly isWhole: boolean;
}

const nothing: Facts = { exact: undefined, best: undefined, needs: [], isWhole: true };
const empty: Facts = { exact: [''], best: undefined, needs: [], isWhole: true };

/** Parts of patterns that are inside the narrowest alphabet, or a wider one, as a whole: most of every list of words. */
export type WholeParts = Map<RegexNode, Facts>;

/** What every match of a pattern inside an alphabet holds; undefined when there is none. */
export type PatternFacts = Facts | undefined;

/** Derives what every match of a pattern inside an alphabet holds. What it learns goes with it. */
export class RequirementReader {
  readonly #alphabet: ByteSet;
  readonly #whole: WholeParts;
  readonly #sets = new Map<ByteSet, Facts | typeof IMPOSSIBLE>();
  /** Patterns repeat themselves: most of these are parts of many rules. */
  readonly #repeats = new Map<RegexNode, Facts | typeof IMPOSSIBLE>();

  /** @param whole shared by the readers of one pattern, which are asked from the narrowest alphabet to the widest */
  constructor(alphabet: ByteSet, whole: WholeParts) {
    this.#alphabet = alphabet;
    this.#whole = whole;
  }

  /** The same object as a narrower alphabet's where that took nothing away. */
  read(root: RegexNode): PatternFacts {
    return this.#facts(root);
  }

  /** Undefined when the node needs bytes outside the alphabet. */
  #facts(node: RegexNode): Facts | undefined {
    switch (node.type) {
      case 'set':
        return this.#setFacts(node.set);
      case 'cat':
      case 'alt': {
        const known = this.#whole.get(node);
        if (known) return known;
        const facts = node.type === 'cat' ? this.#catFacts(node.items) : this.#altFacts(node.items);
        if (facts?.isWhole) this.#whole.set(node, facts);
        return facts;
      }
      case 'repeat': {
        const known = this.#repeats.get(node);
        if (known !== undefined) return known === IMPOSSIBLE ? undefined : known;
        const facts = this.#repeatFacts(node);
        this.#repeats.set(node, facts ?? IMPOSSIBLE);
        return facts;
      }
      case 'group':
      case 'atomic':
        return this.#facts(node.item);
      case 'backref':
        return nothing;
      default:
        // Assertions only ever make a match rarer.
        return empty;
    }
  }

  #setFacts(set: ByteSet): Facts | undefined {
    const known = this.#sets.get(set);
    if (known !== undefined) return known === IMPOSSIBLE ? undefined : known;
    const inside = set.map((word, i) => word & this.#alphabet[i]!) as ByteSet;
    const mask = maskOfSet(inside);
    const isWhole = set.every((word, i) => word === inside[i]);
    const facts = mask === 0 ? undefined : { exact: exactOf(inside), best: undefined, needs: mask === ALL_CLASSES ? [] : [mask], isWhole };
    this.#sets.set(set, facts ?? IMPOSSIBLE);
    return facts;
  }

  #catFacts(items: readonly RegexNode[]): Facts | undefined {
    const row = new Row();
    for (let i = 0; i < items.length; i++) {
      const facts = this.#facts(items[i]!);
      if (!facts) return undefined;
      row.add(facts);
    }
    return row.finish();
  }

  #altFacts(items: readonly RegexNode[]): Facts | undefined {
    const branches: Facts[] = [];
    for (let i = 0; i < items.length; i++) {
      const facts = this.#facts(items[i]!);
      if (facts) branches.push(facts);
    }
    if (branches.length === 0) return undefined;
    const isWhole = branches.length === items.length && branches.every((branch) => branch.isWhole);
    if (branches.length === 1) return { ...branches[0]!, isWhole };
    // One byte of the union of each branch's narrowest class.
    const needs = branches.every((branch) => branch.needs.length > 0) ? [branches.reduce((sum, branch) => sum | branch.needs[0]!, 0)] : [];
    const exact = branches.every((branch) => branch.exact)
      ? distinct(
          branches.map((branch) => branch.exact!),
          MAX_EXACT,
        )
      : undefined;
    if (exact) return { exact, best: undefined, needs, isWhole };
    const choices = branches.map(choiceOf);
    const literals = choices.every((choice) => choice !== undefined)
      ? distinct(
          choices.map((choice) => choice!.literals),
          MAX_LITERALS,
        )
      : undefined;
    return { exact, best: literals && choose(literals), needs, isWhole };
  }

  #repeatFacts({ item, min, max }: Extract<RegexNode, { type: 'repeat' }>): Facts | undefined {
    const facts = this.#facts(item);
    if (!facts) return min === 0 ? { ...empty, isWhole: false } : undefined;
    const { isWhole } = facts;
    if (min === 0) {
      const isOptional = max === 1 && facts.exact && facts.exact.length < MAX_EXACT;
      return isOptional
        ? { exact: distinct([[''], facts.exact], MAX_EXACT), best: undefined, needs: [], isWhole }
        : { ...nothing, isWhole };
    }
    const rounds = new Row();
    if (max === min && min <= 8) {
      for (let i = 0; i < min; i++) rounds.add(facts);
      return rounds.finish();
    }
    // At least once: what one round holds, and the first rounds in a row.
    for (let i = 0; i < (min <= 4 ? min : 1); i++) rounds.add(facts);
    return { exact: undefined, best: choiceOf(rounds.finish()), needs: facts.needs, isWhole };
  }
}

/** Facts of one node after the other. */
class Row {
  /** Strings the latest items match, before `#tail`. */
  #run: readonly string[] = [''];
  /** What items with one string each added: most of any row. */
  #tail = '';
  #isExact = true;
  #isWhole = true;
  #best: Choice | undefined;
  #needs: readonly number[] = [];

  add({ exact, best, needs, isWhole }: Facts): void {
    if (!isWhole) this.#isWhole = false;
    this.#best = better(this.#best, best);
    if (this.#needs.length === 0) this.#needs = needs;
    else for (let i = 0; i < needs.length; i++) this.#needs = narrowest(this.#needs, needs[i]!);
    if (exact?.length === 1) {
      this.#tail += exact[0]!;
      return;
    }
    const run = this.#takeRun();
    if (exact && run.length * exact.length <= MAX_EXACT) {
      const longer: string[] = [];
      for (let i = 0; i < run.length; i++) for (let j = 0; j < exact.length; j++) longer.push(run[i]! + exact[j]!);
      // One string before others that differ gives others that differ.
      this.#run = run.length === 1 ? longer : distinct([longer], MAX_EXACT)!;
      return;
    }
    this.#isExact = false;
    this.#best = better(this.#best, choose(run));
    this.#run = exact ?? [''];
  }

  finish(): Facts {
    const run = this.#takeRun();
    const isWhole = this.#isWhole;
    if (this.#isExact) return { exact: run, best: this.#best, needs: this.#needs, isWhole };
    return { exact: undefined, best: better(this.#best, choose(run)), needs: this.#needs, isWhole };
  }

  #takeRun(): readonly string[] {
    const run = this.#tail === '' ? this.#run : this.#run.map((text) => text + this.#tail);
    this.#tail = '';
    return run;
  }
}

/** The strings of all lists, each once; undefined when they are more than `max`. */
function distinct(lists: readonly (readonly string[])[], max: number): readonly string[] | undefined {
  const all = new Set<string>();
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) all.add(list[i]!);
    if (all.size > max) return undefined;
  }
  return [...all];
}

function exactOf(set: ByteSet): readonly string[] | undefined {
  const bytes: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    const isUpper = byte >= 0x41 && byte <= 0x5a;
    if (!has(set, byte) || (isUpper && has(set, byte + 32))) continue;
    bytes.push(isUpper ? byte + 32 : byte);
    if (bytes.length > MAX_SET) return undefined;
  }
  return bytes.map((byte) => String.fromCharCode(byte));
}

function maskOfSingles(literals: readonly string[]): number {
  return literals.reduce((mask, literal) => (literal.length === 1 ? mask | maskOfText(literal) : mask), 0);
}

function choiceOf({ exact, best }: Facts): Choice | undefined {
  return exact ? better(best, choose(exact)) : best;
}

function better(a: Choice | undefined, b: Choice | undefined): Choice | undefined {
  if (!a || !b) return a ?? b;
  return b.score > a.score ? b : a;
}

/** What a value must hold for a pattern to match it, in an alphabet. */
export function requirementOf(facts: PatternFacts): Requirement | typeof IMPOSSIBLE {
  if (!facts) return IMPOSSIBLE;
  const set = choiceOf(facts)?.literals ?? [];
  return { literals: set.filter((literal) => literal.length >= 2), orMask: maskOfSingles(set), needs: facts.needs };
}

/** Long strings say much, many of them little. A set with an empty string says nothing. */
function choose(literals: readonly string[]): Choice | undefined {
  let shortest = Number.POSITIVE_INFINITY;
  let common = 0;
  for (let i = 0; i < literals.length; i++) {
    const literal = literals[i]!;
    if (literal.length === 0) return undefined;
    shortest = Math.min(shortest, literal.length);
    if (isCommon(literal)) common++;
  }
  if (literals.length === 0 || literals.length > MAX_LITERALS) return undefined;
  return { literals, score: Math.min(shortest, 6) * 4 - Math.log2(literals.length) - common * 3 };
}

const EVERYDAY = maskOfText('a0 ._/-');
const LETTERS = maskOfText('a');

function isCommon(literal: string): boolean {
  if (literal.length > 2) return false;
  const first = classBits[literal.charCodeAt(0) & 0xff]!;
  return literal.length === 1 ? (first & EVERYDAY) !== 0 : first === LETTERS && classBits[literal.charCodeAt(1) & 0xff] === LETTERS;
}

/** How often values hold a byte of a class: letters more than digits, these more than what joins words. */
const frequencies: readonly (readonly [mask: number, weight: number])[] = [
  [maskOfText('a'), 60],
  [maskOfText('A') & ~LETTERS, 30],
  [maskOfText('0'), 30],
  [maskOfText(' '), 30],
  [maskOfText('_-./,:=&+%'), 5],
  [ALL_CLASSES, 1],
];

const weights = new Map<number, number>();

function weightOf(mask: number): number {
  let weight = weights.get(mask);
  if (weight === undefined) {
    weight = 0;
    for (const [classes, each] of frequencies) for (let bits = mask & classes; bits !== 0; bits &= bits - 1) weight += each;
    weights.set(mask, weight);
  }
  return weight;
}

/** The narrowest of a list and one more; the list itself when that is none of them. */
function narrowest(needs: readonly number[], mask: number): readonly number[] {
  if (needs.includes(mask)) return needs;
  const weight = weightOf(mask);
  let at = needs.length;
  while (at > 0 && weight < weightOf(needs[at - 1]!)) at--;
  return at < MAX_NEEDS ? needs.toSpliced(at, 0, mask).slice(0, MAX_NEEDS) : needs;
}

/** Fewest bytes of any match. */
export function minWidth(node: RegexNode): number {
  switch (node.type) {
    case 'set':
      return 1;
    case 'cat': {
      let sum = 0;
      for (let i = 0; i < node.items.length; i++) sum += minWidth(node.items[i]!);
      return sum;
    }
    case 'alt': {
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < node.items.length; i++) least = Math.min(least, minWidth(node.items[i]!));
      return least;
    }
    case 'repeat':
      return node.min === 0 ? 0 : node.min * minWidth(node.item);
    case 'group':
    case 'atomic':
      return minWidth(node.item);
    default:
      return 0;
  }
}
