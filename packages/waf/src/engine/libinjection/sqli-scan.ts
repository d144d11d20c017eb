/** Bytes that end a word. */
export const wordEnd = /[ [\]{}<>:\\?=@!#~+\-*/&|^%(),';\t\n\v\f\r"\xa0\0]/g;
export const variableEnd = /[ <>:\\?=@!#~+\-*/&|^%(),';\t\n\v\f\r'`"]/g;
export const whites: ReadonlySet<string> = new Set([' ', '\t', '\n', '\v', '\f', '\r', '\xa0', '\0']);
export const closers: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };

export function span(text: string, at: number, pattern: RegExp): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

export function firstOf(text: string, at: number, pattern: RegExp): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.index ?? text.length;
}

export const digits = /[0-9]+/y;
export const hexDigits = /[0-9A-Fa-f]+/y;
export const bits = /[01]+/y;
export const money = /[0-9.,]+/y;
export const letters = /[A-Za-z]+/y;

/** An odd number of backslashes stands before `end`. */
export function isEscaped(text: string, end: number, start: number): boolean {
  let at = end - 1;
  while (at >= start && text[at] === '\\') at--;
  return (end - 1 - at) % 2 === 1;
}
