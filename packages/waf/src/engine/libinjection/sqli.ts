import { foldTokens } from './sqli-fold.ts';
import { isPlainWords } from './sqli-plain.ts';
import { isInjectionPrint, upper } from './sqli-tables.ts';
import type { SqlContext, SqlToken } from './sqli-token.ts';
import { SqlTokenizer } from './sqli-tokenizer.ts';

/** Tokens of one reading of the input, folded, and what they spell. */
export interface SqlReading {
  readonly print: string;
  readonly tokens: readonly SqlToken[];
  readonly tokenCount: number;
  /** Comments or `#` stand in it that MySQL reads differently. */
  readonly isAmbiguous: boolean;
}

export function readSql(text: string, context: SqlContext): SqlReading {
  const tokenizer = new SqlTokenizer(text, context);
  const tokens = foldTokens(tokenizer);
  const last = tokens.at(-1);
  // PHP's backquote trick: an unclosed, empty backquote at the end acts as a comment.
  if (tokens.length > 2 && last?.kind === 'n' && last.open === '`' && last.text === '' && last.close === '') last.kind = 'c';
  let print = tokens.map((token) => token.kind).join('');
  if (print.includes('X')) print = 'X';
  return { print, tokens, tokenCount: tokenizer.count, isAmbiguous: tokenizer.hasDashComment || tokenizer.hasHash };
}

/**
 * libinjection's SQL injection test: reads the input as it is, inside single and inside double quotes, and compares the
 * folded row of token classes with the rows of known injections.
 *
 * MySQL passes over a number that ends in an `e`: `1.e(select 1.e(…` hides an injection from the words that 3.10.0 makes of
 * it. An input that holds such numbers and seems innocent is read once more without them, as later versions do.
 *
 * @returns the fingerprint, or undefined when it is no injection
 */
export function detectSqlInjection(text: string): string | undefined {
  const print = detect(text);
  if (print !== undefined) return print;
  const shorter = text.replace(bareExponent, ' ');
  return shorter === text ? undefined : detect(shorter);
}

/** `1.e`, `12e`, `.5E`. The look behind keeps it to one try for a row of digits. */
const bareExponent = /(?<![\w.])(?:\d+(?:\.\d*)?|\.\d+)e(?![\w+-])/gi;

function detect(text: string): string | undefined {
  const hasQuote = text.includes("'");
  const hasDoubleQuote = text.includes('"');
  if (!hasQuote && !hasDoubleQuote && isPlainWords(text)) return undefined;
  const quotes: SqlContext['quote'][] = [''];
  if (hasQuote) quotes.push("'");
  for (const quote of quotes) {
    const ansi = readSql(text, { quote, isMysql: false });
    if (isInjection(text, ansi)) return ansi.print;
    if (!ansi.isAmbiguous) continue;
    const mysql = readSql(text, { quote, isMysql: true });
    if (isInjection(text, mysql)) return mysql.print;
  }
  if (!hasDoubleQuote) return undefined;
  const mysql = readSql(text, { quote: '"', isMysql: true });
  return isInjection(text, mysql) ? mysql.print : undefined;
}

function isInjection(text: string, reading: SqlReading): boolean {
  return reading.print !== '' && isInjectionPrint(reading.print) && !isHarmless(text, reading);
}

/** Rows that plain text makes, too. */
function isHarmless(text: string, { print, tokens, tokenCount }: SqlReading): boolean {
  if (print.length > 1 && print.endsWith('c') && text.includes('sp_password')) return false;
  const [first, second, third] = tokens;
  if (print.length === 2) {
    if (print[1] === 'U') return tokenCount === 2;
    if (second!.text[0] === '#') return true;
    if (print === 'nc' && second!.text[0] !== '/') return true;
    if (print === '1c' && second!.text[0] === '/') return false;
    if (print === '1c') return tokenCount <= 2 && !isCutNumber(text, first!.text.length);
    return second!.text.length > 2 && second!.text[0] === '-';
  }
  if (print.length !== 3) return false;
  if (print === 'sos' || print === 's&s') return !(first!.open === '' && third!.close === '' && first!.close === third!.open);
  if (['s&n', 'n&1', '1&1', '1&v', '1&s'].includes(print)) return tokenCount === 3;
  // Only INTO OUTFILE and INTO DUMPFILE.
  if (second!.kind === 'k') return second!.text.length < 5 || upper(second!.text).slice(0, 4) !== 'INTO';
  return false;
}

/** `1234 --`, `1/*`, `1--`: the number ends where SQL would end it. */
function isCutNumber(text: string, length: number): boolean {
  const next = text[length] ?? '\0';
  return next <= ' ' || (next === '/' && text[length + 1] === '*') || (next === '-' && text[length + 1] === '-');
}
