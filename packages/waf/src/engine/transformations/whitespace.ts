import { isSpace } from './hex.ts';

/** ModSecurity counts the no-break space (A0) here, and only in these two transformations. */
const blanks = /[\t-\r \xa0]+/g;
const needsCompression = /[\t-\r\xa0]| {2}/;
const otherBlank = /[\t\v\f\xa0]/;
const anyBlank = /[\t-\r \xa0]/;

/** Runs of white space become one space. */
export function compressWhitespace(value: string): string {
  return needsCompression.test(value) ? value.replace(blanks, ' ') : value;
}

export function removeWhitespace(value: string): string {
  if (!anyBlank.test(value)) return value;
  // Text has spaces and line ends, seldom more: plain replacement is several times as fast as the pattern.
  const plain = value.replaceAll(' ', '').replaceAll('\n', '').replaceAll('\r', '');
  return otherBlank.test(plain) ? plain.replace(blanks, '') : plain;
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
