import { isRegular } from './ast.ts';
import { Backtracker } from './backtrack.ts';
import { LazyDfa } from './dfa.ts';
import type { PatternOptions } from './parse.ts';
import { parsePattern } from './parse.ts';
import type { Program } from './program.ts';
import { compileProgram } from './program.ts';

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
  readonly #budget: number;

  /** @throws PatternError or ProgramTooLarge when the pattern cannot be compiled */
  constructor(source: string, options: PatternOptions = {}, budget = DEFAULT_STEP_BUDGET) {
    const regex = parsePattern(source, options);
    this.isRegular = isRegular(regex.root);
    this.groups = regex.groups;
    this.#program = compileProgram(regex);
    this.#budget = budget;
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
    const result = this.#search(text, from);
    if (result.kind === 'limit') return 'limit';
    return result.kind === 'match' ? result : undefined;
  }

  #search(text: string, from: number) {
    this.#backtracker ??= new Backtracker(this.#program, this.isRegular);
    return this.#backtracker.search(text, from, this.#budget);
  }
}
