import { has, wordBytes } from './byte-set.ts';
import type { Instruction, Program } from './program.ts';

export interface RegexMatch {
  readonly captures: readonly (string | undefined)[];
  readonly start: number;
  readonly end: number;
}

/** Outcome of a counted search. `limit` means that the budget was used up: no statement about a match. */
export type SearchResult = ({ readonly kind: 'match' } & RegexMatch) | { readonly kind: 'none' } | { readonly kind: 'limit' };

/** Up to this many bits a bitmap remembers tried pairs (512 KB); beyond it a hash set, which grows with use only. */
const MAX_BITMAP_BITS = 1 << 22;

interface Visited {
  /** Remember a pair; false when it was there already. */
  add(key: number): boolean;
  delete(key: number): void;
}

function newVisited(size: number): Visited {
  if (size > MAX_BITMAP_BITS) {
    const seen = new Set<number>();
    return { add: (key) => seen.size !== seen.add(key).size, delete: (key) => void seen.delete(key) };
  }
  const bits = new Int32Array((size >> 5) + 1);
  return {
    add: (key) => {
      const bit = 1 << (key & 31);
      const word = bits[key >> 5]!;
      bits[key >> 5] = word | bit;
      return (word & bit) === 0;
    },
    delete: (key) => {
      bits[key >> 5] = bits[key >> 5]! & ~(1 << (key & 31));
    },
  };
}

/**
 * Perl-order search with an explicit stack and a budget of steps. For regular programs every (instruction, offset) is
 * tried at most once, so the time is linear in the text; all steps are counted.
 */
export class Backtracker {
  readonly #program: Program;
  readonly #isRegular: boolean;

  constructor(program: Program, isRegular: boolean) {
    this.#program = program;
    this.#isRegular = isRegular;
  }

  /** Leftmost match at or after `from`. */
  search(text: string, from: number, budget: number): SearchResult {
    return this.#next(new Run(this.#program, text, budget, this.#isRegular), from);
  }

  /** All matches, one behind the other; undefined when the budget for all was used up. */
  searchAll(text: string, budget: number): RegexMatch[] | undefined {
    const run = new Run(this.#program, text, budget, this.#isRegular);
    const matches: RegexMatch[] = [];
    for (let from = 0; from <= text.length; ) {
      const found = this.#next(run, from);
      if (found.kind === 'limit') return undefined;
      if (found.kind === 'none') break;
      const { end } = found;
      matches.push(found);
      run.forget(end);
      from = end > found.start ? end : end + 1;
    }
    return matches;
  }

  #next(run: Run, from: number): SearchResult {
    const { text } = run;
    for (let start = from; start <= text.length; start++) {
      const end = run.at(this.#program.start, start);
      if (run.isExhausted) return { kind: 'limit' };
      if (end >= 0) {
        const slots = run.registers;
        const captures: (string | undefined)[] = [text.slice(start, end)];
        for (let group = 1; group <= this.#program.groups; group++) {
          const open = slots[group * 2]!;
          const close = slots[group * 2 + 1]!;
          captures.push(open >= 0 && close >= 0 ? text.slice(open, close) : undefined);
        }
        return { kind: 'match', captures, start, end };
      }
    }
    return { kind: 'none' };
  }
}

class Run {
  readonly program: Program;
  readonly code: readonly Instruction[];
  readonly text: string;
  /** Begin and end of each group, then where each was opened, then the marks of the loops. */
  readonly registers: Int32Array;
  budget: number;
  isExhausted = false;
  /** Tried (instruction, empty rounds, offset); kept over start offsets, since failing does not depend on the start. */
  readonly #visited: Visited | undefined;
  /** Counts of empty rounds that there can be. */
  readonly #ways: number;
  readonly #opened: number;
  readonly #marks: number;

  constructor(program: Program, text: string, budget: number, isRegular: boolean) {
    this.program = program;
    this.code = program.code;
    this.text = text;
    this.budget = budget;
    this.#ways = program.loops.reduce((most, { depth }) => Math.max(most, depth), 0) + 1;
    this.#visited = isRegular ? newVisited(program.code.length * (text.length + 1) * this.#ways) : undefined;
    this.#opened = program.groups * 2 + 2;
    this.#marks = this.#opened + program.groups + 1;
    this.registers = new Int32Array(this.#marks + program.loops.length).fill(-1);
  }

  /** After a match that ended here: pairs of other offsets failed, or are behind; those of this one may be what matched. */
  forget(offset: number): void {
    this.registers.fill(-1);
    for (let pc = 0; pc < this.code.length; pc++)
      for (let rounds = 0; rounds < this.#ways; rounds++) this.#visited?.delete(this.#key(pc, rounds, offset));
  }

  #key(pc: number, emptyRounds: number, at: number): number {
    return (pc * this.#ways + emptyRounds) * (this.text.length + 1) + at;
  }

  /** How many of the loops around an instruction are in a round that is empty so far: how they go on depends on it. Inner ones first. */
  #emptyRounds(pc: number, at: number): number {
    const { loops, loopOf } = this.program;
    let count = 0;
    for (let slot = loopOf[pc]!; slot >= 0 && this.registers[this.#marks + slot] === at; slot = loops[slot]!.outer) count++;
    return count;
  }

  /** Run from one instruction at one offset; returns the end offset or -1. Captures stay in `registers` on success. */
  at(pc: number, offset: number): number {
    // Triples: kind (-1 = branch, else register to restore), a, b.
    const stack: number[] = [];
    const { registers } = this;
    const put = (register: number, value: number): void => {
      stack.push(register, registers[register]!, 0);
      registers[register] = value;
    };
    let at = offset;
    let next = pc;
    for (;;) {
      let isFailed = false;
      const instruction = this.code[next]!;
      if (--this.budget < 0) {
        this.isExhausted = true;
        return -1;
      }
      if (this.#visited && !this.#visited.add(this.#key(next, this.#emptyRounds(next, at), at))) isFailed = true;
      if (!isFailed) {
        switch (instruction.op) {
          case 'match':
            return at;
          case 'set':
            if (at < this.text.length && has(instruction.set, this.text.charCodeAt(at))) {
              at++;
              next = instruction.next;
            } else isFailed = true;
            break;
          case 'split':
            stack.push(-1, instruction.other, at);
            next = instruction.next;
            break;
          case 'open':
            put(this.#opened + instruction.group, at);
            next = instruction.next;
            break;
          case 'close':
            put(instruction.group * 2, registers[this.#opened + instruction.group]!);
            put(instruction.group * 2 + 1, at);
            next = instruction.next;
            break;
          case 'mark':
            put(this.#marks + instruction.slot, at);
            next = instruction.next;
            break;
          case 'progress':
            next = registers[this.#marks + instruction.slot] === at ? instruction.exit : instruction.next;
            break;
          case 'assert':
            if (holds(instruction.kind, this.text, at)) next = instruction.next;
            else isFailed = true;
            break;
          default: {
            const before = instruction.op === 'backref' ? undefined : registers.slice(0, this.#opened);
            const moved = this.#special(instruction, at);
            if (this.isExhausted) return -1;
            // What was caught in there is undone when this way fails later.
            before?.forEach((value, register) => {
              if (value !== registers[register]) stack.push(register, value, 0);
            });
            if (moved < 0) isFailed = true;
            else {
              at = moved;
              next = instruction.next;
            }
          }
        }
      }
      if (!isFailed) continue;
      for (;;) {
        if (stack.length === 0) return -1;
        const b = stack.pop()!;
        const a = stack.pop()!;
        const kind = stack.pop()!;
        if (kind < 0) {
          next = a;
          at = b;
          break;
        }
        registers[kind] = a;
      }
    }
  }

  /** Lookaround, atomic groups and back references: new offset, or -1. */
  #special(instruction: Extract<Instruction, { op: 'look' | 'atomic' | 'backref' }>, at: number): number {
    if (instruction.op === 'backref') return this.#backref(instruction, at);
    if (instruction.op === 'atomic') return this.at(instruction.sub, at);
    const from = at - instruction.width;
    const found = from >= 0 && this.at(instruction.sub, from) >= 0;
    return found !== instruction.isNegated ? at : -1;
  }

  #backref({ index, isCaseless }: Extract<Instruction, { op: 'backref' }>, at: number): number {
    const open = this.registers[index * 2]!;
    const close = this.registers[index * 2 + 1]!;
    if (open < 0 || close < 0) return -1;
    const wanted = this.text.slice(open, close);
    const found = this.text.slice(at, at + wanted.length);
    this.budget -= wanted.length;
    const isEqual = isCaseless ? foldText(wanted) === foldText(found) : wanted === found;
    return isEqual ? at + wanted.length : -1;
  }
}

function foldText(text: string): string {
  return text.replace(/[A-Z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 32));
}

const LF = 10;

function holds(kind: Extract<Instruction, { op: 'assert' }>['kind'], text: string, at: number): boolean {
  switch (kind) {
    case 'begin':
      return at === 0;
    case 'end':
      return at === text.length;
    case 'endOrFinalNewline':
      return at === text.length || (at === text.length - 1 && text.charCodeAt(at) === LF);
    case 'lineBegin':
      // PCRE: not after a newline that ends the subject.
      return at === 0 || (at < text.length && text.charCodeAt(at - 1) === LF);
    case 'lineEnd':
      return at === text.length || text.charCodeAt(at) === LF;
    default: {
      const before = at > 0 && has(wordBytes, text.charCodeAt(at - 1));
      const after = at < text.length && has(wordBytes, text.charCodeAt(at));
      return (before !== after) === (kind === 'wordBoundary');
    }
  }
}
