import type { AssertKind, Regex, RegexNode } from './ast.ts';
import type { ByteSet } from './byte-set.ts';

/** Instructions of a compiled pattern; `next` fields are indices into the program. */
export type Instruction =
  | { readonly op: 'set'; readonly set: ByteSet; readonly next: number }
  /** Try `next` first, then `other`. */
  | { readonly op: 'split'; readonly next: number; readonly other: number }
  /** A group counts from its end: until then it holds what it caught before, for back references inside it. */
  | { readonly op: 'open' | 'close'; readonly group: number; readonly next: number }
  | { readonly op: 'assert'; readonly kind: AssertKind; readonly next: number }
  /** Run the program at `sub` here (or `width` bytes earlier) as a test. */
  | { readonly op: 'look'; readonly sub: number; readonly width: number; readonly isNegated: boolean; readonly next: number }
  | { readonly op: 'atomic'; readonly sub: number; readonly next: number }
  | { readonly op: 'backref'; readonly index: number; readonly isCaseless: boolean; readonly next: number }
  | { readonly op: 'mark'; readonly slot: number; readonly next: number }
  /** A round that matched nothing since `mark` of the same slot is the last one: on to `exit`, as in PCRE. */
  | { readonly op: 'progress'; readonly slot: number; readonly next: number; readonly exit: number }
  | { readonly op: 'match' };

interface Loop {
  readonly outer: number;
  readonly depth: number;
}

export interface Program {
  readonly code: readonly Instruction[];
  readonly start: number;
  readonly groups: number;
  /** Loops around what may be empty: which one stands around each (or -1), and how many, itself included. */
  readonly loops: readonly Loop[];
  /** The innermost such loop around each instruction, or -1. */
  readonly loopOf: readonly number[];
}

/** Larger patterns are refused at load: PCRE has a like limit (64 KB of code). */
export const MAX_PROGRAM = 60_000;

export class ProgramTooLarge extends Error {
  constructor() {
    super(`pattern compiles to more than ${MAX_PROGRAM} instructions; wanted smaller counted repeats`);
    this.name = 'ProgramTooLarge';
  }
}

/** Compile back to front: every node gets the index of what follows it. */
export function compileProgram(regex: Regex): Program {
  const code: Instruction[] = [{ op: 'match' }];
  const loops: Loop[] = [];
  const loopOf: number[] = [-1];
  let innermost = -1;
  const emit = (instruction: Instruction): number => {
    if (code.length >= MAX_PROGRAM) throw new ProgramTooLarge();
    loopOf.push(innermost);
    return code.push(instruction) - 1;
  };

  const compile = (node: RegexNode, next: number): number => {
    switch (node.type) {
      case 'empty':
        return next;
      case 'set':
        return emit({ op: 'set', set: node.set, next });
      case 'cat':
        return node.items.reduceRight((after, item) => compile(item, after), next);
      case 'alt':
        return node.items.map((item) => compile(item, next)).reduceRight((other, branch) => emit({ op: 'split', next: branch, other }));
      case 'repeat':
        return compileRepeat(node, next);
      case 'group': {
        const close = emit({ op: 'close', group: node.index, next });
        return emit({ op: 'open', group: node.index, next: compile(node.item, close) });
      }
      case 'assert':
        return emit({ op: 'assert', kind: node.kind, next });
      case 'atomic':
        return emit({ op: 'atomic', sub: compile(node.item, 0), next });
      case 'backref':
        return emit({ op: 'backref', index: node.index, isCaseless: node.isCaseless, next });
      case 'look':
        return compileLook(node, next);
      default:
        return node satisfies never;
    }
  };

  const compileRepeat = (node: Extract<RegexNode, { type: 'repeat' }>, next: number): number => {
    const { item, min, max, isLazy } = node;
    const split = (enter: number, leave: number): Instruction =>
      isLazy ? { op: 'split', next: leave, other: enter } : { op: 'split', next: enter, other: leave };
    let after = next;
    let copies = min;
    if (max === Number.POSITIVE_INFINITY) {
      const loop = emit({ op: 'match' });
      const entry = canBeEmpty(item) ? compileRounds(item, loop, next) : compile(item, loop);
      code[loop] = split(entry, next);
      // The last of the rounds that must be is the loop's first: when it is empty it is the last one, too.
      after = min === 0 ? loop : entry;
      copies = Math.max(0, min - 1);
    } else {
      for (let i = min; i < max; i++) after = emit(split(compile(item, after), next));
    }
    for (let i = 0; i < copies; i++) after = compile(item, after);
    return after;
  };

  const compileRounds = (item: RegexNode, loop: number, exit: number): number => {
    const slot = loops.push({ outer: innermost, depth: (loops[innermost]?.depth ?? 0) + 1 }) - 1;
    innermost = slot;
    const first = compile(item, emit({ op: 'progress', slot, next: loop, exit }));
    innermost = loops[slot]!.outer;
    return emit({ op: 'mark', slot, next: first });
  };

  const compileLook = (node: Extract<RegexNode, { type: 'look' }>, next: number): number => {
    if (!node.isBehind) return emit({ op: 'look', sub: compile(node.item, 0), width: 0, isNegated: node.isNegated, next });
    const branches = node.item.type === 'alt' ? node.item.items : [node.item];
    const looks = branches.map((item) => ({ sub: compile(item, 0), width: fixedWidth(item) }));
    // Not (a or b) is not-a and not-b: a chain. a or b: alternatives.
    if (node.isNegated)
      return looks.reduceRight((after, { sub, width }) => emit({ op: 'look', sub, width, isNegated: true, next: after }), next);
    return looks
      .map(({ sub, width }) => emit({ op: 'look', sub, width, isNegated: false, next }))
      .reduceRight((other, branch) => emit({ op: 'split', next: branch, other }));
  };

  const start = compile(regex.root, 0);
  return { code, start, groups: regex.groups, loops, loopOf };
}

/** Instructions a node compiles to, about: cheap enough to refuse an oversized pattern without compiling it. */
export function programSize(node: RegexNode): number {
  switch (node.type) {
    case 'cat':
    case 'alt': {
      let sum = node.items.length;
      for (let i = 0; i < node.items.length; i++) sum += programSize(node.items[i]!);
      return sum;
    }
    case 'repeat':
      return (programSize(node.item) + 1) * Math.max(1, node.max === Number.POSITIVE_INFINITY ? node.min : node.max);
    case 'group':
    case 'atomic':
    case 'look':
      return programSize(node.item) + 2;
    default:
      return 1;
  }
}

export function canBeEmpty(node: RegexNode): boolean {
  switch (node.type) {
    case 'set':
      return false;
    case 'cat':
      return node.items.every(canBeEmpty);
    case 'alt':
      return node.items.some(canBeEmpty);
    case 'repeat':
      return node.min === 0 || canBeEmpty(node.item);
    case 'group':
    case 'atomic':
      return canBeEmpty(node.item);
    default:
      return true;
  }
}

/** Width in bytes of a lookbehind branch. @throws when it varies, which PCRE refuses too */
function fixedWidth(node: RegexNode): number {
  switch (node.type) {
    case 'set':
      return 1;
    case 'cat':
      return node.items.reduce((sum, item) => sum + fixedWidth(item), 0);
    case 'alt': {
      const widths = new Set(node.items.map(fixedWidth));
      if (widths.size === 1) return [...widths][0]!;
      break;
    }
    case 'repeat':
      if (node.min === node.max) return node.min * fixedWidth(node.item);
      break;
    case 'group':
    case 'atomic':
      return fixedWidth(node.item);
    case 'backref':
      break;
    default:
      return 0;
  }
  throw new Error('a lookbehind must have a fixed width');
}
