/** Bytes that end a word, and those that end a variable's name; one flag a byte. */
export const wordEnd = bytesOf(' []{}<>:\\?=@!#~+-*/&|^%(),\';\t\n\v\f\r"\xa0\0');
export const variableEnd = bytesOf(" <>:\\?=@!#~+-*/&|^%(),';\t\n\v\f\r'`\"");
export const whites: ReadonlySet<string> = new Set([' ', '\t', '\n', '\v', '\f', '\r', '\xa0', '\0']);
export const closers: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };

function bytesOf(text: string): Uint8Array {
  const flags = new Uint8Array(256);
  for (let at = 0; at < text.length; at++) flags[text.charCodeAt(at)] = 1;
  return flags;
}

export function span(text: string, at: number, pattern: RegExp): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** Offset of the first flagged byte, or the end. Characters above a byte flag nothing. */
export function endOf(text: string, from: number, flags: Uint8Array): number {
  let at = from;
  while (at < text.length && flags[text.charCodeAt(at)] !== 1) at++;
  return at;
}

const digits = /[0-9]+/y;
export const hexDigits = /[0-9A-Fa-f]+/y;
export const bits = /[01]+/y;
export const money = /[0-9.,]+/y;
export const letters = /[A-Za-z]+/y;

/** The number that begins at `start`, as far as SQL would read it: its class (`n` when it is cut off) and length. */
export function numberAt(text: string, start: number): { readonly kind: '1' | 'n' | '.'; readonly length: number } {
  const base = text[start] === '0' ? text[start + 1]?.toUpperCase() : undefined;
  if (base === 'X' || base === 'B') {
    const length = span(text, start + 2, base === 'X' ? hexDigits : bits);
    return { kind: length === 0 ? 'n' : '1', length: length + 2 };
  }
  let at = start + span(text, start, digits);
  if (text[at] === '.') {
    at++;
    at += span(text, at, digits);
    if (at - start === 1) return { kind: '.', length: 1 };
  }
  let hasE = false;
  let hasExponent = false;
  if (text[at] === 'E' || text[at] === 'e') {
    hasE = true;
    at++;
    if (text[at] === '+' || text[at] === '-') at++;
    const length = span(text, at, digits);
    hasExponent = length > 0;
    at += length;
  }
  // Oracle's suffixes: `1f`, also right before UNION.
  if (/[dDfF]/.test(text[at] ?? '')) {
    const next = text[at + 1];
    if (next === undefined || whites.has(next) || next === ';' || next === 'u' || next === 'U') at++;
  }
  return { kind: hasE && !hasExponent ? 'n' : '1', length: at - start };
}

/** An odd number of backslashes stands before `end`. */
export function isEscaped(text: string, end: number, start: number): boolean {
  let at = end - 1;
  while (at >= start && text[at] === '\\') at--;
  return (end - 1 - at) % 2 === 1;
}
