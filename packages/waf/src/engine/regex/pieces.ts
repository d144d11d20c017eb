import type { RegexNode } from './ast.ts';

/** Bytes of the longest part that is kept: the words of generated patterns are joined by such, thousands of times. */
export const MAX_PIECE = 80;

/** What decides about a part's meaning besides its text. */
export interface PieceFlags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly U: boolean;
}

/**
 * Parts of patterns by their text: read once, and one node, so that what else is found out about a part is found out
 * once, too.
 */
export class PieceTable {
  readonly #byFlags: (Map<string, RegexNode> | undefined)[] = [];

  get(flags: PieceFlags): Map<string, RegexNode> {
    const index = (flags.i ? 1 : 0) + (flags.m ? 2 : 0) + (flags.s ? 4 : 0) + (flags.U ? 8 : 0);
    this.#byFlags[index] ??= new Map();
    return this.#byFlags[index];
  }
}

const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const PAREN = 0x28;
const PAREN_END = 0x29;
const BACKSLASH = 0x5c;
const CARET = 0x5e;

/** Escapes that mean something by what stands elsewhere: references, and quotes. */
const isBound = bytesOf('123456789gkQE');
/** After a bracket in a class: POSIX names. */
const isNamed = bytesOf(':.=');
const isQuantifier = bytesOf('*+?{');

/** Which bytes these are. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(256);
  for (let i = 0; i < text.length; i++) bytes[text.charCodeAt(i)] = 1;
  return bytes;
}

/**
 * Where the class or group that begins here ends, quantifier included. 0 when it is long, or its text alone does not say
 * what it means: captures, flags, references, quotes, names of classes, counted repeats.
 */
export function pieceEnd(source: string, from: number): number {
  const limit = Math.min(source.length, from + MAX_PIECE);
  let depth = 0;
  let at = from;
  do {
    const c = source.charCodeAt(at);
    if (c === BRACKET) {
      at = classEnd(source, at, limit);
      if (at === 0) return 0;
    } else if (c === BACKSLASH) {
      if (isBound[source.charCodeAt(at + 1)]) return 0;
      at += 2;
    } else if (c === PAREN) {
      if (!source.startsWith('?:', at + 1)) return 0;
      depth++;
      at += 3;
    } else {
      if (c === PAREN_END) depth--;
      at++;
    }
  } while (depth > 0 && at < limit);
  return depth > 0 || at > limit ? 0 : quantifierEnd(source, at);
}

function classEnd(source: string, from: number, limit: number): number {
  let at = from + 1;
  if (isNamed[source.charCodeAt(at)]) return 0;
  if (source.charCodeAt(at) === CARET) at++;
  // A first `]` is one of the class.
  if (source.charCodeAt(at) === BRACKET_END) at++;
  for (; at < limit; at++) {
    const c = source.charCodeAt(at);
    if (c === BRACKET_END) return at + 1;
    if (c === BACKSLASH && isBound[source.charCodeAt(++at)]) return 0;
    if (c === BRACKET && isNamed[source.charCodeAt(at + 1)]) return 0;
  }
  return 0;
}

/** Behind `*`, `+` or `?` and what makes it lazy or possessive; 0 when more of the kind follows, or something to be read over. */
function quantifierEnd(source: string, from: number): number {
  let at = from;
  if (isQuantifier[source.charCodeAt(at)]) {
    if (source[at] === '{') return 0;
    at++;
    if (source[at] === '?' || source[at] === '+') at++;
    if (isQuantifier[source.charCodeAt(at)]) return 0;
  }
  const isReadOver = source.startsWith('\\E', at) || source.startsWith('\\Q', at) || source.startsWith('(?#', at);
  return isReadOver ? 0 : at;
}
