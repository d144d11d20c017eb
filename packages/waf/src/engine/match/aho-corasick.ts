/**
 * Multi-pattern search over bytes, ASCII case folded. The automaton is complete (every transition resolved), over byte
 * classes: bytes that no phrase holds share one column.
 */
export class AhoCorasick {
  readonly #phrases: readonly string[];
  #columns = 0;
  readonly #columnOf = new Uint8Array(256);
  #table: Int32Array | undefined;
  /** Phrase that ends in a state (the shortest suffix wins nothing: the first listed), -1 for none. */
  #phraseOf: Int32Array = new Int32Array(0);

  constructor(phrases: readonly string[]) {
    this.#phrases = phrases;
  }

  /** The phrase whose end is met first, as written in the rule, and where it ends; undefined for none. */
  find(text: string): { readonly phrase: string; readonly end: number } | undefined {
    this.#table ??= this.#build();
    const table = this.#table;
    const columns = this.#columns;
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      state = table[state * columns + this.#columnOf[text.charCodeAt(at) & 0xff]!]!;
      const phrase = this.#phraseOf[state]!;
      if (phrase >= 0) return { phrase: this.#phrases[phrase]!, end: at + 1 };
    }
    return undefined;
  }

  /** Built on first use: most phrase lists of a rule set are never searched once a prefilter stands before them. */
  #build(): Int32Array {
    const folded = this.#phrases.map(foldBytes);
    const bytes = new Set(folded.flat());
    this.#columns = 1;
    for (const byte of bytes) this.#columnOf[byte] = this.#columns++;
    for (let upper = 0x41; upper <= 0x5a; upper++) this.#columnOf[upper] = this.#columnOf[upper + 32]!;
    const size = folded.reduce((sum, phrase) => sum + phrase.length, 1);
    const columns = this.#columns;
    const table = new Int32Array(size * columns).fill(-1);
    const phraseOf = new Int32Array(size).fill(-1);
    let states = 1;
    for (const [index, phrase] of folded.entries()) {
      let state = 0;
      for (const byte of phrase) {
        const slot = state * columns + this.#columnOf[byte]!;
        if (table[slot]! < 0) table[slot] = states++;
        state = table[slot]!;
      }
      if (phraseOf[state]! < 0) phraseOf[state] = index;
    }
    resolve(table, columns, states, phraseOf);
    this.#phraseOf = phraseOf;
    return table.slice(0, states * columns);
  }
}

/** Fill the missing transitions from the failure states, breadth first. */
function resolve(table: Int32Array, columns: number, states: number, phraseOf: Int32Array): void {
  const failure = new Int32Array(states);
  const queue = new Int32Array(states);
  let tail = 0;
  for (let column = 0; column < columns; column++) {
    const next = table[column]!;
    if (next < 0) table[column] = 0;
    else queue[tail++] = next;
  }
  for (let head = 0; head < tail; head++) {
    const state = queue[head]!;
    const fallback = failure[state]!;
    if (phraseOf[state]! < 0) phraseOf[state] = phraseOf[fallback]!;
    for (let column = 0; column < columns; column++) {
      const slot = state * columns + column;
      const next = table[slot]!;
      const other = table[fallback * columns + column]!;
      if (next < 0) table[slot] = other;
      else {
        failure[next] = other;
        queue[tail++] = next;
      }
    }
  }
}

function foldBytes(phrase: string): number[] {
  return Array.from(phrase, (c) => {
    const code = c.charCodeAt(0) & 0xff;
    return code >= 0x41 && code <= 0x5a ? code + 32 : code;
  });
}
