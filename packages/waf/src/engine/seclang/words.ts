import type { Position } from '../errors.ts';
import { WafConfigError } from '../errors.ts';
import type { Profile } from './ast.ts';

const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TAB = 0x09;

/** In ModSecurity 3 a quote amid a word is part of it. */
function endsWord(line: string, at: number): boolean {
  return at >= line.length || line.charCodeAt(at) === SPACE || line.charCodeAt(at) === TAB;
}

/**
 * Split a directive line into words. Words may stand in double or single quotes; a backslash before the same quote
 * gives the quote. Apache (profile `modsecurity2`) also turns `\\` into `\`; the others keep it.
 */
export function splitWords(line: string, position: Position, profile: Profile): string[] {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    const char = line[at]!;
    if (char === ' ' || char === '\t') {
      at++;
      continue;
    }
    const quote = char === '"' || char === "'" ? char : '';
    // NaN, which is nothing, for a word without quotes.
    const end = quote.charCodeAt(0);
    if (quote) at++;
    let word = '';
    let copied = at;
    let isClosed = quote === '';
    for (; at < line.length; at++) {
      const c = line.charCodeAt(at);
      if (c === BACKSLASH && at + 1 < line.length) {
        const next = line.charCodeAt(at + 1);
        const isQuote = next === end;
        if (isQuote || next === BACKSLASH) {
          // One of the two backslashes stays, or both.
          const kept = isQuote || profile === 'modsecurity2' ? at + 1 : at;
          word += line.slice(copied, at);
          copied = kept;
          at++;
          continue;
        }
      }
      const isBlank = c === SPACE || c === TAB;
      if (quote ? c === end && (profile !== 'modsecurity3' || endsWord(line, at + 1)) : isBlank) {
        isClosed = true;
        break;
      }
    }
    word += line.slice(copied, at);
    at++;
    // ModSecurity 3 lets the end of the directive close it.
    if (!isClosed && profile !== 'modsecurity3') {
      throw new WafConfigError(
        'syntax',
        position,
        `Unclosed quote ${quote}: found the end of the directive after ${JSON.stringify(word.slice(-40))}, wanted ${quote}`,
      );
    }
    words.push(word);
  }
  return words;
}
