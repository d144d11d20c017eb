export type HtmlTokenKind =
  | 'DATA_TEXT'
  | 'TAG_NAME_OPEN'
  | 'TAG_NAME_CLOSE'
  | 'TAG_NAME_SELFCLOSE'
  | 'TAG_CLOSE'
  | 'ATTR_NAME'
  | 'ATTR_VALUE'
  | 'TAG_COMMENT'
  | 'DOCTYPE';

export interface HtmlToken {
  readonly kind: HtmlTokenKind;
  readonly text: string;
}

/** Where the input is put: between tags, or into an attribute's value with the quote around it. */
export type HtmlStart = 'data' | 'unquoted' | "'" | '"' | '`';

const blanks: ReadonlySet<string> = new Set([' ', '\t', '\n', '\v', '\f', '\r']);
const isLetter = (c: string | undefined) => c !== undefined && /[A-Za-z]/.test(c);

type State = (() => HtmlToken | undefined) | undefined;

/** Splits input as an HTML 5 tokenizer would, with the leniencies of old browsers that libinjection keeps. */
export class HtmlTokenizer {
  readonly #text: string;
  #at = 0;
  #isClosing = false;
  /** undefined at the end. */
  #state: State;

  constructor(text: string, start: HtmlStart) {
    this.#text = text;
    const states: Record<HtmlStart, State> = {
      data: this.#data,
      unquoted: this.#beforeAttributeName,
      "'": () => this.#quotedValue("'"),
      '"': () => this.#quotedValue('"'),
      '`': () => this.#quotedValue('`'),
    };
    this.#state = states[start];
  }

  /** Next token, undefined at the end. */
  next(): HtmlToken | undefined {
    return this.#state?.call(this);
  }

  /** The rest of the input is one token. */
  #rest(kind: HtmlTokenKind, from = this.#at): HtmlToken {
    const token = { kind, text: this.#text.slice(from) };
    this.#at = this.#text.length;
    this.#state = undefined;
    return token;
  }

  #cut(kind: HtmlTokenKind, end: number, next: number, state: State): HtmlToken {
    const token = { kind, text: this.#text.slice(this.#at, end) };
    this.#at = next;
    this.#state = state;
    return token;
  }

  #data(): HtmlToken | undefined {
    const end = this.#text.indexOf('<', this.#at);
    if (end < 0) {
      const token = this.#rest('DATA_TEXT');
      return token.text === '' ? undefined : token;
    }
    const token = this.#cut('DATA_TEXT', end, end + 1, this.#tagOpen);
    return token.text === '' ? this.#tagOpen() : token;
  }

  #tagOpen(): HtmlToken | undefined {
    const c = this.#text[this.#at];
    if (c === undefined) return undefined;
    if (c === '!') {
      this.#at++;
      return this.#declaration();
    }
    if (c === '/') {
      this.#at++;
      this.#isClosing = true;
      return this.#endTagOpen();
    }
    if (c === '?') {
      this.#at++;
      return this.#bogusComment();
    }
    if (c === '%') {
      this.#at++;
      return this.#percentComment();
    }
    if (isLetter(c) || c === '\0') return this.#tagName();
    this.#state = this.#data;
    return { kind: 'DATA_TEXT', text: '<' };
  }

  #endTagOpen(): HtmlToken | undefined {
    const c = this.#text[this.#at];
    if (c === undefined) return undefined;
    if (c === '>') return this.#data();
    if (isLetter(c)) return this.#tagName();
    this.#isClosing = false;
    return this.#bogusComment();
  }

  #tagName(): HtmlToken {
    for (let at = this.#at; at < this.#text.length; at++) {
      const c = this.#text[at]!;
      if (blanks.has(c)) return this.#cut('TAG_NAME_OPEN', at, at + 1, this.#beforeAttributeName);
      if (c === '/') return this.#cut('TAG_NAME_OPEN', at, at + 1, this.#selfClosing);
      if (c === '>') {
        if (!this.#isClosing) return this.#cut('TAG_NAME_OPEN', at, at, this.#tagNameClose);
        this.#isClosing = false;
        return this.#cut('TAG_CLOSE', at, at + 1, this.#data);
      }
    }
    return this.#rest('TAG_NAME_OPEN');
  }

  #tagNameClose(): HtmlToken {
    this.#isClosing = false;
    const next = this.#at + 1;
    return this.#cut('TAG_NAME_CLOSE', next, next, next < this.#text.length ? this.#data : undefined);
  }

  #skipBlanks(): string | undefined {
    while (this.#at < this.#text.length && (blanks.has(this.#text[this.#at]!) || this.#text[this.#at] === '\0')) this.#at++;
    return this.#text[this.#at];
  }

  #beforeAttributeName(): HtmlToken | undefined {
    for (;;) {
      const c = this.#skipBlanks();
      if (c === undefined) return undefined;
      if (c === '>') return this.#cut('TAG_NAME_CLOSE', this.#at + 1, this.#at + 1, this.#data);
      if (c !== '/') return this.#attributeName();
      this.#at++;
      // Slashes between attributes are noise; only `/>` closes.
      if (this.#at >= this.#text.length) return undefined;
      if (this.#text[this.#at] === '>') return this.#selfClosing();
    }
  }

  #attributeName(): HtmlToken {
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const c = this.#text[at]!;
      if (blanks.has(c)) return this.#cut('ATTR_NAME', at, at + 1, this.#afterAttributeName);
      if (c === '/') return this.#cut('ATTR_NAME', at, at + 1, this.#selfClosing);
      if (c === '=') return this.#cut('ATTR_NAME', at, at + 1, this.#beforeValue);
      if (c === '>') return this.#cut('ATTR_NAME', at, at, this.#tagNameClose);
    }
    return this.#rest('ATTR_NAME');
  }

  #afterAttributeName(): HtmlToken | undefined {
    const c = this.#skipBlanks();
    if (c === undefined) return undefined;
    if (c === '/') {
      this.#at++;
      return this.#selfClosing();
    }
    if (c === '=') {
      this.#at++;
      return this.#beforeValue();
    }
    return c === '>' ? this.#tagNameClose() : this.#attributeName();
  }

  #beforeValue(): HtmlToken | undefined {
    const c = this.#skipBlanks();
    if (c === undefined) {
      this.#state = undefined;
      return undefined;
    }
    return c === '"' || c === "'" || c === '`' ? this.#quotedValue(c) : this.#unquotedValue();
  }

  #quotedValue(quote: string): HtmlToken {
    // At the very start the opening quote stands before the input.
    if (this.#at > 0) this.#at++;
    const end = this.#text.indexOf(quote, this.#at);
    return end < 0 ? this.#rest('ATTR_VALUE') : this.#cut('ATTR_VALUE', end, end + 1, this.#afterQuotedValue);
  }

  #unquotedValue(): HtmlToken {
    for (let at = this.#at; at < this.#text.length; at++) {
      const c = this.#text[at]!;
      if (blanks.has(c)) return this.#cut('ATTR_VALUE', at, at + 1, this.#beforeAttributeName);
      if (c === '>') return this.#cut('ATTR_VALUE', at, at, this.#tagNameClose);
    }
    return this.#rest('ATTR_VALUE');
  }

  #afterQuotedValue(): HtmlToken | undefined {
    const c = this.#text[this.#at];
    if (c === undefined) return undefined;
    if (c === '>') return this.#cut('TAG_NAME_CLOSE', this.#at + 1, this.#at + 1, this.#data);
    if (blanks.has(c)) this.#at++;
    else if (c === '/') {
      this.#at++;
      return this.#selfClosing();
    }
    return this.#beforeAttributeName();
  }

  #selfClosing(): HtmlToken | undefined {
    if (this.#at >= this.#text.length) return undefined;
    if (this.#text[this.#at] !== '>') return this.#beforeAttributeName();
    this.#at++;
    this.#state = this.#data;
    return { kind: 'TAG_NAME_SELFCLOSE', text: this.#text.slice(this.#at - 2, this.#at) };
  }

  #bogusComment(): HtmlToken {
    const end = this.#text.indexOf('>', this.#at);
    return end < 0 ? this.#rest('TAG_COMMENT') : this.#cut('TAG_COMMENT', end, end + 1, this.#data);
  }

  #percentComment(): HtmlToken {
    const end = this.#text.indexOf('%>', this.#at);
    return end < 0 ? this.#rest('TAG_COMMENT') : this.#cut('TAG_COMMENT', end, end + 2, this.#data);
  }

  #declaration(): HtmlToken {
    const text = this.#text;
    if (text.slice(this.#at, this.#at + 7).toUpperCase() === 'DOCTYPE') {
      const end = text.indexOf('>', this.#at);
      return end < 0 ? this.#rest('DOCTYPE') : this.#cut('DOCTYPE', end, end + 1, this.#data);
    }
    if (text.startsWith('[CDATA[', this.#at)) {
      this.#at += 7;
      const end = text.indexOf(']]>', this.#at);
      return end < 0 ? this.#rest('DATA_TEXT') : this.#cut('DATA_TEXT', end, end + 3, this.#data);
    }
    if (!text.startsWith('--', this.#at)) return this.#bogusComment();
    this.#at += 2;
    const close = /-\0*[-!]\0*>/g;
    close.lastIndex = this.#at;
    const match = close.exec(text);
    return match ? this.#cut('TAG_COMMENT', match.index, close.lastIndex, this.#data) : this.#rest('TAG_COMMENT');
  }
}
