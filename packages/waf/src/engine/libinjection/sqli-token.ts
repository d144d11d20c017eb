/**
 * A token: its class letter, its text (at most 31 bytes, as libinjection keeps them) and how a string was opened and
 * closed ('' = it was not).
 */
export interface SqlToken {
  kind: string;
  text: string;
  open: string;
  close: string;
  /** Number of `@` before a variable. */
  count: number;
}

/** What stands around the input: the database and the quote the input is put into. */
export interface SqlContext {
  readonly quote: '' | "'" | '"';
  readonly isMysql: boolean;
}

const MAX_TEXT = 31;

export function newToken(kind: string, text: string, open = '', close = ''): SqlToken {
  return { kind, text: text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text, open, close, count: 0 };
}

const unary: ReadonlySet<string> = new Set(['+', '-', '!', '~', '!!', 'NOT']);

export function isUnary(token: SqlToken): boolean {
  return token.kind === 'o' && unary.has(token.text.toUpperCase());
}

export function isArithmetic(token: SqlToken): boolean {
  return token.kind === 'o' && token.text.length === 1 && '*/-+%'.includes(token.text);
}
