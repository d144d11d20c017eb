import { isSpace } from './hex.ts';
import { outputOf } from './output.ts';

/** ModSecurity counts the no-break space (A0) here, and only in these two transformations. */
const blanks = /[\t-\r \xa0]+/g;
const needsCompression = /[\t-\r\xa0]| {2}/;
const anyBlank = /[\t-\r \xa0]/;

/** Runs of white space become one space. */
export function compressWhitespace(value: string): string {
  return needsCompression.test(value) ? value.replace(blanks, ' ') : value;
}

export function removeWhitespace(value: string): string {
  if (!anyBlank.test(value)) return value;
  const out = outputOf(value.length);
  let written = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (!isSpace(code) && code !== 0xa0) out[written++] = code;
  }
  return out.toString('latin1', 0, written);
}

export function trimLeft(value: string): string {
  let from = 0;
  while (from < value.length && isSpace(value.charCodeAt(from))) from++;
  return from === 0 ? value : value.slice(from);
}

export function trimRight(value: string): string {
  let to = value.length;
  while (to > 0 && isSpace(value.charCodeAt(to - 1))) to--;
  return to === value.length ? value : value.slice(0, to);
}

export function trim(value: string): string {
  return trimLeft(trimRight(value));
}

export function removeNulls(value: string): string {
  return value.includes('\0') ? value.replaceAll('\0', '') : value;
}

export function replaceNulls(value: string): string {
  return value.includes('\0') ? value.replaceAll('\0', ' ') : value;
}
