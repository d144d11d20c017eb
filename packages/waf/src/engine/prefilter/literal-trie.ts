/**
 * The automaton behind a scan: literals as a trie, and a row of transitions for every state that some value has led to.
 * Values lead to few of its thousands of states, so that neither loading nor memory pays for the rest; there are never
 * more rows than states.
 *
 * A transition is an even number, twice the offset of the next state's row. It is odd when there is more to do: positive
 * when literals end in that state, negative when its row is still to be made.
 */
export class LiteralTrie {
  rows: Int32Array;
  /** Literals that end in the state of a row, by row number. */
  readonly ends: (readonly number[])[] = [];
  /** Column of every byte; 0 for those no literal holds, upper case as lower. */
  readonly columnOf = new Uint8Array(256);
  readonly #shift: number;
  readonly #columnIn: Uint8Array;
  readonly #parent: Int32Array;
  readonly #firstChild: Int32Array;
  readonly #sibling: Int32Array;
  /** A literal that ends in a state, plus one; 0 for none. Others that end there follow from literal to literal. */
  readonly #own: Int32Array;
  readonly #nextOwn: Int32Array;
  /** Plus one; 0 until it is asked for. */
  readonly #failure: Int32Array;
  /** What leads to a state, once its row is made; 0 until then. The root has the first row. */
  readonly #link: Int32Array;
  #states = 1;

  /** @param maxRow bytes of a literal that are entered */
  constructor(literals: readonly string[], maxRow: number) {
    const { columnOf } = this;
    let columns = 1;
    const size = literals.reduce((sum, literal) => sum + Math.min(literal.length, maxRow), 1);
    this.#columnIn = new Uint8Array(size);
    this.#parent = new Int32Array(size);
    this.#firstChild = new Int32Array(size);
    this.#sibling = new Int32Array(size);
    this.#own = new Int32Array(size);
    this.#nextOwn = new Int32Array(literals.length);
    this.#failure = new Int32Array(size);
    this.#link = new Int32Array(size);
    for (const [id, literal] of literals.entries()) {
      let state = 0;
      for (let i = 0; i < literal.length && i < maxRow; i++) {
        const byte = literal.charCodeAt(i) & 0xff;
        if (columnOf[byte] === 0) columnOf[byte] = columns++;
        state = this.#enter(state, columnOf[byte]!);
      }
      this.#nextOwn[id] = this.#own[state]!;
      this.#own[state] = id + 1;
    }
    for (let upper = 0x41; upper <= 0x5a; upper++) columnOf[upper] = columnOf[upper + 32]!;
    this.#shift = Math.ceil(Math.log2(columns));
    this.rows = new Int32Array(64 << this.#shift);
    this.#makeRow(0);
  }

  /** Number of a row, as `ends` counts them. */
  rowNumber(transition: number): number {
    return (transition >> 1) >> this.#shift;
  }

  /** Make the row a negative transition asks for; `at` is where the transition stands. @returns the transition in its place */
  resolve(transition: number, at: number): number {
    const state = -transition >> 1;
    const link = this.#link[state] || this.#makeRow(state);
    this.rows[at] = link;
    return link;
  }

  #enter(state: number, column: number): number {
    const known = this.#child(state, column);
    if (known !== 0) return known;
    const fresh = this.#states++;
    this.#columnIn[fresh] = column;
    this.#parent[fresh] = state;
    this.#sibling[fresh] = this.#firstChild[state]!;
    this.#firstChild[state] = fresh;
    return fresh;
  }

  /** 0 for none: nothing leads back to the root. */
  #child(state: number, column: number): number {
    let child = this.#firstChild[state]!;
    while (child !== 0 && this.#columnIn[child] !== column) child = this.#sibling[child]!;
    return child;
  }

  /** State of the longest proper suffix that is in the trie. */
  #failureOf(state: number): number {
    const known = this.#failure[state]! - 1;
    if (known >= 0) return known;
    let result = 0;
    const parent = this.#parent[state]!;
    if (state !== 0 && parent !== 0) {
      let from = this.#failureOf(parent);
      result = this.#child(from, this.#columnIn[state]!);
      while (result === 0 && from !== 0) {
        from = this.#failureOf(from);
        result = this.#child(from, this.#columnIn[state]!);
      }
    }
    this.#failure[state] = result + 1;
    return result;
  }

  /** @returns the transition that leads to the state */
  #makeRow(state: number): number {
    const failure = this.#failureOf(state);
    const before = failure === 0 ? 0 : this.#link[failure] || this.#makeRow(failure);
    const row = this.ends.length;
    const offset = row << this.#shift;
    if (offset + (1 << this.#shift) > this.rows.length) {
      const grown = new Int32Array(this.rows.length * 2);
      grown.set(this.rows);
      this.rows = grown;
    }
    // What follows the suffix follows here, too, but for the state's own children. A row of zeroes leads to the root.
    if (state !== 0) this.rows.copyWithin(offset, before >> 1, (before >> 1) + (1 << this.#shift));
    for (let child = this.#firstChild[state]!; child !== 0; child = this.#sibling[child]!)
      this.rows[offset + this.#columnIn[child]!] = this.#link[child] || -(child * 2 + 1);
    const inherited = state === 0 ? [] : this.ends[this.rowNumber(before)]!;
    const ends = [...inherited];
    for (let own = this.#own[state]!; own !== 0; own = this.#nextOwn[own - 1]!) ends.push(own - 1);
    this.ends.push(ends);
    const link = offset * 2 + (ends.length > 0 ? 1 : 0);
    this.#link[state] = link;
    return link;
  }
}
