import { hexDigit, hexNumber, hexPair, isSpace } from './hex.ts';

const BACKSLASH = 0x5c;
const single: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\x0b' };

function octalAt(value: string, at: number, max: number): string {
  let end = at;
  while (end < value.length && end < at + max && value[end]! >= '0' && value[end]! <= '7') end++;
  return value.slice(at, end);
}

/** A low byte with a zero high byte of a full-width form (FF01–FF5E) folds to ASCII. */
function foldWide(point: number): number {
  const byte = point & 0xff;
  return point >= 0xff01 && point <= 0xff5e ? byte + 0x20 : byte;
}

/** JavaScript escapes: `\uHHHH`, `\xHH`, octal (at most FF), and a backslash before any other character goes. */
export function jsDecode(value: string): string {
  if (!value.includes('\\')) return value;
  let out = '';
  for (let at = 0; at < value.length; at++) {
    if (value.charCodeAt(at) !== BACKSLASH || at + 1 >= value.length) {
      out += value[at]!;
      continue;
    }
    const next = value[at + 1]!;
    const point = next === 'u' ? hexNumber(value, at + 2, 4) : -1;
    const pair = next === 'x' ? hexPair(value, at + 2) : -1;
    if (point >= 0) {
      out += String.fromCharCode(foldWide(point));
      at += 5;
    } else if (pair >= 0) {
      out += String.fromCharCode(pair);
      at += 3;
    } else if (next >= '0' && next <= '7') {
      let digits = octalAt(value, at + 1, 3);
      // Three digits only when they stay below 400 (octal).
      if (digits.length === 3 && digits[0]! > '3') digits = digits.slice(0, 2);
      out += String.fromCharCode(Number.parseInt(digits, 8));
      at += digits.length;
    } else {
      out += single[next] ?? next;
      at += 1;
    }
  }
  return out;
}

/** ANSI C escapes: `\a` … `\v`, `\xHH`, up to three octal digits; unknown ones lose the backslash. */
export function escapeSeqDecode(value: string): string {
  if (!value.includes('\\')) return value;
  let out = '';
  for (let at = 0; at < value.length; at++) {
    if (value.charCodeAt(at) !== BACKSLASH || at + 1 >= value.length) {
      out += value[at]!;
      continue;
    }
    const next = value[at + 1]!;
    const pair = next === 'x' || next === 'X' ? hexPair(value, at + 2) : -1;
    const digits = octalAt(value, at + 1, 3);
    if (pair >= 0) {
      out += String.fromCharCode(pair);
      at += 3;
    } else if (digits !== '') {
      out += String.fromCharCode(Number.parseInt(digits, 8) & 0xff);
      at += digits.length;
    } else {
      out += single[next] ?? next;
      at += 1;
    }
  }
  return out;
}

/** CSS 2 escapes: one to six hexadecimal digits and one blank after them; an escaped newline goes. */
export function cssDecode(value: string): string {
  if (!value.includes('\\')) return value;
  let out = '';
  for (let at = 0; at < value.length; at++) {
    if (value.charCodeAt(at) !== BACKSLASH) {
      out += value[at]!;
      continue;
    }
    // A backslash that ends the text goes.
    if (at + 1 >= value.length) break;
    let count = 0;
    while (count < 6 && at + 1 + count < value.length && hexDigit(value.charCodeAt(at + 1 + count)) >= 0) count++;
    if (count > 0) {
      const digits = value.slice(at + 1, at + 1 + count);
      out += String.fromCharCode(cssByte(digits));
      at += count;
      if (at + 1 < value.length && isSpace(value.charCodeAt(at + 1))) at++;
    } else if (value[at + 1] === '\n') {
      at++;
    } else {
      out += value[at + 1]!;
      at++;
    }
  }
  return out;
}

/** Only the last two digits count, except for full-width ASCII (four, five or six digits ending in FFxx). */
function cssByte(digits: string): number {
  const byte = Number.parseInt(digits.slice(-2), 16);
  const isWide = digits.length >= 4 && /^0*ff..$/i.test(digits);
  return isWide && byte > 0 && byte < 0x5f ? byte + 0x20 : byte;
}
