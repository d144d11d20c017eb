import type { Regex } from './ast.ts';
import type { PatternOptions } from './parse.ts';
import { parsePattern } from './parse.ts';
import { PieceTable } from './pieces.ts';

/** Patterns of a rule set, each parsed once. Lives while the rule set is loaded: trees are large, programs are built without. */
export class PatternTable {
  readonly #options: PatternOptions;
  readonly #known = new Map<string, Regex>();
  readonly #pieces = new PieceTable();

  constructor(options: PatternOptions) {
    this.#options = options;
  }

  /** @throws PatternError when the pattern cannot be parsed */
  get(source: string): Regex {
    let regex = this.#known.get(source);
    if (!regex) {
      regex = parsePattern(source, this.#options, this.#pieces);
      this.#known.set(source, regex);
    }
    return regex;
  }
}
