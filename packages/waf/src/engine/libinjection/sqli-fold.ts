import { mayBeginPhrase, upper, wordClass } from './sqli-tables.ts';
import type { SqlToken } from './sqli-token.ts';
import { isArithmetic, isUnary, newToken } from './sqli-token.ts';
import type { SqlTokenizer } from './sqli-tokenizer.ts';

const MAX_TOKENS = 5;
const mayBeFirst: ReadonlySet<string> = new Set('knoUfETt');
const maySecond: ReadonlySet<string> = new Set('knoUfETt&');
/** Column names that are functions when a bracket follows. */
const sometimesFunctions: ReadonlySet<string> = new Set([
  'USER_ID',
  'USER_NAME',
  'DATABASE',
  'PASSWORD',
  'USER',
  'CURRENT_USER',
  'CURRENT_DATE',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
  'LOCALTIME',
  'LOCALTIMESTAMP',
]);

/** Read tokens and fold what says nothing (arithmetic, nested brackets, lists), until five are left or the input ends. */
export function foldTokens(tokenizer: SqlTokenizer): SqlToken[] {
  const tokens: SqlToken[] = [];
  let lastComment: SqlToken | undefined;
  let left = 0;
  let hasMore = true;
  const kind = (index: number): string => tokens[left + index]?.kind ?? '';
  const isOne = (index: number, kinds: string): boolean => kind(index) !== '' && kinds.includes(kind(index));
  const read = (wanted: number): void => {
    while (hasMore && tokens.length <= MAX_TOKENS && tokens.length - left < wanted) {
      const token = tokenizer.next();
      if (!token) hasMore = false;
      else if (token.kind === 'c') lastComment = token;
      else {
        lastComment = undefined;
        tokens.push(token);
      }
    }
  };
  const drop = (count: number, back: number): void => {
    tokens.length -= count;
    left = back;
  };

  // Leading comments, brackets, types and signs say nothing.
  for (;;) {
    const token = tokenizer.next();
    if (!token) return [];
    if (token.kind === 'c' || token.kind === '(' || token.kind === 't' || isUnary(token)) continue;
    tokens.push(token);
    break;
  }

  for (;;) {
    if (tokens.length >= MAX_TOKENS && isLongNoise(tokens.map((token) => token.kind).join(''))) {
      const sixth = tokens[MAX_TOKENS];
      if (sixth) tokens.splice(1, tokens.length, sixth);
      else tokens.length = 1;
      left = 0;
    }
    if (!hasMore || left >= MAX_TOKENS) {
      left = tokens.length;
      break;
    }
    read(2);
    if (tokens.length - left < 2) {
      left = tokens.length;
      continue;
    }
    if (foldTwo()) {
      if (tokens[left + 1]?.kind === 'X' && tokens[left]?.kind === '{') return tokens.slice(0, left + 2);
      continue;
    }
    read(3);
    if (tokens.length - left < 3) {
      left = tokens.length;
      continue;
    }
    if (foldThree()) continue;
    left++;
  }
  if (left < MAX_TOKENS && lastComment) {
    tokens.length = left;
    tokens.push(lastComment);
    left++;
  }
  return tokens.slice(0, Math.min(left, MAX_TOKENS));

  /** Fold on two tokens; true when the row changed or was judged and is to be looked at again. */
  function foldTwo(): boolean {
    const a = tokens[left]!;
    const b = tokens[left + 1]!;
    if ((a.kind === 's' && b.kind === 's') || (a.kind === ';' && b.kind === ';')) {
      drop(1, left);
      return true;
    }
    if ((a.kind === 'o' || a.kind === '&') && (isUnary(b) || b.kind === 't')) {
      drop(1, 0);
      return true;
    }
    if (a.kind === '(' && isUnary(b)) {
      drop(1, Math.max(0, left - 1));
      return true;
    }
    const merged = mergeWords(a, b);
    if (merged) {
      tokens[left] = merged;
      tokens.splice(left + 1, 1);
      left = Math.max(0, left - 1);
      return true;
    }
    if (a.kind === ';' && b.kind === 'f' && upper(b.text).startsWith('IF')) {
      b.kind = 'T';
      return true;
    }
    if ((a.kind === 'n' || a.kind === 'v') && b.kind === '(' && sometimesFunctions.has(upper(a.text))) {
      a.kind = 'f';
      return true;
    }
    if (a.kind === 'k' && isOneOf(a.text, 'IN', 'NOT IN')) {
      a.kind = b.kind === '(' ? 'o' : 'n';
      return true;
    }
    if (a.kind === 'o' && isOneOf(a.text, 'LIKE', 'NOT LIKE')) {
      if (b.kind === '(') a.kind = 'f';
      return false;
    }
    if (a.kind === 't' && 'n1t(fvs'.includes(b.kind)) {
      tokens[left] = b;
      drop(1, 0);
      return true;
    }
    if (a.kind === 'A' && b.kind === 'n') {
      if (b.text.includes('_')) {
        b.kind = 't';
        left = 0;
      }
      return false;
    }
    if (a.kind === '\\') {
      if (isArithmetic(b)) {
        a.kind = '1';
        left = 0;
      } else {
        tokens[left] = b;
        drop(1, 0);
      }
      return true;
    }
    if ((a.kind === '(' && b.kind === '(') || (a.kind === ')' && b.kind === ')')) {
      drop(1, 0);
      return true;
    }
    if (a.kind === '{' && b.kind === 'n') {
      // MySQL takes `{ ``.``.id }`; nobody else writes it.
      if (b.text.length === 0) b.kind = 'X';
      else drop(2, 0);
      return true;
    }
    if (b.kind === '}') {
      drop(1, 0);
      return true;
    }
    return false;
  }

  function foldThree(): boolean {
    const a = tokens[left]!;
    const b = tokens[left + 1]!;
    const c = tokens[left + 2]!;
    // Every row below has one of these in the middle, or an operator on both sides.
    if (!'o,.('.includes(b.kind) && a.kind !== 'o' && a.kind !== '&') return false;
    const isFolded =
      (isOne(0, '1') && isOne(1, 'o') && isOne(2, '1')) ||
      (isOne(0, 'o') && !isOne(1, '(') && isOne(2, 'o')) ||
      (isOne(0, '&') && isOne(2, '&')) ||
      (isOne(0, 'v') && isOne(1, 'o') && isOne(2, 'v1n')) ||
      (isOne(0, 'n1') && isOne(1, 'o') && isOne(2, '1n')) ||
      (isOne(0, 'n1vs') && isOne(1, 'o') && b.text === '::' && isOne(2, 't')) ||
      (isOne(0, 'n1sv') && isOne(1, ',') && isOne(2, '1nsv'));
    if (isFolded) {
      drop(2, 0);
      return true;
    }
    const hasSign = isUnary(b);
    const isSignGone =
      (isOne(0, 'EB,') && hasSign && isOne(2, '(')) ||
      (isOne(0, 'kEB') && hasSign && isOne(2, '1nvsf')) ||
      (isOne(0, ',') && hasSign && isOne(2, 'f'));
    if (isSignGone) {
      tokens[left + 1] = c;
      drop(1, 0);
      return true;
    }
    if (isOne(0, ',') && hasSign && isOne(2, '1nvs')) {
      // `1,-1`: with the sign gone, the list before it may fold.
      tokens[left + 1] = c;
      drop(3, 0);
      return true;
    }
    if (isOne(0, 'n') && isOne(1, '.') && isOne(2, 'n')) {
      drop(2, 0);
      return true;
    }
    if (isOne(0, 'E') && isOne(1, '.') && isOne(2, 'n')) {
      tokens[left + 1] = c;
      drop(1, 0);
      return true;
    }
    if (isOne(0, 'f') && isOne(1, '(') && !isOne(2, ')') && upper(tokens[left]!.text) === 'USER') tokens[left]!.kind = 'n';
    return false;
  }
}

function isOneOf(text: string, first: string, second: string): boolean {
  const word = upper(text);
  return word === first || word === second;
}

/** Rows of five that fold to their first token. */
function isLongNoise(row: string): boolean {
  return /^(?:1[o,]\(1\)|no\([n1]\)|1\),\(1|n\)o\(n)/.test(row);
}

/** Two words that are one keyword together, such as UNION ALL. */
function mergeWords(a: SqlToken, b: SqlToken): SqlToken | undefined {
  if (!mayBeFirst.has(a.kind) || !maySecond.has(b.kind) || !mayBeginPhrase(a.text)) return undefined;
  const text = `${a.text} ${b.text}`;
  const kind = text.length < 32 ? wordClass(text) : undefined;
  return kind === undefined ? undefined : newToken(kind, text);
}
