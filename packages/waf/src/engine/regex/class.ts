import type { ByteSet } from './byte-set.ts';
import { ByteSetBuilder, complement, posixClasses } from './byte-set.ts';
import type { Cursor } from './escapes.ts';
import { PatternError, parseByteEscape, shorthand } from './escapes.ts';

/**
 * Parse a bracket expression; the cursor stands after `[` and ends after `]`. Between `\Q` and `\E` every byte is itself;
 * a lone `\E` is nothing.
 */
export function parseClass(cursor: Cursor, isCaseless: boolean): ByteSet {
  const { source } = cursor;
  if (posixName(source, cursor.at - 1)) throw new PatternError(cursor, 'a class such as [:alpha:] stands outside of brackets');
  skipQuotes(cursor);
  const isNegated = source[cursor.at] === '^' && !cursor.isQuoted;
  if (isNegated) cursor.at++;
  const set = new ByteSetBuilder();
  let isFirst = true;
  for (;;) {
    skipQuotes(cursor);
    const c = source[cursor.at];
    if (c === undefined) throw new PatternError(cursor, 'unclosed "["');
    if (c === ']' && !isFirst && !cursor.isQuoted) break;
    isFirst = false;
    const low = element(cursor);
    if (typeof low !== 'number') {
      set.addAll(low);
      continue;
    }
    set.add(low);
    skipQuotes(cursor);
    if (source[cursor.at] !== '-' || cursor.isQuoted) continue;
    const hyphen = cursor.at++;
    skipQuotes(cursor);
    if (cursor.at >= source.length || (source[cursor.at] === ']' && !cursor.isQuoted)) {
      cursor.at = hyphen + 1;
      set.add(0x2d);
      continue;
    }
    const high = element(cursor);
    if (typeof high !== 'number') {
      // `[a-\d]`: the hyphen stands for itself.
      set.add(0x2d);
      set.addAll(high);
    } else if (high < low) throw new PatternError(cursor, 'range counts down');
    else set.addRange(low, high);
  }
  cursor.at++;
  if (isCaseless) set.foldCase();
  if (isNegated) set.complement();
  return set.finish();
}

/** Go over `\Q` and `\E`, noting which of them was last. */
function skipQuotes(cursor: Cursor): void {
  for (;;) {
    const mark = cursor.source.slice(cursor.at, cursor.at + 2);
    if (mark === '\\E') cursor.isQuoted = false;
    else if (mark === '\\Q' && !cursor.isQuoted) cursor.isQuoted = true;
    else return;
    cursor.at += 2;
  }
}

/** The `[:alpha:]`, `[.x.]` or `[=x=]` at `from`, as PCRE finds its end. */
function posixName(source: string, from: number): string | undefined {
  const mark = source[from + 1];
  if (source[from] !== '[' || (mark !== ':' && mark !== '.' && mark !== '=')) return undefined;
  for (let at = from + 2; at < source.length; at++) {
    const c = source[at]!;
    if (c === '\\' && (source[at + 1] === ']' || source[at + 1] === '\\')) at++;
    else if (c === ']' || (c === '[' && source[at + 1] === mark)) return undefined;
    else if (c === mark && source[at + 1] === ']') return source.slice(from, at + 2);
  }
  return undefined;
}

function element(cursor: Cursor): number | ByteSet {
  const { source } = cursor;
  const c = source[cursor.at]!;
  if (cursor.isQuoted) {
    cursor.at++;
    return c.charCodeAt(0);
  }
  const name = posixName(source, cursor.at);
  if (name !== undefined) {
    const [, sign, letters] = /^\[:(\^?)([a-z]+):\]$/.exec(name) ?? [];
    const known = letters === undefined ? undefined : posixClasses.get(letters);
    if (!known) throw new PatternError(cursor, `unknown class ${name}`);
    cursor.at += name.length;
    return sign ? complement(known) : known;
  }
  cursor.at++;
  if (c !== '\\') return c.charCodeAt(0);
  const letter = source[cursor.at];
  if (letter === 'b') {
    cursor.at++;
    return 8;
  }
  const set = letter === undefined || letter === 'N' ? undefined : shorthand(letter, cursor.isRe2Space);
  if (set) {
    cursor.at++;
    return set;
  }
  if (letter !== undefined && letter >= '1' && letter <= '7') {
    const octal = /^[0-7]{1,3}/.exec(source.slice(cursor.at, cursor.at + 3))![0];
    cursor.at += octal.length;
    return Number.parseInt(octal, 8) & 255;
  }
  const byte = parseByteEscape(cursor);
  if (byte === undefined) throw new PatternError(cursor, `escape "\\${letter}" is not supported in a class`);
  return byte;
}
