import type { ErrorCode } from 'yaml';

/**
 * Refusals of malformed text in the words of the parsers that kube-apiserver is built with (Go's encoding/json, go-yaml): people look
 * these up, and some tools match them.
 */

const quoted = (character: string): string => (character === "'" ? `'\\''` : character === '"' ? `'"'` : `'${escaped(character)}'`);

/** As Go's strconv.QuoteRune writes what cannot be printed. */
function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  const short: Readonly<Record<string, string>> = {
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\\': '\\\\',
    '\b': '\\b',
    '\f': '\\f',
    '\v': '\\v',
  };
  if (short[character] !== undefined) return short[character];
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code >= 0x80 && code < 0xa0 ? `\\u${code.toString(16).padStart(4, '0')}` : character;
}

class Fault extends Error {}

const END = 'unexpected end of JSON input';
const isSpace = (c: string | undefined) => c === ' ' || c === '\t' || c === '\n' || c === '\r';
const LITERALS: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' };

/** Walks JSON text until the first character Go's scanner would not take. */
class JsonScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#refuse('after top-level value');
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  #space(): void {
    while (isSpace(this.#peek())) this.#at++;
  }

  #refuse(where: string): never {
    const character = this.#peek();
    throw new Fault(character === undefined ? END : `invalid character ${quoted(character)} ${where}`);
  }

  #value(): void {
    this.#space();
    const first = this.#peek();
    if (first === '{') this.#object();
    else if (first === '[') this.#array();
    else if (first === '"') this.#string();
    else if (first !== undefined && LITERALS[first] !== undefined) this.#literal(LITERALS[first]);
    else if (first === '-' || (first !== undefined && /\d/.test(first))) this.#number();
    else this.#refuse('looking for beginning of value');
  }

  #literal(word: string): void {
    for (let i = 1; i < word.length; i++) {
      this.#at++;
      if (this.#peek() !== word[i]) this.#refuse(`in literal ${word} (expecting '${word[i]}')`);
    }
    this.#at++;
  }

  #number(): void {
    if (this.#peek() === '-') this.#at++;
    if (!/\d/.test(this.#peek() ?? '')) this.#refuse('in numeric literal');
    if (this.#peek() === '0') this.#at++;
    else this.#digits();
    if (this.#peek() === '.') {
      this.#at++;
      if (!/\d/.test(this.#peek() ?? '')) this.#refuse('after decimal point in numeric literal');
      this.#digits();
    }
    if (!/[eE]/.test(this.#peek() ?? '')) return;
    this.#at++;
    if (/[+-]/.test(this.#peek() ?? '')) this.#at++;
    if (!/\d/.test(this.#peek() ?? '')) this.#refuse('in exponent of numeric literal');
    this.#digits();
  }

  #digits(): void {
    while (/\d/.test(this.#peek() ?? '')) this.#at++;
  }

  #string(): void {
    for (;;) {
      this.#at++;
      const character = this.#peek();
      if (character === undefined || character < ' ') this.#refuse('in string literal');
      if (character === '"') break;
      if (character !== '\\') continue;
      this.#at++;
      if (!/["\\/bfnrtu]/.test(this.#peek() ?? '')) this.#refuse('in string escape code');
      if (this.#peek() !== 'u') continue;
      for (let i = 0; i < 4; i++) {
        this.#at++;
        if (!/[0-9a-fA-F]/.test(this.#peek() ?? '')) this.#refuse('in \\u hexadecimal character escape');
      }
    }
    this.#at++;
  }

  #object(): void {
    this.#at++;
    this.#space();
    if (this.#peek() === '}') {
      this.#at++;
      return;
    }
    for (;;) {
      this.#space();
      if (this.#peek() !== '"') this.#refuse('looking for beginning of object key string');
      this.#string();
      this.#space();
      if (this.#peek() !== ':') this.#refuse('after object key');
      this.#at++;
      this.#value();
      this.#space();
      const next = this.#peek();
      if (next !== ',' && next !== '}') this.#refuse('after object key:value pair');
      this.#at++;
      if (next === '}') return;
    }
  }

  #array(): void {
    this.#at++;
    this.#space();
    if (this.#peek() === ']') {
      this.#at++;
      return;
    }
    for (;;) {
      this.#value();
      this.#space();
      const next = this.#peek();
      if (next !== ',' && next !== ']') this.#refuse('after array element');
      this.#at++;
      if (next === ']') return;
    }
  }
}

/** What Go's encoding/json says of text that is no JSON. */
export function jsonFault(text: string): string {
  try {
    new JsonScanner(text).document();
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
  return 'invalid JSON';
}

/** The fault of a document that is no object: what stands where Go wanted a struct with a version and a kind. */
export function notAnObject(value: unknown): string {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const wanted = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  return `json: cannot unmarshal ${kind} into Go value of type ${wanted}`;
}

/** A glimpse of a body, as the real server puts it behind its refusal. */
export function glimpse(bytes: Buffer): string {
  const maxBytes = 30;
  if (bytes.length === 0) return '<empty>';
  const isText = bytes[0] === 0x7b;
  return `${bytes.subarray(0, maxBytes).toString(isText ? 'utf8' : 'hex')}${bytes.length > maxBytes ? ' ...' : ''}`;
}

/** Of the faults of `yaml` those that go-yaml finds too, in its words; it counts lines of its parser from 0, of its scanner from 1. */
const YAML_FAULTS: Readonly<Partial<Record<ErrorCode, readonly [words: string, by: 'parser' | 'scanner']>>> = {
  BAD_INDENT: ['did not find expected key', 'parser'],
  TAB_AS_INDENT: ['found character that cannot start any token', 'scanner'],
  BLOCK_AS_IMPLICIT_KEY: ['mapping values are not allowed in this context', 'scanner'],
  MULTILINE_IMPLICIT_KEY: ["could not find expected ':'", 'scanner'],
  BAD_SCALAR_START: ['found character that cannot start any token', 'scanner'],
};

interface YamlFault {
  readonly code: ErrorCode;
  readonly message: string;
  /** Offset in the text. */
  readonly pos: readonly [number, number];
}

/** What go-yaml says of text that is no YAML, as near as another parser's findings tell it. */
export function yamlFault({ code, message, pos }: YamlFault, text: string): string {
  const open = openFlow(text);
  const lines = text.split('\n');
  const lastLine = lines.length - (lines.at(-1) === '' ? 1 : 0);
  const at = (line: number, words: string) => `yaml: ${line > 0 ? `line ${line}: ` : ''}${words}`;
  if (/closing ["']quote/.test(message)) {
    const line = lastLine - 1;
    return at(line > 0 ? line + 1 : 0, 'found unexpected end of stream');
  }
  if (open !== undefined) {
    const words = open.isEmpty ? 'did not find expected node content' : `did not find expected ',' or '${open.close}'`;
    return at(lastLine, words);
  }
  if (/Implicit map keys need to be followed by map values/.test(message)) {
    const line = text.slice(0, pos[0]).split('\n').length;
    return at(Math.min(line + 1, lastLine + 1), "could not find expected ':'");
  }
  const known = YAML_FAULTS[code];
  if (/same column/.test(message) || known === undefined) return at(lineBefore(text, pos[0]), 'did not find expected key');
  const line = lineBefore(text, pos[0]);
  return at(known[1] === 'scanner' && line > 0 ? line + 1 : line, known[0]);
}

const lineBefore = (text: string, offset: number): number => text.slice(0, offset).split('\n').length - 1;

/** The innermost bracket that nothing closes. Quoted text is stepped over, up to the end where nothing closes it: each character is read once. */
function openFlow(text: string): { close: string; isEmpty: boolean } | undefined {
  const stack: { close: string; at: number }[] = [];
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*(?:"|\\?$)|'(?:[^']|'')*(?:'|$)|[[\]{}]/gs)) {
    const [token] = match;
    if (token === '[' || token === '{') stack.push({ close: token === '[' ? ']' : '}', at: match.index + 1 });
    else if (token === ']' || token === '}') stack.pop();
  }
  const innermost = stack.at(-1);
  return innermost === undefined ? undefined : { close: innermost.close, isEmpty: text.slice(innermost.at).trim() === '' };
}
