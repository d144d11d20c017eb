import { ownCopy } from '../variables/recurring.ts';
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

/** Numbers for literals, as scans tell them. The first are for the rows that make transformations work. */
export class LiteralNumbers {
  readonly #known = new Map<string, number>();
  readonly all: string[] = [...pseudoLiterals];

  /** @param literals in lower case */
  of(literals: readonly string[]): number[] {
    return literals.map((literal) => {
      const known = this.#known.get(literal);
      if (known !== undefined) return known;
      this.#known.set(literal, this.all.length);
      return this.all.push(literal) - 1;
    });
  }
}

/**
 * One pass over a value: byte classes and all literals of all rules, ASCII case folded. It is itself what the latest pass
 * found: a record for every value, of which a few are kept, would have V8 put all of them among what lives long.
 */
export class Scanner implements Scan {
  mask = 0;
  pseudo = 0;
  hits: number[] | undefined;
  readonly #trie: LiteralTrie;
  /** What follows the row in a longer literal, by number; empty for most. */
  readonly #rests: readonly string[];

  /** @param literals of `LiteralNumbers` */
  constructor(literals: readonly string[]) {
    this.#rests = literals.map((literal) => (literal.length > MAX_ROW ? ownCopy(literal.slice(MAX_ROW)) : ''));
    this.#trie = new LiteralTrie(literals, MAX_ROW);
  }

  /** @returns what stands in the text, until the next scan */
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
          continue;
        }
        const rest = this.#rests[id]!;
        if (rest !== '' && !followsAt(text, at + 1, rest)) continue;
        if (!hits) hits = [id];
        else if (!hits.includes(id)) hits.push(id);
      }
    }
    this.mask = mask;
    this.pseudo = pseudo;
    this.hits = hits;
    return this;
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
