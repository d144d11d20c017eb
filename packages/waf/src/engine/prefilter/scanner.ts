import { classBits } from './byte-classes.ts';
import { pseudoLiterals } from './chain-identity.ts';
import { LiteralTrie } from './literal-trie.ts';

/** What one pass over a value found. */
export interface Scan {
  /** Classes of its bytes. */
  readonly mask: number;
  /** Rows that make some transformations work. */
  readonly pseudo: number;
  /** Literals that stand in it, each once; undefined for none. */
  readonly hits: readonly number[] | undefined;
}

/** The automaton knows literals up to this length; the rest is compared where one ends. */
const MAX_ROW = 14;

/** One pass over a value: byte classes and all literals of all rules, ASCII case folded. */
export class Scanner {
  readonly #trie: LiteralTrie;
  readonly #idOf = new Map<string, number>();
  /** What follows the row in a longer literal; empty for most. */
  readonly #rests: readonly string[];
  /** Rows above that are literals of rules, too. */
  readonly #isAsked: boolean[] = pseudoLiterals.map(() => false);

  /** Literals in lower case. */
  constructor(literals: Iterable<string>) {
    for (const row of pseudoLiterals) this.#idOf.set(row, this.#idOf.size);
    for (const literal of literals) {
      const known = this.#idOf.get(literal);
      if (known === undefined) this.#idOf.set(literal, this.#idOf.size);
      else if (known < pseudoLiterals.length) this.#isAsked[known] = true;
    }
    const all = [...this.#idOf.keys()];
    this.#rests = all.map((literal) => literal.slice(MAX_ROW));
    this.#trie = new LiteralTrie(all, MAX_ROW);
  }

  /** Identity of a literal inside scans. */
  idOf(literal: string): number {
    return this.#idOf.get(literal)!;
  }

  get size(): number {
    return this.#idOf.size;
  }

  scan(text: string): Scan {
    const { columnOf } = this.#trie;
    let { rows } = this.#trie;
    let mask = 0;
    let pseudo = 0;
    let state = 0;
    let hits: number[] | undefined;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at) & 0xff;
      mask |= classBits[code]!;
      const place = (state >> 1) + columnOf[code]!;
      state = rows[place]!;
      if ((state & 1) === 0) continue;
      if (state < 0) {
        state = this.#trie.resolve(state, place);
        rows = this.#trie.rows;
      }
      const ends = this.#trie.ends[this.#trie.rowNumber(state)]!;
      for (let i = 0; i < ends.length; i++) {
        const id = ends[i]!;
        if (id < pseudoLiterals.length) {
          pseudo |= 1 << id;
          if (!this.#isAsked[id]) continue;
        }
        const rest = this.#rests[id]!;
        if (rest !== '' && !followsAt(text, at + 1, rest)) continue;
        if (!hits) hits = [id];
        else if (!hits.includes(id)) hits.push(id);
      }
    }
    return { mask, pseudo, hits };
  }
}

/** `rest` is in lower case; the text need not be. */
function followsAt(text: string, from: number, rest: string): boolean {
  if (from + rest.length > text.length) return false;
  for (let i = 0; i < rest.length; i++) {
    const code = text.charCodeAt(from + i) & 0xff;
    if ((code >= 0x41 && code <= 0x5a ? code + 32 : code) !== (rest.charCodeAt(i) & 0xff)) return false;
  }
  return true;
}
