import type { Profile } from '../seclang/ast.ts';
import { readUtf8 } from '../transformations/utf8.ts';
import { Target } from '../variables/target.ts';

export type JsonResult =
  | { readonly ok: true; readonly args: Target[] }
  | { readonly ok: false; readonly args: Target[]; readonly reason: string };

class JsonError extends Error {}

/**
 * Flatten a JSON document (RFC 8259, UTF-8 bytes as latin1) into arguments. Names by profile: ModSecurity 3
 * `json.a.array_0`, ModSecurity 2 `a.a`, Coraza `json.a.0` and `json.a` with the length. What was read before an
 * error is kept.
 */
export function parseJson(text: string, profile: Profile, maxDepth: number, limit: number): JsonResult {
  const args: Target[] = [];
  let at = 0;
  const fail = (what: string): never => {
    throw new JsonError(`${what} at offset ${at}`);
  };
  const add = (name: string, value: string): void => {
    if (args.length >= limit) fail(`Skipping request argument, over limit: more than ${limit}`);
    args.push(new Target(name, value));
  };
  const blanks = (): void => {
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) break;
      at++;
    }
  };
  const value = (name: string, depth: number): void => {
    blanks();
    const c = text[at];
    if (c === '{') object(name, depth);
    else if (c === '[') array(name, depth);
    else add(name, c === '"' ? string() : literal());
  };
  const enter = (depth: number): void => {
    if (depth >= maxDepth) fail(`nesting deeper than ${maxDepth}`);
    at++;
    blanks();
  };
  const next = (close: string): boolean => {
    blanks();
    if (text[at] === close) {
      at++;
      return false;
    }
    if (text[at] !== ',') fail(`found ${JSON.stringify(text[at] ?? 'the end')}, wanted "," or ${JSON.stringify(close)}`);
    at++;
    blanks();
    return true;
  };
  const object = (name: string, depth: number): void => {
    enter(depth);
    if (text[at] === '}') {
      at++;
      return;
    }
    do {
      if (text[at] !== '"') fail('wanted a member name in quotes');
      const key = string();
      blanks();
      if (text[at] !== ':') fail('wanted ":"');
      at++;
      value(memberName(name, key, profile), depth + 1);
    } while (next('}'));
  };
  const array = (name: string, depth: number): void => {
    enter(depth);
    const own = args.length;
    if (profile === 'coraza') add(name, '');
    let count = 0;
    if (text[at] === ']') at++;
    else {
      do value(elementName(name, count++, profile), depth + 1);
      while (next(']'));
    }
    if (profile === 'coraza') args[own] = new Target(name, String(count));
  };
  const literal = (): string => {
    const pattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) return fail(`found ${JSON.stringify(text.slice(at, at + 10))}, wanted a value`);
    at += match[0].length;
    return match[0] === 'null' ? '' : match[0];
  };
  const string = (): string => {
    const start = ++at;
    let out = '';
    let copied = start;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (Number.isNaN(code)) fail('unclosed string');
      if (code < 0x20) fail('control byte in a string');
      if (code >= 0x80) {
        const sequence = readUtf8(text, at);
        if (!sequence) return fail('ill-formed UTF-8');
        at += sequence.length;
      } else if (code === 0x5c) {
        out += text.slice(copied, at) + escaped();
        copied = at;
      } else at++;
    }
    out += text.slice(copied, at);
    at++;
    return out;
  };
  const escaped = (): string => {
    const c = text[at + 1] ?? '';
    const simple = escapes[c];
    if (simple !== undefined) {
      at += 2;
      return simple;
    }
    const unit = unicodeAt(at);
    if (unit < 0) return fail('unknown escape');
    at += 6;
    if (unit < 0xd800 || unit > 0xdfff) return utf8Bytes(unit);
    const low = unit < 0xdc00 ? unicodeAt(at) : -1;
    // A lone surrogate has no bytes of its own; yajl writes a question mark.
    if (low < 0xdc00 || low > 0xdfff) return '?';
    at += 6;
    return utf8Bytes(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
  };
  const unicodeAt = (from: number): number => {
    if (text[from] !== '\\' || text[from + 1] !== 'u') return -1;
    const digits = text.slice(from + 2, from + 6);
    return /^[0-9A-Fa-f]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
  };
  try {
    value(profile === 'modsecurity2' ? '' : 'json', 0);
    blanks();
    if (at < text.length) fail(`found ${JSON.stringify(text.slice(at, at + 10))} after the document`);
    return { ok: true, args };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return { ok: false, args, reason: `JSON parsing error: ${error.message}` };
  }
}

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

function utf8Bytes(point: number): string {
  return point < 0x80 ? String.fromCharCode(point) : Buffer.from(String.fromCodePoint(point), 'utf8').toString('latin1');
}

function memberName(name: string, key: string, profile: Profile): string {
  return profile === 'modsecurity2' && name === '' ? key : `${name}.${key}`;
}

/** ModSecurity 2 repeats the array's own key as its elements' name. */
function elementName(name: string, index: number, profile: Profile): string {
  if (profile === 'modsecurity3') return `${name}.array_${index}`;
  if (profile === 'coraza') return `${name}.${index}`;
  return name === '' ? 'array.array' : `${name}.${name.slice(name.lastIndexOf('.') + 1)}`;
}
