import type { Regex, RegexNode } from './ast.ts';
import { isRegular } from './ast.ts';
import { Backtracker } from './backtrack.ts';
import { LazyDfa } from './dfa.ts';
import type { PatternOptions } from './parse.ts';
import { parsePattern } from './parse.ts';
import type { Program } from './program.ts';
import { compileProgram } from './program.ts';
import { renderV8 } from './v8.ts';

/** Steps an irregular pattern (lookaround, atomic groups, back references) may take on one value. */
export const DEFAULT_STEP_BUDGET = 1_000_000;

/** `limit`: the step budget was used up and nothing is known. */
export type TestResult = 'match' | 'none' | 'limit';

export interface RegexMatch {
  readonly captures: readonly (string | undefined)[];
  readonly start: number;
  readonly end: number;
}

/**
 * A pattern that no input can make slow: regular patterns are decided by a lazily built automaton in one pass, all
 * others by counted backtracking. Programs are built on first use, since a rule set has hundreds of them.
 */
export class CompiledRegex {
  readonly isRegular: boolean;
  readonly groups: number;
  readonly #program: Program;
  #dfa: LazyDfa | undefined;
  #backtracker: Backtracker | undefined;
  /** For captures of patterns that cannot backtrack far. */
  readonly #quick: { readonly regex: RegExp; readonly groupMap: readonly number[] } | undefined;
  readonly #budget: number;

  /** @throws PatternError or ProgramTooLarge when the pattern cannot be compiled */
  constructor(source: string, options: PatternOptions = {}, budget = DEFAULT_STEP_BUDGET) {
    const regex = parsePattern(source, options);
    this.isRegular = isRegular(regex.root);
    this.groups = regex.groups;
    this.#program = compileProgram(regex);
    this.#budget = budget;
    this.#quick = this.isRegular ? quickRegex(regex) : undefined;
  }

  test(text: string): TestResult {
    if (this.isRegular) {
      this.#dfa ??= new LazyDfa(this.#program);
      return this.#dfa.test(text) ? 'match' : 'none';
    }
    return this.#search(text, 0).kind;
  }

  /** Leftmost match with captures; undefined for none, 'limit' when the budget was used up. */
  exec(text: string, from = 0): RegexMatch | undefined | 'limit' {
    // The automaton is much quicker to say no.
    if (this.isRegular && from === 0 && this.test(text) === 'none') return undefined;
    if (this.#quick && from === 0 && text.length <= MAX_QUICK_LENGTH) return quickMatch(this.#quick, text);
    const result = this.#search(text, from);
    if (result.kind === 'limit') return 'limit';
    return result.kind === 'match' ? result : undefined;
  }

  #search(text: string, from: number) {
    this.#backtracker ??= new Backtracker(this.#program, this.isRegular);
    return this.#backtracker.search(text, from, this.#budget);
  }
}

/** A search that retries a single loop at every offset takes at most the square of this many steps. */
const MAX_QUICK_LENGTH = 300;

/** V8's own engine, for patterns with at most one unbounded repeat and no other: it can go wrong at most quadratically. */
function quickRegex(regex: Regex): { regex: RegExp; groupMap: readonly number[] } | undefined {
  if (repeatsOf(regex.root) > 1) return undefined;
  const { source, groupMap } = renderV8(regex);
  return source.length > 2000 ? undefined : { regex: new RegExp(source), groupMap };
}

/** Repeats of any kind, nested ones counted as too many. */
function repeatsOf(node: RegexNode): number {
  switch (node.type) {
    case 'cat':
    case 'alt':
      return node.items.reduce((sum, item) => sum + repeatsOf(item), 0);
    case 'repeat':
      return repeatsOf(node.item) > 0 ? 2 : 1;
    case 'group':
    case 'atomic':
    case 'look':
      return repeatsOf(node.item);
    default:
      return 0;
  }
}

function quickMatch(quick: { readonly regex: RegExp; readonly groupMap: readonly number[] }, text: string): RegexMatch | undefined {
  const match = quick.regex.exec(text);
  if (!match) return undefined;
  return { captures: quick.groupMap.map((index) => match[index]), start: match.index, end: match.index + match[0].length };
}
