import { fingerprints, keywordClasses } from './generated/tables.ts';

let words: Map<string, string> | undefined;
let prints: Set<string> | undefined;

/** Class of a word or operator (any case), or undefined. The table is built on first use: 2,000 words. */
export function wordClass(text: string): string | undefined {
  if (!words) {
    words = new Map();
    for (const [kind, list] of keywordClasses) for (const word of list.split('\n')) words.set(word, kind);
  }
  return words.get(upper(text));
}

let starters: Set<string> | undefined;

/** True when a word may begin a keyword of several words, such as UNION ALL. */
export function mayBeginPhrase(word: string): boolean {
  starters ??= new Set(keywordClasses.flatMap(([, list]) => list.split('\n').flatMap((entry) => phraseStarts(entry))));
  return starters.has(upper(word));
}

/** No class but that of a name, and no beginning of a phrase. */
export function isOrdinaryWord(word: string): boolean {
  return (wordClass(word) ?? 'n') === 'n' && !mayBeginPhrase(word);
}

/** `A` and `A B` for `A B C`: words are merged one at a time. */
function phraseStarts(entry: string): string[] {
  const parts = entry.split(' ');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join(' '));
}

/** True when a row of token classes is known to be an injection. */
export function isInjectionPrint(print: string): boolean {
  prints ??= new Set(fingerprints.split('\n'));
  return prints.has(upper(print));
}

/** Upper case; text that has none of the same length (a sharp s) is no word of any table and stays. */
export function upper(text: string): string {
  const folded = text.toUpperCase();
  return folded.length === text.length ? folded : text;
}
