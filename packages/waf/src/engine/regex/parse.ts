import type { Regex, RegexNode } from './ast.ts';
import { allBytes, complement, foldCase, newline, single } from './byte-set.ts';
import { parseClass } from './class.ts';
import type { Cursor } from './escapes.ts';
import { PatternError, parseEscape } from './escapes.ts';
import { bytesOf, MAX_PIECE, PieceTable, pieceEnd } from './pieces.ts';

export interface PatternOptions {
  /** `.` matches LF. Every engine sets it. */
  readonly isDotAll?: boolean;
  /** `^` and `$` match at lines: ModSecurity 3 and Coraza. */
  readonly isMultiline?: boolean;
  readonly isCaseless?: boolean;
  /** RE2's `\s` lacks VT: Coraza. */
  readonly isRe2Space?: boolean;
}

interface Flags {
  i: boolean;
  m: boolean;
  s: boolean;
  x: boolean;
  U: boolean;
}

/** Nodes of single bytes: most of any pattern, so that all patterns share them. */
const plainBytes: RegexNode[] = [];
const caselessBytes: RegexNode[] = [];

const MAX_REPEAT = 65_535;
const MAX_DEPTH = 250;

/**
 * Parse a PCRE pattern over bytes (latin1 text). `$` without multi-line means the very end (DOLLAR_ENDONLY, as
 * ModSecurity 2 compiles). Throws PatternError for syntax errors and for constructs this engine does not have
 * (recursion, conditionals, callouts).
 *
 * @param pieces shared by the patterns of a rule set
 */
export function parsePattern(source: string, options: PatternOptions = {}, pieces = new PieceTable()): Regex {
  const cursor: Cursor = { source, at: 0, isQuoted: false, isRe2Space: options.isRe2Space ?? false };
  const names = new Map<string, number>();
  let groups = 0;
  let depth = 0;
  let hasBackrefs = false;
  const flags: Flags = { i: options.isCaseless ?? false, m: options.isMultiline ?? false, s: options.isDotAll ?? true, x: false, U: false };
  const root = alternation({ ...flags });
  if (cursor.at < source.length) throw new PatternError(cursor, 'unmatched ")"');
  if (hasBackrefs) checkBackrefs(root, groups);
  return { root, groups };

  function alternation(local: Flags): RegexNode {
    if (++depth > MAX_DEPTH) throw new PatternError(cursor, `groups nest deeper than ${MAX_DEPTH}`);
    const branches = [sequence(local)];
    while (source[cursor.at] === '|') {
      cursor.at++;
      branches.push(sequence(local));
    }
    depth--;
    return branches.length === 1 ? branches[0]! : { type: 'alt', items: branches };
  }

  function sequence(local: Flags): RegexNode {
    let only: RegexNode | undefined;
    let items: RegexNode[] | undefined;
    for (;;) {
      let item = plainByte(local);
      if (!item) {
        skipNothing(local);
        const c = source[cursor.at];
        if (c === undefined || (!cursor.isQuoted && (c === '|' || c === ')'))) break;
        item = c === '[' || c === '(' ? piece(local, c) : quantifiedAtom(local, c);
        if (!item) continue;
      }
      if (items) items.push(item);
      else if (only) items = [only, item];
      else only = item;
    }
    return items ? { type: 'cat', items } : (only ?? { type: 'empty' });
  }

  /** Most of any pattern: a byte that is itself, and no quantifier after it. */
  function plainByte(local: Flags): RegexNode | undefined {
    const byte = source.charCodeAt(cursor.at);
    if (!isPlain[byte] || !endsAtom[source.charCodeAt(cursor.at + 1)] || local.x || cursor.isQuoted) return undefined;
    cursor.at++;
    return literal(byte, local);
  }

  /** A class or group, with its quantifier: most of them stood in a pattern before. */
  function piece(local: Flags, c: string): RegexNode | undefined {
    const from = cursor.at;
    const isOwn = local.x || cursor.isQuoted || depth + MAX_PIECE > MAX_DEPTH;
    const end = isOwn ? 0 : pieceEnd(source, from);
    if (end === 0) return quantifiedAtom(local, c);
    const known = pieces.get(local);
    const text = source.slice(from, end);
    const found = known.get(text);
    if (found) {
      cursor.at = end;
      return found;
    }
    const read = quantifiedAtom(local, c);
    if (read && cursor.at === end) known.set(text, read);
    return read;
  }

  function quantifiedAtom(local: Flags, c: string): RegexNode | undefined {
    const read = cursor.isQuoted ? literal(source.charCodeAt(cursor.at++), local) : atom(local);
    return read && quantified(read, local, c === '(');
  }

  /** Go over what stands for nothing: `\Q`, `\E`, comments, and blanks where the flag `x` is set. */
  function skipNothing(local: Flags): void {
    for (;;) {
      const c = source[cursor.at];
      if (c === '\\' && (source[cursor.at + 1] === 'E' || (source[cursor.at + 1] === 'Q' && !cursor.isQuoted))) {
        cursor.isQuoted = source[cursor.at + 1] === 'Q';
        cursor.at += 2;
      } else if (cursor.isQuoted) return;
      else if (c === '(' && source.startsWith('?#', cursor.at + 1)) {
        const end = source.indexOf(')', cursor.at);
        if (end < 0) throw new PatternError(cursor, 'unclosed comment');
        cursor.at = end + 1;
      } else if (!local.x || c === undefined || !skipExtended()) return;
    }
  }

  function skipExtended(): boolean {
    if (/\s/.test(source[cursor.at]!)) {
      cursor.at++;
      return true;
    }
    if (source[cursor.at] !== '#') return false;
    const end = source.indexOf('\n', cursor.at);
    cursor.at = end < 0 ? source.length : end + 1;
    return true;
  }

  function atom(local: Flags): RegexNode | undefined {
    const c = source[cursor.at++]!;
    switch (c) {
      case '(':
        return group(local);
      case '[':
        return { type: 'set', set: parseClass(cursor, local.i) };
      case '.':
        return { type: 'set', set: local.s ? allBytes : complement(newline) };
      case '^':
        return { type: 'assert', kind: local.m ? 'lineBegin' : 'begin' };
      case '$':
        return { type: 'assert', kind: local.m ? 'lineEnd' : 'end' };
      case '\\':
        return readEscape(local);
      case '*':
      case '+':
      case '?':
      case '{':
        cursor.at--;
        if (quantifier()) throw new PatternError(cursor, `quantifier "${c}" follows nothing`);
        cursor.at++;
        return literal(c.charCodeAt(0), local);
      default:
        return literal(c.charCodeAt(0), local);
    }
  }

  function literal(byte: number, local: Flags): RegexNode {
    const nodes = local.i ? caselessBytes : plainBytes;
    nodes[byte] ??= { type: 'set', set: local.i ? foldCase(single(byte)) : single(byte) };
    return nodes[byte];
  }

  function readEscape(local: Flags): RegexNode {
    const result = parseEscape(cursor, names, groups);
    if (result.type === 'byte') return literal(result.byte, local);
    if (result.type === 'set') return { type: 'set', set: local.i ? foldCase(result.set) : result.set };
    if (result.type === 'backref') {
      hasBackrefs = true;
      return { ...result, isCaseless: local.i };
    }
    return result;
  }

  function group(local: Flags): RegexNode | undefined {
    if (source[cursor.at] === '*') throw new PatternError(cursor, 'verbs such as "(*UTF)" are not supported');
    if (source[cursor.at] !== '?') return capture(local);
    if (source[cursor.at + 1] === ':') return body(2, local);
    const rest = source.slice(cursor.at + 1, cursor.at + 40);
    const named = /^(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/.exec(rest);
    if (named) {
      cursor.at += 1 + named[0].length;
      return capture(local, named[1] ?? named[2]);
    }
    const backName = /^P=([A-Za-z_]\w*)\)/.exec(rest);
    if (backName) {
      cursor.at += 1 + backName[0].length;
      const index = names.get(backName[1]!);
      if (index === undefined) throw new PatternError(cursor, `no group named "${backName[1]}"`);
      return { type: 'backref', index, isCaseless: local.i };
    }
    for (const [prefix, isBehind, isNegated] of looks) {
      if (rest.startsWith(prefix)) return { type: 'look', isBehind, isNegated, item: body(1 + prefix.length, local) };
    }
    if (rest.startsWith('>')) return { type: 'atomic', item: body(2, local) };
    if (rest.startsWith('|')) throw new PatternError(cursor, 'branch reset groups "(?|" are not supported');
    const inline = /^([imsxU]*)(?:-([imsxU]*))?([:)])/.exec(rest);
    // `xx` is a flag of its own.
    if (!inline || inline[1]!.includes('xx')) throw new PatternError(cursor, `group "(?${rest.slice(0, 4)}" is not supported`);
    const changed = { ...local };
    for (const flag of inline[1]!) changed[flag as keyof Flags] = true;
    for (const flag of inline[2] ?? '') changed[flag as keyof Flags] = false;
    if (inline[3] === ':') return body(1 + inline[0].length, changed);
    cursor.at += 1 + inline[0].length;
    // Applies to the rest of the enclosing group.
    Object.assign(local, changed);
    return undefined;
  }

  function body(skip: number, local: Flags): RegexNode {
    cursor.at += skip;
    const item = alternation({ ...local });
    if (source[cursor.at] !== ')') throw new PatternError(cursor, 'unclosed "("');
    cursor.at++;
    return item;
  }

  function capture(local: Flags, name?: string): RegexNode {
    const index = ++groups;
    if (name !== undefined) {
      if (names.has(name)) throw new PatternError(cursor, `two groups are named "${name}"`);
      names.set(name, index);
    }
    return { type: 'group', index, item: body(0, local) };
  }

  function quantified(item: RegexNode, local: Flags, isGroup: boolean): RegexNode {
    skipNothing(local);
    const range = readQuantifier();
    if (!range) return item;
    if (item.type === 'assert' && !isGroup) throw new PatternError(cursor, 'a quantifier follows what has no width');
    skipNothing(local);
    const suffix = cursor.isQuoted ? '' : source[cursor.at];
    const isLazy = (suffix === '?') !== local.U;
    if (suffix === '?' || suffix === '+') cursor.at++;
    const [min, max] = range;
    const repeat: RegexNode = { type: 'repeat', item, min, max, isLazy: suffix === '+' ? false : isLazy };
    skipNothing(local);
    if (readQuantifier()) throw new PatternError(cursor, 'a quantifier follows another one');
    return suffix === '+' ? { type: 'atomic', item: repeat } : repeat;
  }

  /** Most atoms have none. */
  function readQuantifier(): [number, number] | undefined {
    return !cursor.isQuoted && quantifierStarts.has(source[cursor.at]!) ? quantifier() : undefined;
  }

  function quantifier(): [number, number] | undefined {
    const c = source[cursor.at];
    if (c !== '{') {
      cursor.at++;
      return [c === '+' ? 1 : 0, c === '?' ? 1 : Number.POSITIVE_INFINITY];
    }
    // PCRE reads a brace that is no quantifier as itself.
    braces.lastIndex = cursor.at;
    const match = braces.exec(source);
    if (!match) return undefined;
    cursor.at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
    const largest = max === Number.POSITIVE_INFINITY ? min : max;
    if (max < min) throw new PatternError(cursor, `quantifier ${match[0]} counts down`);
    if (largest > MAX_REPEAT) throw new PatternError(cursor, `quantifier ${match[0]} repeats more than ${MAX_REPEAT} times`);
    return [min, max];
  }
}

const quantifierStarts: ReadonlySet<string> = new Set('*+?{');

const special = '\\[](){}|*+?.^$';
const isPlain = bytesOf(special).map((isSpecial) => 1 - isSpecial);
/** Bytes that are no quantifier and begin nothing that is read over. */
const endsAtom = bytesOf('\\(*+?{').map((mayGoOn) => 1 - mayGoOn);

const braces = /\{(\d+)(,(\d*))?\}/y;

const looks: readonly (readonly [string, boolean, boolean])[] = [
  ['=', false, false],
  ['!', false, true],
  ['<=', true, false],
  ['<!', true, true],
];

function checkBackrefs(node: RegexNode, groups: number): void {
  if (node.type === 'backref' && node.index > groups)
    throw new PatternError({ source: '', at: 0, isQuoted: false, isRe2Space: false }, `back reference \\${node.index} names no group`);
  if (node.type === 'cat' || node.type === 'alt') for (const item of node.items) checkBackrefs(item, groups);
  else if ('item' in node) checkBackrefs(node.item, groups);
}
