import type { Kind } from './sizes.ts';

/** What a call costs, by the sizes of what it is given (cel-go `checker/cost.go`, apiserver `cel/library/cost.go`). */

export interface Range {
  readonly min: number;
  readonly max: number;
}

export interface Operand {
  readonly kind: Kind;
  readonly size: Range;
  /** Elements of a list or map, where they are known. */
  readonly elem?: { readonly kind: Kind; readonly size: Range };
}

export interface CallCost {
  /** The most it can be, arguments not included. */
  readonly cost: number;
  /** Of the result, where it has one. */
  readonly size?: Range;
}

export const UNKNOWN: Range = { min: 0, max: Number.POSITIVE_INFINITY };
export const exactly = (size: number): Range => ({ min: size, max: size });

/** One unit for every ten characters that are looked at. */
const TRAVERSAL = 0.1;
/** An expression of a pattern is taken to have four characters. */
const PATTERN = 0.25;

/** Nothing times anything is nothing, even without a limit. */
export const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);
const walk = (size: number, factor = TRAVERSAL): number => Math.ceil(times(size, factor));
const add = (a: Range, b: Range): Range => ({ min: a.min + b.min, max: a.max + b.max });

const NOMINAL: CallCost = { cost: 1 };

/** The shorter of two texts is looked at. */
const compare = (a: Operand, b: Operand): number => walk(Math.min(a.size.max, b.size.max));
const isText = ({ kind }: Operand): boolean => kind === 'string' || kind === 'bytes';

/** @param name of an operator as cel-go calls it (`_==_`), or of a function; with its namespace (`sets.contains`) where it has one */
export function costOfCall(name: string, target: Operand | undefined, args: readonly Operand[]): CallCost {
  const [first, second] = args;
  if (target === undefined) return first === undefined ? NOMINAL : costOfFunction(name, first, second);
  return costOfMethod(name, target, first, second);
}

function costOfFunction(name: string, first: Operand, second: Operand | undefined): CallCost {
  switch (name) {
    case '_==_':
    case '_!=_':
      return { cost: compare(first, second!) };
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      if (first.kind === 'dyn' && second!.kind === 'dyn') return { cost: Math.max(1, compare(first, second!)) };
      return isText(first) || isText(second!) ? { cost: compare(first, second!) } : NOMINAL;
    case '_+_':
      return costOfSum(first, second!);
    case '_in_':
      return second!.kind === 'map' || second!.kind === 'object' ? NOMINAL : { cost: second!.size.max };
    case 'string':
    case 'bytes':
      return first.kind === 'bytes' || name === 'bytes' ? { cost: walk(first.size.max), size: first.size } : NOMINAL;
    case 'url':
      return { cost: walk(first.size.max), size: first.size };
    case 'cidr':
    case 'isCIDR':
    case 'ip':
    case 'isIP':
    case 'quantity':
    case 'isQuantity':
      return { cost: walk(first.size.max) };
    case 'ip.isCanonical':
      return { cost: walk(first.size.max, 2 * TRAVERSAL) };
    case 'sets.contains':
    case 'sets.intersects':
      return { cost: 1 + times(first.size.max, second?.size.max ?? 0) };
    case 'sets.equivalent':
      return { cost: 1 + 2 * times(first.size.max, second?.size.max ?? 0) };
    default:
      return NOMINAL;
  }
}

function costOfSum(a: Operand, b: Operand): CallCost {
  const size = add(a.size, b.size);
  if (a.kind === 'list' || b.kind === 'list') return { cost: 1, size };
  if (isText(a) || isText(b)) return { cost: walk(size.max), size };
  return a.kind === 'dyn' && b.kind === 'dyn' ? { cost: Math.max(1, walk(size.max)), size } : NOMINAL;
}

function costOfMethod(name: string, target: Operand, first: Operand | undefined, second: Operand | undefined): CallCost {
  const length = target.size.max;
  const argument = first?.size.max ?? 0;
  switch (name) {
    case 'startsWith':
    case 'endsWith':
      return { cost: walk(argument) };
    case 'contains':
      return { cost: times(walk(length), walk(argument)) };
    case 'matches':
      return { cost: times(walk(length + 1), walk(argument, PATTERN)) };
    case 'find':
    case 'findAll':
      return { cost: times(walk(length + 1), walk(argument, PATTERN)), size: { min: 0, max: length } };
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf':
      if (isText(target)) return { cost: walk(length) };
      return { cost: times(length, 1 + (target.elem?.kind === 'string' ? walk(target.elem.size.max) : 0)) };
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return { cost: walk(length), size: target.size };
    case 'format':
      return { cost: walk(length) };
    case 'replace':
      return { cost: walk(length, 2 * TRAVERSAL), size: { min: 0, max: longestReplaced(target.size, first?.size, second?.size) } };
    case 'split':
      return { cost: walk(length, 2 * TRAVERSAL), size: { min: 0, max: length } };
    case 'join': {
      const separators = times(Math.max(0, length - 1), argument);
      const max = times(length, target.elem?.size.max ?? Number.POSITIVE_INFINITY) + separators;
      return { cost: walk(max), size: { min: 0, max } };
    }
    // Two addresses of at most 16 bytes; a text is read first.
    case 'containsIP':
      return { cost: walk(32) + (first?.kind === 'string' ? walk(argument) : 0) };
    case 'containsCIDR':
      return { cost: walk(32) + walk(16) + 1 + (first?.kind === 'string' ? walk(argument) : 0) };
    default:
      return NOMINAL;
  }
}

function longestReplaced({ max }: Range, replaced: Range = UNKNOWN, by: Range = UNKNOWN): number {
  if (replaced.min === 0) return times(max + 1, by.max) + max;
  return by.max <= replaced.min ? max : times(Math.ceil(max / replaced.min), by.max);
}
