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

/** The automaton knows literals up to this length, so that its table stays small; the rest is compared where one ends. */
const MAX_ROW = 14;

/** One pass over a value: byte classes and all literals of all rules, ASCII case folded. */
export class Scanner {
  readonly #columnOf = new Uint8Array(256);
  readonly #shift: number;
  readonly #table: Uint16Array | Int32Array;
  /** States from here on end a literal; those before do not. */
  readonly #firstEnd: number;
  /** Where the literals of an ending state begin in `#outputs`. Lists end with -1. */
  readonly #outputAt: Int32Array;
  readonly #outputs: Int32Array;
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
    const columns = this.#assignColumns(all);
    this.#shift = Math.ceil(Math.log2(columns));
    const { table, states, ends } = buildTrie(all, this.#columnOf, 1 << this.#shift);
    const failure = resolve(table, 1 << this.#shift, states, new Int32Array(states).fill(-1));
    const found = collectOutputs(ends, failure);
    const { order, firstEnd } = endingLast(found);
    this.#firstEnd = firstEnd;
    this.#table = renumber(table, 1 << this.#shift, order);
    this.#outputAt = new Int32Array(states);
    const outputs: number[] = [];
    for (const [state, ids] of found.entries()) {
      this.#outputAt[order[state]!] = outputs.length;
      if (ids.length > 0) outputs.push(...ids, -1);
    }
    this.#outputs = Int32Array.from(outputs);
  }

  /** Identity of a literal inside scans. */
  idOf(literal: string): number {
    return this.#idOf.get(literal)!;
  }

  get size(): number {
    return this.#idOf.size;
  }

  scan(text: string): Scan {
    const table = this.#table;
    const shift = this.#shift;
    const columnOf = this.#columnOf;
    const firstEnd = this.#firstEnd;
    let mask = 0;
    let pseudo = 0;
    let state = 0;
    let hits: number[] | undefined;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at) & 0xff;
      mask |= classBits[code]!;
      state = table[(state << shift) | columnOf[code]!]!;
      if (state < firstEnd) continue;
      let output = this.#outputAt[state]!;
      for (let id = this.#outputs[output]!; id >= 0; id = this.#outputs[++output]!) {
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

  /** Bytes that no literal holds share column 0. */
  #assignColumns(literals: readonly string[]): number {
    let columns = 1;
    for (const literal of literals) {
      for (let i = 0; i < literal.length && i < MAX_ROW; i++) {
        const byte = literal.charCodeAt(i) & 0xff;
        if (this.#columnOf[byte] === 0) this.#columnOf[byte] = columns++;
      }
    }
    for (let upper = 0x41; upper <= 0x5a; upper++) this.#columnOf[upper] = this.#columnOf[upper + 32]!;
    return columns;
  }
}

function buildTrie(literals: readonly string[], columnOf: Uint8Array, width: number) {
  const size = literals.reduce((sum, literal) => sum + Math.min(literal.length, MAX_ROW), 1);
  const table = new Int32Array(size * width).fill(-1);
  const ends: (number[] | undefined)[] = [];
  let states = 1;
  for (const [id, literal] of literals.entries()) {
    let state = 0;
    for (let i = 0; i < literal.length && i < MAX_ROW; i++) {
      const slot = state * width + columnOf[literal.charCodeAt(i) & 0xff]!;
      if (table[slot]! < 0) table[slot] = states++;
      state = table[slot]!;
    }
    const own = ends[state];
    if (own) own.push(id);
    else ends[state] = [id];
  }
  ends.length = states;
  return { table, states, ends };
}

/** All literals that end in a state: its own and those of its suffixes. */
function collectOutputs(ends: readonly (readonly number[] | undefined)[], failure: Int32Array): number[][] {
  return Array.from(ends, (_, state) => {
    const found: number[] = [];
    for (let at = state; at !== 0; at = failure[at]!) found.push(...(ends[at] ?? []));
    return found;
  });
}

/** New numbers for states, so that one comparison tells those that end a literal. */
function endingLast(found: readonly (readonly number[])[]): { readonly order: Int32Array; readonly firstEnd: number } {
  const order = new Int32Array(found.length);
  let next = 0;
  for (const [state, ids] of found.entries()) if (ids.length === 0) order[state] = next++;
  const firstEnd = next;
  for (const [state, ids] of found.entries()) if (ids.length > 0) order[state] = next++;
  return { order, firstEnd };
}

function renumber(table: Int32Array, width: number, order: Int32Array): Uint16Array | Int32Array {
  const states = order.length;
  const renumbered = states < 65_536 ? new Uint16Array(states * width) : new Int32Array(states * width);
  for (let state = 0; state < states; state++) {
    const to = order[state]! * width;
    for (let column = 0; column < width; column++) renumbered[to + column] = order[table[state * width + column]!]!;
  }
  return renumbered;
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
