/**
 * RE2 expressions as V8's. RE2 matches the whole subject here (Envoy `RegexMatcher`: "full match"). V8 backtracks; the process
 * turns on V8's own way out (`--enable-experimental-regexp-engine-on-excessive-backtracks`), which keeps hostile subjects linear.
 */
import { ProxyError } from '../proxy-error.ts';

const syntax = /[\^$\\.*+?()[\]{}|/]/;
const maxBytes = 4096;

/** @throws ProxyError for what RE2 has and V8 lacks */
export function compileRegex(source: string, where: string, whole = true): RegExp {
  if (source.length > maxBytes)
    throw new ProxyError('bad-regex', `${where}: the expression has ${source.length} characters, at most ${maxBytes}`);
  const flags = /^\(\?([imsU]+)\)/.exec(source);
  if (flags?.[1]?.includes('U')) throw new ProxyError('bad-regex', `${where}: flag U in "${source}" is not supported`);
  const body = translate(flags ? source.slice(flags[0].length) : source);
  const wrapped = flags ? `(?${[...new Set(flags[1])].join('')}:${body})` : body;
  try {
    return new RegExp(whole ? `^(?:${wrapped})$` : wrapped, 'u');
  } catch (cause) {
    throw new ProxyError('bad-regex', `${where}: cannot use the expression "${source}": ${(cause as Error).message}`, { cause });
  }
}

function translate(source: string): string {
  let out = '';
  let inClass = false;
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!;
    if (c === '\\') {
      const next = source[++i] ?? '';
      if (next === 'Q') {
        const end = source.indexOf('\\E', i);
        const literal = source.slice(i + 1, end === -1 ? undefined : end);
        out += literal.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&');
        i = end === -1 ? source.length : end + 1;
      } else if (next === 'z') out += '$(?!\\n)';
      else if (next === 'A') out += '(?<![^])';
      else if (/[A-Za-z0-9]/.test(next)) out += `\\${next}`;
      else out += syntax.test(next) || (inClass && next === '-') ? `\\${next}` : next;
      continue;
    }
    if (inClass) {
      if (c === ']') inClass = false;
      out += c === '[' ? (posixClass(source, i) ?? '\\[') : c;
      if (c === '[' && posixClass(source, i) !== undefined) i = source.indexOf(':]', i) + 1;
      continue;
    }
    if (c === '[') {
      inClass = true;
      out += c;
      if (source[i + 1] === '^') out += source[++i];
      if (source[i + 1] === ']') {
        out += '\\]';
        i++;
      }
    } else if (source.startsWith('(?P<', i)) {
      out += '(?<';
      i += 3;
    } else out += c;
  }
  return out;
}

const posix: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\s',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
  punct: '!-\\/:-@\\[-`\\{-~',
};

function posixClass(source: string, at: number): string | undefined {
  const name = /^\[:(\w+):\]/.exec(source.slice(at, at + 12))?.[1];
  return name === undefined ? undefined : posix[name];
}
