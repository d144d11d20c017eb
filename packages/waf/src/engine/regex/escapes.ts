import { hexDigit } from '../transformations/hex.ts';
import type { RegexNode } from './ast.ts';
import type { ByteSet } from './byte-set.ts';
import {
  allBytes,
  complement,
  digits,
  has,
  horizontalSpace,
  newline,
  pcreSpace,
  re2Space,
  single,
  verticalSpace,
  wordBytes,
} from './byte-set.ts';

export interface Cursor {
  readonly source: string;
  at: number;
  /** Between `\Q` and `\E`: every byte is itself. */
  isQuoted: boolean;
  readonly isRe2Space: boolean;
}

/** A pattern that does not parse, with the offset where reading stopped. */
export class PatternError extends Error {
  readonly offset: number;

  constructor(cursor: Cursor, what: string) {
    super(`${what} at offset ${cursor.at} of pattern ${JSON.stringify(cursor.source.slice(Math.max(0, cursor.at - 20), cursor.at + 20))}`);
    this.name = 'PatternError';
    this.offset = cursor.at;
  }
}

const controls: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

/** Class shorthands, valid inside and outside brackets. */
export function shorthand(letter: string, isRe2Space: boolean): ByteSet | undefined {
  const space = isRe2Space ? re2Space : pcreSpace;
  switch (letter) {
    case 'd':
      return digits;
    case 'D':
      return complement(digits);
    case 'w':
      return wordBytes;
    case 'W':
      return complement(wordBytes);
    case 's':
      return space;
    case 'S':
      return complement(space);
    case 'h':
      return horizontalSpace;
    case 'H':
      return complement(horizontalSpace);
    case 'v':
      return isRe2Space ? single(0x0b) : verticalSpace;
    case 'V':
      return complement(verticalSpace);
    case 'N':
      return complement(newline);
    default:
      return undefined;
  }
}

/** Read a single-byte escape; the cursor stands after the backslash. Returns undefined when the letter is none. */
export function parseByteEscape(cursor: Cursor): number | undefined {
  const { source } = cursor;
  const c = source[cursor.at];
  if (c === undefined) throw new PatternError(cursor, 'a lone "\\" ends the pattern');
  const control = controls[c];
  if (control !== undefined) {
    cursor.at++;
    return control;
  }
  if (c === 'x') return hexEscape(cursor);
  if (c === 'o' && source[cursor.at + 1] === '{') {
    const match = /^\{([0-7]{1,3})\}/.exec(source.slice(cursor.at + 1, cursor.at + 8));
    if (!match) throw new PatternError(cursor, 'bad \\o{…}');
    cursor.at += 1 + match[0].length;
    return Number.parseInt(match[1]!, 8) & 255;
  }
  if (c === 'c') {
    const next = source[cursor.at + 1];
    if (next === undefined || !/[ -~]/.test(next)) throw new PatternError(cursor, 'bad \\c; wanted a printable ASCII character after it');
    cursor.at += 2;
    return next.toUpperCase().charCodeAt(0) ^ 64;
  }
  if (c === '0') {
    const match = /^[0-7]{1,3}/.exec(source.slice(cursor.at, cursor.at + 3))!;
    cursor.at += match[0].length;
    return Number.parseInt(match[0], 8) & 255;
  }
  const byte = c.charCodeAt(0);
  if (has(wordBytes, byte) && c !== '_') return undefined;
  cursor.at++;
  return byte;
}

function hexEscape(cursor: Cursor): number {
  const { source } = cursor;
  if (source[cursor.at + 1] === '{') {
    const braced = /^\{([0-9A-Fa-f]{1,8})\}/.exec(source.slice(cursor.at + 1, cursor.at + 12));
    if (!braced) throw new PatternError(cursor, 'bad \\x{…}; wanted hexadecimal digits between the braces');
    const value = Number.parseInt(braced[1]!, 16);
    if (value > 255) throw new PatternError(cursor, `character \\x{${braced[1]}} is more than one byte; wanted its UTF-8 bytes`);
    cursor.at += 1 + braced[0].length;
    return value;
  }
  let value = 0;
  cursor.at++;
  for (let count = 0; count < 2; count++) {
    const digit = hexDigit(source.charCodeAt(cursor.at));
    if (digit < 0) break;
    value = value * 16 + digit;
    cursor.at++;
  }
  return value;
}

type EscapeNode =
  | Extract<RegexNode, { type: 'set' | 'assert' }>
  | { type: 'byte'; byte: number }
  | { type: 'backref'; index: number }
  | Extract<RegexNode, { type: 'atomic' }>;

const namedReference = /^(?:g(?:\{(-?\w+)\}|(-?\d+))|k(?:\{(\w+)\}|<(\w+)>|'(\w+)'))/;

/** Read an escape outside brackets; the cursor stands after the backslash. */
export function parseEscape(cursor: Cursor, names: ReadonlyMap<string, number>, groups: number): EscapeNode {
  const { source } = cursor;
  const c = source[cursor.at]!;
  const assertion = assertions[c];
  if (assertion) {
    cursor.at++;
    return { type: 'assert', kind: assertion };
  }
  const set = c === undefined ? undefined : shorthand(c, cursor.isRe2Space);
  if (set) {
    cursor.at++;
    return { type: 'set', set };
  }
  if (c === 'R') {
    cursor.at++;
    const lineEnds: RegexNode = { type: 'set', set: verticalSpace };
    return { type: 'atomic', item: { type: 'alt', items: [{ type: 'cat', items: [carriageReturn, lineFeed] }, lineEnds] } };
  }
  if (c === 'C') {
    cursor.at++;
    return { type: 'set', set: allBytes };
  }
  const reference = c === 'g' || c === 'k' ? namedReference.exec(source.slice(cursor.at, cursor.at + 40)) : undefined;
  if (reference) {
    const name = reference.slice(1).find((part) => part !== undefined)!;
    const number = Number(name);
    const index = Number.isInteger(number) ? (number < 0 ? groups + 1 + number : number) : names.get(name);
    if (index === undefined || index < 1) throw new PatternError(cursor, `no group ${JSON.stringify(name)}`);
    cursor.at += reference[0].length;
    return { type: 'backref', index };
  }
  if (c >= '1' && c <= '9') return numbered(cursor, groups);
  const byte = parseByteEscape(cursor);
  if (byte === undefined) throw new PatternError(cursor, `escape "\\${c}" is not supported`);
  return { type: 'byte', byte };
}

const assertions: Readonly<Record<string, Extract<RegexNode, { type: 'assert' }>['kind']>> = {
  A: 'begin',
  B: 'notWordBoundary',
  Z: 'endOrFinalNewline',
  b: 'wordBoundary',
  z: 'end',
};

const carriageReturn: RegexNode = { type: 'set', set: single(13) };
const lineFeed: RegexNode = { type: 'set', set: single(10) };

/** `\1`: a back reference below 10 or when so many groups were opened, else octal (PCRE "Backslash", digits). */
function numbered(cursor: Cursor, groups: number): EscapeNode {
  const text = /^\d{1,3}/.exec(cursor.source.slice(cursor.at, cursor.at + 3))![0];
  const value = Number(text);
  if (value < 10 || value <= groups) {
    cursor.at += text.length;
    return { type: 'backref', index: value };
  }
  const octal = /^[0-7]{1,3}/.exec(text)?.[0];
  if (octal === undefined) throw new PatternError(cursor, `escape "\\${text}" names no group`);
  cursor.at += octal.length;
  return { type: 'byte', byte: Number.parseInt(octal, 8) & 255 };
}
