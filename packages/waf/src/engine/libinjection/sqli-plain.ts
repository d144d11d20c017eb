import { keywordClasses } from './generated/tables.ts';
import { isOrdinaryWord } from './sqli-tables.ts';

/** A row of classes has five tokens, and the sixth may still change it. */
const DECIDING_TOKENS = 6;

/**
 * Proves everyday text innocent without reading it as SQL: when the tokens that decide are words of no table and whole
 * numbers between blanks, the row holds `n` and `1` alone, nothing folds, and no known injection has such a row. Says
 * nothing about text with quotes, which is read in other ways, too.
 */
export function isPlainWords(text: string): boolean {
  let at = 0;
  for (let count = 0; count < DECIDING_TOKENS; count++) {
    while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
    if (at === text.length) return true;
    const start = at;
    let code = text.charCodeAt(at);
    const isNumber = isDigit(code);
    while (isDigit(code) || (!isNumber && isLetter(code))) code = ++at < text.length ? text.charCodeAt(at) : 0;
    if (at === start || (at < text.length && text.charCodeAt(at) > 0x20)) return false;
    if (!isNumber && wordSlots()[wordSlot(text, start, at)] === 1 && !isOrdinaryWord(text.slice(start, at))) return false;
  }
  return true;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  return ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) || code === 0x5f;
}

/** Where a word would stand in a small table without regard to case; most words of no list share a slot with none that is. */
function wordSlot(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start) | 0x20;
  const middle = text.charCodeAt((start + end) >> 1) | 0x20;
  const last = text.charCodeAt(end - 1) | 0x20;
  return (((first * 31 + middle) * 31 + last) * 31 + (end - start)) & 0x3fff;
}

let slots: Uint8Array | undefined;

/** A one at the slot of every word that is not ordinary. */
function wordSlots(): Uint8Array {
  if (!slots) {
    slots = new Uint8Array(0x4000);
    for (const [, list] of keywordClasses) {
      for (const entry of list.split('\n')) {
        const first = entry.split(' ')[0]!;
        slots[wordSlot(first, 0, first.length)] = 1;
      }
    }
  }
  return slots;
}
