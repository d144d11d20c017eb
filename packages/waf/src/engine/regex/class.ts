import type { ByteSet } from './byte-set.ts';
import { ByteSetBuilder, complement, posixClasses } from './byte-set.ts';
import type { Cursor } from './escapes.ts';
import { PatternError, parseByteEscape, shorthand } from './escapes.ts';

/** Parse a bracket expression; the cursor stands after `[` and ends after `]`. */
export function parseClass(cursor: Cursor, isCaseless: boolean): ByteSet {
  const { source } = cursor;
  const isNegated = source[cursor.at] === '^';
  if (isNegated) cursor.at++;
  const set = new ByteSetBuilder();
  let isFirst = true;
  for (;;) {
    const c = source[cursor.at];
    if (c === undefined) throw new PatternError(cursor, 'unclosed "["');
    if (c === ']' && !isFirst) break;
    isFirst = false;
    const low = element(cursor);
    if (typeof low !== 'number') {
      set.addAll(low);
      continue;
    }
    set.add(low);
    if (source[cursor.at] !== '-' || source[cursor.at + 1] === ']' || source[cursor.at + 1] === undefined) continue;
    cursor.at++;
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

function element(cursor: Cursor): number | ByteSet {
  const { source } = cursor;
  const c = source[cursor.at]!;
  if (c === '[') {
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(source.slice(cursor.at, cursor.at + 14));
    if (posix) {
      const known = posixClasses.get(posix[2]!);
      if (!known) throw new PatternError(cursor, `unknown class ${posix[0]}`);
      cursor.at += posix[0].length;
      return posix[1] ? complement(known) : known;
    }
  }
  cursor.at++;
  if (c !== '\\') return c.charCodeAt(0);
  const letter = source[cursor.at];
  if (letter === 'b') {
    cursor.at++;
    return 8;
  }
  if (letter === 'Q' || letter === 'E') {
    cursor.at++;
    return element(cursor);
  }
  const set = letter === undefined ? undefined : shorthand(letter, cursor.isRe2Space);
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
