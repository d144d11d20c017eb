import type { Regex, RegexNode } from './ast.ts';
import { isRegular } from './ast.ts';
import type { RegexMatch } from './backtrack.ts';
import { Backtracker } from './backtrack.ts';
import { LazyDfa } from './dfa.ts';
import type { PatternOptions } from './parse.ts';
import { parsePattern } from './parse.ts';
import type { Program } from './program.ts';
import { canBeEmpty, compileProgram, MAX_PROGRAM, ProgramTooLarge, programSize } from './program.ts';
import { renderV8 } from './v8.ts';

/** Steps an irregular pattern (lookaround, atomic groups, back references) may take on one value. */
export const DEFAULT_STEP_BUDGET = 1_000_000;

/** Making states of the automaton is plain work on arrays: this many instructions for one step of backtracking. */
const STEPS_PER_BUDGET = 50;
/** Remembered pairs, for captures of regular patterns. */
const STEPS_PER_REGULAR = 4;

/** `limit`: the step budget was used up and nothing is known. */
export type TestResult = 'match' | 'none' | 'limit';

/**
 * A pattern that no input can make slow: regular patterns are decided by a lazily built automaton in one pass, all
 * others by counted backtracking. Programs are built on first use, since a rule set has hundreds of them.
 */
export class CompiledRegex {
  readonly isRegular: boolean;
  readonly groups: number;
  readonly #source: string;
  readonly #options: PatternOptions;
  #dfa: LazyDfa | undefined;
  #backtracker: Backtracker | undefined;
  /** For captures of patterns that cannot backtrack far; undefined for all others. */
  #quick: QuickRegex | undefined;
  #isQuickKnown = false;
  readonly #budget: number;

  /**
   * @param regex the pattern, where it is parsed already; not kept
   * @throws PatternError or ProgramTooLarge when the pattern cannot be compiled
   */
  constructor(source: string, options: PatternOptions = {}, budget = DEFAULT_STEP_BUDGET, regex = parsePattern(source, options)) {
    this.isRegular = isRegular(regex.root);
    this.groups = regex.groups;
    if (programSize(regex.root) > MAX_PROGRAM) throw new ProgramTooLarge();
    // Irregular patterns have parts that only compiling checks (widths of lookbehinds).
    if (!this.isRegular) this.#backtracker = new Backtracker(compileProgram(regex), false);
    this.#source = source;
    this.#options = options;
    this.#budget = budget;
  }

  test(text: string): TestResult {
    if (this.isRegular) {
      this.#dfa ??= new LazyDfa(this.#program(), this.#budget * STEPS_PER_BUDGET);
      return this.#dfa.test(text);
    }
    return this.#search(text, 0).kind;
  }

  /** Leftmost match with captures; undefined for none, 'limit' when the budget was used up. */
  exec(text: string, from = 0): RegexMatch | undefined | 'limit' {
    // The automaton is much quicker to say no.
    if (this.isRegular && from === 0) {
      const result = this.test(text);
      if (result !== 'match') return result === 'none' ? undefined : 'limit';
    }
    if (from === 0 && text.length <= MAX_QUICK_LENGTH) {
      const quick = this.#findQuick();
      if (quick) return quickMatch(quick, text);
    }
    const result = this.#search(text, from);
    if (result.kind === 'limit') return 'limit';
    return result.kind === 'match' ? result : undefined;
  }

  /** All matches, one behind the other, or 'limit' when the budget, which is for all of them, was used up. */
  execAll(text: string): readonly RegexMatch[] | 'limit' {
    if (this.isRegular) {
      const result = this.test(text);
      if (result !== 'match') return result === 'none' ? [] : 'limit';
    }
    return this.#searcher().searchAll(text, this.#captureBudget()) ?? 'limit';
  }

  #findQuick(): QuickRegex | undefined {
    if (!this.#isQuickKnown) {
      this.#isQuickKnown = true;
      if (this.isRegular && this.#source.length <= MAX_QUICK_SOURCE) {
        const regex = parsePattern(this.#source, this.#options);
        if (repeatsOf(regex.root) <= 1) this.#quick = quickRegex(regex);
      }
    }
    return this.#quick;
  }

  /** Most patterns of a rule set never run behind a prefilter: nothing but their text is kept until then. */
  #program(): Program {
    return compileProgram(parsePattern(this.#source, this.#options));
  }

  #search(text: string, from: number) {
    return this.#searcher().search(text, from, this.#captureBudget());
  }

  #searcher(): Backtracker {
    this.#backtracker ??= new Backtracker(this.#program(), true);
    return this.#backtracker;
  }

  #captureBudget(): number {
    return this.isRegular ? this.#budget * STEPS_PER_REGULAR : this.#budget;
  }
}

/** A search that retries a single loop at every offset takes at most the square of this many steps. */
const MAX_QUICK_LENGTH = 300;

const MAX_QUICK_SOURCE = 500;

interface QuickRegex {
  readonly regex: RegExp;
  readonly groupMap: readonly number[];
}

/** V8's own engine, for patterns with at most one repeat: it can go wrong at most quadratically. */
function quickRegex(regex: Regex): QuickRegex {
  const { source, groupMap } = renderV8(regex);
  return { regex: new RegExp(source), groupMap };
}

/** Repeats of any kind, nested ones counted as too many. */
function repeatsOf(node: RegexNode): number {
  switch (node.type) {
    case 'cat':
    case 'alt':
      return node.items.reduce((sum, item) => sum + repeatsOf(item), 0);
    case 'repeat':
      // V8 forgets what a group caught in an earlier round, and takes back an empty round; PCRE does neither.
      return repeatsOf(node.item) > 0 || hasGroup(node.item) || canBeEmpty(node.item) ? 2 : 1;
    case 'group':
    case 'atomic':
    case 'look':
      return repeatsOf(node.item);
    default:
      return 0;
  }
}

function hasGroup(node: RegexNode): boolean {
  switch (node.type) {
    case 'group':
      return true;
    case 'cat':
    case 'alt':
      return node.items.some(hasGroup);
    case 'repeat':
    case 'atomic':
    case 'look':
      return hasGroup(node.item);
    default:
      return false;
  }
}

function quickMatch(quick: QuickRegex, text: string): RegexMatch | undefined {
  const match = quick.regex.exec(text);
  if (!match) return undefined;
  return { captures: quick.groupMap.map((index) => match[index]), start: match.index, end: match.index + match[0].length };
}
