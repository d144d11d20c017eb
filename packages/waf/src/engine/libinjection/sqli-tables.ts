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

/** True when a row of token classes is known to be an injection. */
export function isInjectionPrint(print: string): boolean {
  prints ??= new Set(fingerprints.split('\n'));
  return prints.has(upper(print));
}

/** ASCII only. */
export function upper(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text.toUpperCase() : text.replace(/[a-z]/g, (c) => c.toUpperCase());
}
