import { resolve } from '../match/aho-corasick.ts';
import { classBits } from './byte-classes.ts';
import { pseudoLiterals } from './chain-identity.ts';

/** What one pass over a value found. */
export interface Scan {
  /** Classes of its bytes. */
  readonly mask: number;
  /** Rows that make some transformations work. */
  readonly pseudo: number;
  /** Literals that stand in it, each once; undefined for none. */
  readonly hits: readonly number[] | undefined;
}

/** Literals are cut to this length: a shorter one only makes more candidates, and the table stays small. */
const MAX_LITERAL = 14;

/** One pass over a value: byte classes and all literals of all rules, ASCII case folded. */
export class Scanner {
  readonly #columnOf = new Uint8Array(256);
  readonly #shift: number;
  readonly #table: Uint16Array | Int32Array;
  /** Where a state's literals begin in `#outputs`; 0 = none. Lists end with -1. */
  readonly #outputAt: Int32Array;
  readonly #outputs: Int32Array;
  readonly #idOf = new Map<string, number>();
  /** Rows above that are literals of rules, too. */
  readonly #isAsked: boolean[] = pseudoLiterals.map(() => false);

  /** Literals in lower case. */
  constructor(literals: Iterable<string>) {
    for (const row of pseudoLiterals) this.#idOf.set(row, this.#idOf.size);
    for (const literal of literals) {
      const cut = literal.slice(0, MAX_LITERAL);
      const known = this.#idOf.get(cut);
      if (known === undefined) this.#idOf.set(cut, this.#idOf.size);
      else if (known < pseudoLiterals.length) this.#isAsked[known] = true;
    }
    const all = [...this.#idOf.keys()];
    let columns = 1;
    for (const literal of all) {
      for (let i = 0; i < literal.length; i++) {
        const byte = literal.charCodeAt(i) & 0xff;
        if (this.#columnOf[byte] === 0) this.#columnOf[byte] = columns++;
      }
    }
    for (let upper = 0x41; upper <= 0x5a; upper++) this.#columnOf[upper] = this.#columnOf[upper + 32]!;
    this.#shift = Math.ceil(Math.log2(columns));
    const width = 1 << this.#shift;
    const size = all.reduce((sum, literal) => sum + literal.length, 1);
    const table = new Int32Array(size * width).fill(-1);
    const ends = new Int32Array(size).fill(-1);
    let states = 1;
    for (const [id, literal] of all.entries()) {
      let state = 0;
      for (let i = 0; i < literal.length; i++) {
        const slot = state * width + this.#columnOf[literal.charCodeAt(i) & 0xff]!;
        if (table[slot]! < 0) table[slot] = states++;
        state = table[slot]!;
      }
      ends[state] = id;
    }
    const own = ends.slice(0, states);
    const failure = resolve(table, width, states, new Int32Array(states).fill(-1));
    this.#table = states < 65_536 ? Uint16Array.from(table.subarray(0, states * width)) : table.slice(0, states * width);
    const outputs: number[] = [-1];
    this.#outputAt = new Int32Array(states);
    for (let state = 1; state < states; state++) {
      const found: number[] = [];
      for (let at = state; at !== 0; at = failure[at]!) if (own[at]! >= 0) found.push(own[at]!);
      if (found.length === 0) continue;
      this.#outputAt[state] = outputs.length;
      outputs.push(...found, -1);
    }
    this.#outputs = Int32Array.from(outputs);
  }

  /** Identity of a literal inside scans. */
  idOf(literal: string): number {
    return this.#idOf.get(literal.slice(0, MAX_LITERAL))!;
  }

  get size(): number {
    return this.#idOf.size;
  }

  scan(text: string): Scan {
    const table = this.#table;
    const shift = this.#shift;
    const columnOf = this.#columnOf;
    const outputAt = this.#outputAt;
    let mask = 0;
    let pseudo = 0;
    let state = 0;
    let hits: number[] | undefined;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at) & 0xff;
      mask |= classBits[code]!;
      state = table[(state << shift) | columnOf[code]!]!;
      let output = outputAt[state]!;
      if (output === 0) continue;
      for (let id = this.#outputs[output]!; id >= 0; id = this.#outputs[++output]!) {
        if (id < pseudoLiterals.length) {
          pseudo |= 1 << id;
          if (!this.#isAsked[id]) continue;
        }
        if (!hits) hits = [id];
        else if (!hits.includes(id)) hits.push(id);
      }
    }
    return { mask, pseudo, hits };
  }
}
