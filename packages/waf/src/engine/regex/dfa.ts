import type { ByteSet } from './byte-set.ts';
import { has, members, wordBytes } from './byte-set.ts';
import type { Program } from './program.ts';

/** States kept before the table is thrown away and begun again: bounds memory at some hundred kilobytes a pattern. */
const MAX_STATES = 2000;
const LF = 10;
/** What stands before the current offset, where assertions ask for it. */
const CONTEXT_BEGIN = 1;
const CONTEXT_WORD = 2;
const CONTEXT_NEWLINE = 4;

const DEAD = 0;
const MATCHED = 1;

/**
 * Lazily built automaton that answers one question: does the pattern match anywhere in the text? It reads every byte
 * once and stops at the earliest proof. A state is the set of live instructions before the next byte is known, with
 * the context that assertions may need. Only for regular programs.
 */
export class LazyDfa {
  /** Byte → class; bytes no instruction tells apart share one. */
  readonly #classOf: Uint8Array;
  readonly #classes: number;
  readonly #representative: number[];
  readonly #hasAsserts: boolean;
  readonly #words: Int32Array;
  /** Of the instructions that read a byte. Of the program nothing is kept: its objects are the largest part of a pattern. */
  readonly #sets: readonly (ByteSet | undefined)[];
  readonly #first: number;
  #states: Int32Array[] = [];
  #contexts: number[] = [];
  #index = new Map<string, number>();
  /** `#table[state * (classes + 1) + class]`; -1 = not computed; the last column is the end of the text. */
  #table: Int32Array;
  #start = -1;
  readonly #seen: Int32Array;
  #generation = 0;
  /** Times the state cache was dropped, for tests and statistics. */
  flushes = 0;
  /** Instructions looked at while new states were made, in the running search. */
  #steps = 0;
  readonly #budget: number;

  /** @param budget instructions one search may look at for new states; known states cost nothing */
  constructor(program: Program, budget = Number.POSITIVE_INFINITY) {
    this.#budget = budget;
    const { classOf, representative } = byteClasses(program);
    this.#classOf = classOf;
    this.#representative = representative;
    this.#classes = representative.length;
    this.#hasAsserts = program.code.some((instruction) => instruction.op === 'assert');
    this.#words = compactOps(program);
    this.#sets = program.code.map((instruction) => (instruction.op === 'set' ? instruction.set : undefined));
    this.#first = program.start;
    this.#seen = new Int32Array(program.code.length);
    this.#table = new Int32Array(0);
    this.#reset();
  }

  get states(): number {
    return this.#states.length;
  }

  /** Whether the pattern matches somewhere in `text`; `limit` when the budget was used up first. */
  test(text: string): 'match' | 'none' | 'limit' {
    this.#steps = 0;
    const width = this.#classes + 1;
    const classOf = this.#classOf;
    let state = this.#start;
    if (state === MATCHED) return 'match';
    for (let i = 0; i < text.length; i++) {
      const column = classOf[text.charCodeAt(i) & 255]!;
      let next = this.#table[state * width + column]!;
      if (next < 0) {
        if (this.#steps > this.#budget) return 'limit';
        next = this.#step(state, column);
      }
      if (next <= MATCHED) return next === MATCHED ? 'match' : 'none';
      state = next;
    }
    let final = this.#table[state * width + this.#classes]!;
    if (final < 0) final = this.#step(state, this.#classes);
    return final === MATCHED ? 'match' : 'none';
  }

  #reset(): void {
    this.#states = [new Int32Array(0), new Int32Array(0)];
    this.#contexts = [0, 0];
    this.#index = new Map();
    this.#table = new Int32Array((this.#classes + 1) * 16).fill(-1);
    const start = this.#closeInitial();
    this.#start = start;
  }

  #closeInitial(): number {
    const core = this.#newSet();
    if (this.#addThread(core, this.#first, AT_BEGIN)) return MATCHED;
    return this.#intern(core, this.#hasAsserts ? CONTEXT_BEGIN : 0);
  }

  #newSet(): number[] {
    this.#generation++;
    return [];
  }

  /**
   * Add an instruction and what follows it without a byte. With `flags` < 0 assertions stay as threads, to be decided
   * when the next byte is known (AFTER_BEGIN: `begin` can no longer hold, so that anchored patterns die early); else
   * they are decided now. Returns true when `match` is reached.
   */
  #addThread(set: number[], pc: number, flags: number): boolean {
    const words = this.#words;
    const stack = [pc];
    while (stack.length > 0) {
      const at = stack.pop()!;
      this.#steps++;
      if (this.#seen[at] === this.#generation) continue;
      this.#seen[at] = this.#generation;
      const op = words[at * 3]!;
      if (op === OP_SET) set.push(at);
      else if (op === OP_MATCH) return true;
      else if (op === OP_PASS) stack.push(words[at * 3 + 1]!);
      else if (op === OP_SPLIT) stack.push(words[at * 3 + 2]!, words[at * 3 + 1]!);
      else if (flags < 0) {
        if (flags === AT_BEGIN || words[at * 3 + 2] !== assertBit.begin) set.push(at);
      } else if ((flags & words[at * 3 + 2]!) !== 0) stack.push(words[at * 3 + 1]!);
    }
    return false;
  }

  #intern(threads: number[], context: number): number {
    threads.sort((a, b) => a - b);
    // Without a live assertion the context is of no use and would only split states.
    const needsContext = this.#hasAsserts && threads.some((pc) => this.#words[pc * 3] === OP_ASSERT);
    if (threads.length === 0) return DEAD;
    const kept = needsContext ? context : 0;
    const key = `${kept}:${threads.join()}`;
    const known = this.#index.get(key);
    if (known !== undefined) return known;
    const id = this.#states.length;
    this.#states.push(Int32Array.from(threads));
    this.#contexts.push(kept);
    this.#index.set(key, id);
    const width = this.#classes + 1;
    if ((id + 1) * width > this.#table.length) {
      const grown = new Int32Array(this.#table.length * 2 + width).fill(-1);
      grown.set(this.#table);
      this.#table = grown;
    }
    return id;
  }

  #step(state: number, column: number): number {
    if (this.#states.length > MAX_STATES) return this.#stepAfterFlush(state, column);
    const next = this.#compute(this.#states[state]!, this.#contexts[state]!, column);
    this.#table[state * (this.#classes + 1) + column] = next;
    return next;
  }

  #stepAfterFlush(state: number, column: number): number {
    const threads = this.#states[state]!;
    const context = this.#contexts[state]!;
    this.flushes++;
    this.#reset();
    const again = this.#intern([...threads], context);
    return this.#step(again, column);
  }

  #compute(threads: Int32Array, context: number, column: number): number {
    const isEnd = column === this.#classes;
    const byte = isEnd ? -1 : this.#representative[column]!;
    let live: Int32Array | number[] = threads;
    if (this.#hasAsserts) {
      const flags = assertFlags(context, byte);
      const closed = this.#newSet();
      for (const pc of threads) if (this.#addThread(closed, pc, flags)) return MATCHED;
      live = closed;
    }
    if (isEnd) return DEAD;
    const next = this.#newSet();
    for (const pc of live) {
      const set = this.#sets[pc];
      if (set && has(set, byte) && this.#addThread(next, this.#words[pc * 3 + 1]!, AFTER_BEGIN)) return MATCHED;
    }
    // A match may also begin at the next offset.
    if (this.#addThread(next, this.#first, AFTER_BEGIN)) return MATCHED;
    return this.#intern(next, (has(wordBytes, byte) ? CONTEXT_WORD : 0) | (byte === LF ? CONTEXT_NEWLINE : 0));
  }
}

const AT_BEGIN = -1;
const AFTER_BEGIN = -2;

const OP_SET = 0;
const OP_MATCH = 1;
const OP_PASS = 2;
const OP_SPLIT = 3;
const OP_ASSERT = 4;

const assertBit = { begin: 1, end: 2, endOrFinalNewline: 4, lineBegin: 8, lineEnd: 16, wordBoundary: 32, notWordBoundary: 64 } as const;

/** Which assertions hold between what stands before (context) and the next byte (-1 = end). */
function assertFlags(context: number, byte: number): number {
  const isBegin = (context & CONTEXT_BEGIN) !== 0;
  const isWordBefore = (context & CONTEXT_WORD) !== 0;
  const isWordAfter = byte >= 0 && has(wordBytes, byte);
  let flags = isWordBefore !== isWordAfter ? assertBit.wordBoundary : assertBit.notWordBoundary;
  if (isBegin) flags |= assertBit.begin | assertBit.lineBegin;
  if ((context & CONTEXT_NEWLINE) !== 0 && byte >= 0) flags |= assertBit.lineBegin;
  if (byte < 0) flags |= assertBit.end | assertBit.endOrFinalNewline | assertBit.lineEnd;
  if (byte === LF) flags |= assertBit.lineEnd;
  return flags;
}

/** Three numbers an instruction: op, next, and other (split) or the assertion's bit. */
function compactOps(program: Program): Int32Array {
  const words = new Int32Array(program.code.length * 3);
  for (const [at, instruction] of program.code.entries()) {
    const base = at * 3;
    switch (instruction.op) {
      case 'set':
        words.set([OP_SET, instruction.next], base);
        break;
      case 'match':
        words[base] = OP_MATCH;
        break;
      case 'split':
        words.set([OP_SPLIT, instruction.next, instruction.other], base);
        break;
      case 'assert':
        words.set([OP_ASSERT, instruction.next, assertBit[instruction.kind]], base);
        break;
      case 'open':
      case 'close':
      case 'mark':
      case 'progress':
        words.set([OP_PASS, instruction.next], base);
        break;
      default:
        throw new Error(`instruction ${instruction.op} is not regular`);
    }
  }
  return words;
}

function byteClasses(program: Program): { classOf: Uint8Array; representative: number[] } {
  // Sets are interned: few are distinct. Refine the partition by each.
  const sets = new Set(program.code.flatMap((instruction) => (instruction.op === 'set' ? [instruction.set] : [])));
  let classOf = new Uint8Array(256);
  let count = 1;
  const refine = (isIn: (byte: number) => boolean) => {
    const renamed = new Map<number, number>();
    const refined = new Uint8Array(256);
    for (let byte = 0; byte < 256; byte++) {
      const key = classOf[byte]! * 2 + (isIn(byte) ? 1 : 0);
      let id = renamed.get(key);
      if (id === undefined) {
        id = renamed.size;
        renamed.set(key, id);
      }
      refined[byte] = id;
    }
    classOf = refined;
    count = renamed.size;
  };
  for (const set of sets) {
    if (count === 256) break;
    const inside = new Set(members(set));
    refine((byte) => inside.has(byte));
  }
  if (program.code.some((instruction) => instruction.op === 'assert')) {
    refine((byte) => has(wordBytes, byte));
    refine((byte) => byte === LF);
  }
  const representative: number[] = new Array(count);
  for (let byte = 255; byte >= 0; byte--) representative[classOf[byte]!] = byte;
  return { classOf, representative };
}
