import { bits, closers, endOf, hexDigits, isEscaped, letters, money, numberAt, span, variableEnd, whites, wordEnd } from './sqli-scan.ts';
import { wordClass } from './sqli-tables.ts';
import type { SqlContext, SqlToken } from './sqli-token.ts';
import { newToken } from './sqli-token.ts';

/** Splits input into libinjection's tokens. */
export class SqlTokenizer {
  readonly #text: string;
  readonly #context: SqlContext;
  #at = 0;
  /** Tokens met, comments included. */
  count = 0;
  /** Comments that MySQL and ANSI databases read differently. */
  hasDashComment = false;
  hasHash = false;

  constructor(text: string, context: SqlContext) {
    this.#text = text;
    this.#context = context;
  }

  /** Next token, undefined at the end. */
  next(): SqlToken | undefined {
    const text = this.#text;
    if (text.length === 0) return undefined;
    if (this.#at === 0 && this.#context.quote !== '' && this.count === 0) {
      this.count++;
      return this.#string(this.#context.quote, 0, 0);
    }
    while (this.#at < text.length) {
      const token = this.#read(text[this.#at]!);
      if (token) {
        this.count++;
        return token;
      }
    }
    return undefined;
  }

  #read(c: string): SqlToken | undefined {
    const at = this.#at;
    if (c <= ' ' || c === '\xa0') {
      this.#at++;
      return undefined;
    }
    switch (c) {
      case '"':
      case "'":
        return this.#string(c, at, 1);
      case '#':
        return this.#hash();
      case '$':
        return this.#money();
      case '%':
      case '+':
      case '^':
      case '~':
        return this.#take('o', 1);
      case '!':
      case '&':
      case '*':
      case ':':
      case '<':
      case '=':
      case '>':
      case '|':
        return this.#operator();
      case '(':
      case ')':
      case ',':
      case ';':
      case '{':
      case '}':
        return this.#take(c, 1);
      case '-':
        return this.#dash();
      case '.':
        return this.#number();
      case '/':
        return this.#slash();
      case '?':
      case ']':
      case '\x7f':
        return this.#take('?', 1);
      case '@':
        return this.#variable();
      case '[':
        return this.#bracketWord();
      case '\\':
        return this.#text[at + 1] === 'N' ? this.#take('1', 2) : this.#take('\\', 1);
      case '`':
        return this.#tick();
      default:
        if (c >= '0' && c <= '9') return this.#number();
        return this.#prefixed(c);
    }
  }

  #take(kind: string, length: number): SqlToken {
    const token = newToken(kind, this.#text.slice(this.#at, this.#at + length));
    this.#at += length;
    return token;
  }

  /** Letters that may begin a string of some kind. */
  #prefixed(c: string): SqlToken {
    const text = this.#text;
    const at = this.#at;
    const next = text[at + 1];
    // All of them go on with a quote, but for `u&'` and `nq'`.
    if (next !== "'" && next !== '&' && next !== 'q' && next !== 'Q') return this.#word();
    switch (c.toUpperCase()) {
      case 'B':
        return this.#digitString(bits);
      case 'E':
        return next === "'" && at + 2 < text.length ? this.#string("'", at, 2) : this.#word();
      case 'N':
        if (next === "'" && at + 2 < text.length) return this.#string("'", at, 2);
        return this.#oracleString(1);
      case 'Q':
        return this.#oracleString(0);
      case 'U': {
        if (next !== '&' || text[at + 2] !== "'") return this.#word();
        const token = this.#string("'", at + 2, 1);
        token.open = 'u';
        if (token.close === "'") token.close = 'u';
        return token;
      }
      case 'X':
        return this.#digitString(hexDigits);
      default:
        return this.#word();
    }
  }

  /** `b'01'`, `x'4142'`. */
  #digitString(pattern: RegExp): SqlToken {
    const text = this.#text;
    const at = this.#at;
    if (at + 2 >= text.length || text[at + 1] !== "'") return this.#word();
    const length = span(text, at + 2, pattern);
    if (text[at + 2 + length] !== "'") return this.#word();
    return this.#take('1', length + 3);
  }

  /** Oracle's `q'[text]'`, after `offset` letters. */
  #oracleString(offset: number): SqlToken {
    const text = this.#text;
    const at = this.#at + offset;
    if ((text[at] !== 'q' && text[at] !== 'Q') || at + 2 >= text.length || text[at + 1] !== "'") return this.#word();
    const opener = text[at + 2]!;
    if (opener < '!') return this.#word();
    const end = text.indexOf(`${closers[opener] ?? opener}'`, at + 3);
    const token = newToken('s', text.slice(at + 3, end < 0 ? undefined : end), 'q', end < 0 ? '' : 'q');
    this.#at = end < 0 ? text.length : end + 2;
    return token;
  }

  /** A quoted string that began at `from`; `offset` bytes stand before its content (0 = it began before the input). */
  #string(quote: string, from: number, offset: number): SqlToken {
    const text = this.#text;
    const start = from + offset;
    const open = offset > 0 ? quote : '';
    let end = text.indexOf(quote, start);
    while (end >= 0) {
      if (isEscaped(text, end, start)) end = text.indexOf(quote, end + 1);
      else if (text[end + 1] === quote) end = text.indexOf(quote, end + 2);
      else break;
    }
    this.#at = end < 0 ? text.length : end + 1;
    return newToken('s', text.slice(start, end < 0 ? undefined : end), open, end < 0 ? '' : quote);
  }

  #lineComment(): SqlToken {
    const end = this.#text.indexOf('\n', this.#at);
    const token = newToken('c', this.#text.slice(this.#at, end < 0 ? undefined : end));
    this.#at = end < 0 ? this.#text.length : end + 1;
    return token;
  }

  #hash(): SqlToken {
    this.hasHash = true;
    return this.#context.isMysql ? this.#lineComment() : this.#take('o', 1);
  }

  #dash(): SqlToken {
    const text = this.#text;
    if (text[this.#at + 1] !== '-') return this.#take('o', 1);
    const third = text[this.#at + 2];
    if (third === undefined || whites.has(third)) return this.#lineComment();
    if (this.#context.isMysql) return this.#take('o', 1);
    this.hasDashComment = true;
    return this.#lineComment();
  }

  #slash(): SqlToken {
    const text = this.#text;
    const at = this.#at;
    if (text[at + 1] !== '*') return this.#take('o', 1);
    const close = text.indexOf('*/', at + 2);
    const end = close < 0 ? text.length : close + 2;
    // A comment inside a comment, or MySQL's conditional one, is never written by accident.
    const nested = close >= 0 && text.slice(at + 2, close + 1).includes('/*');
    return this.#take(nested || text[at + 2] === '!' ? 'X' : 'c', end - at);
  }

  #operator(): SqlToken {
    const text = this.#text;
    const at = this.#at;
    if (at + 1 >= text.length) return this.#take('o', 1);
    if (text.startsWith('<=>', at)) return this.#take('o', 3);
    const pair = wordClass(text.slice(at, at + 2));
    if (pair !== undefined) return this.#take(pair, 2);
    return this.#take(text[at] === ':' ? ':' : 'o', 1);
  }

  #bracketWord(): SqlToken {
    const end = this.#text.indexOf(']', this.#at);
    return this.#take('n', end < 0 ? this.#text.length - this.#at : end - this.#at + 1);
  }

  #word(): SqlToken {
    const text = this.#text;
    const at = this.#at;
    const length = endOf(text, at, wordEnd) - at;
    const word = newToken('n', text.slice(at, at + length));
    for (let i = 0; i < word.text.length; i++) {
      if (word.text[i] !== '.' && word.text[i] !== '`') continue;
      const kind = wordClass(word.text.slice(0, i));
      if (kind !== undefined && kind !== 'n') return this.#take(kind, i);
    }
    word.kind = length < 32 ? (wordClass(word.text) ?? 'n') : 'n';
    this.#at += length;
    return word;
  }

  /** MySQL's backquotes name a column, or a function that takes no space before its bracket. */
  #tick(): SqlToken {
    const token = this.#string('`', this.#at, 1);
    token.kind = wordClass(token.text) === 'f' ? 'f' : 'n';
    return token;
  }

  #variable(): SqlToken {
    const text = this.#text;
    this.#at++;
    let count = 1;
    if (text[this.#at] === '@') {
      this.#at++;
      count = 2;
    }
    const c = text[this.#at];
    let token: SqlToken;
    if (c === '`') token = this.#tick();
    else if (c === "'" || c === '"') token = this.#string(c, this.#at, 1);
    else token = this.#take('v', endOf(text, this.#at, variableEnd) - this.#at);
    token.kind = 'v';
    token.count = count;
    return token;
  }

  #money(): SqlToken {
    const text = this.#text;
    const at = this.#at;
    if (at + 1 >= text.length) return this.#take('n', 1);
    const length = span(text, at + 1, money);
    if (length === 1 && text[at + 1] === '.') return this.#word();
    if (length > 0) return this.#take('1', length + 1);
    if (text[at + 1] === '$') return this.#dollarString('$$');
    const tag = span(text, at + 1, letters);
    if (tag === 0 || text[at + 1 + tag] !== '$') return this.#take('n', 1);
    return this.#dollarString(text.slice(at, at + tag + 2));
  }

  /** PostgreSQL's `$tag$text$tag$`. */
  #dollarString(mark: string): SqlToken {
    const start = this.#at + mark.length;
    const end = this.#text.indexOf(mark, start);
    this.#at = end < 0 ? this.#text.length : end + mark.length;
    return newToken('s', this.#text.slice(start, end < 0 ? undefined : end), '$', end < 0 ? '' : '$');
  }

  #number(): SqlToken {
    const { kind, length } = numberAt(this.#text, this.#at);
    return this.#take(kind, length);
  }
}
