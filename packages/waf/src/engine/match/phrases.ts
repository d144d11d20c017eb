/** Words of a `@pm` argument: separated by blanks, with Snort's `|41 42|` for bytes. */
export function parsePhrases(text: string): string[] {
  return text
    .split(/[\t\n\v\f\r ]+(?=(?:[^|]*\|[^|]*\|)*[^|]*$)/)
    .filter((word) => word !== '')
    .map(unescapeHex);
}

/** Lines of a `@pmFromFile` file: trimmed, without comments. */
export function parsePhraseFile(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Snort's `|41 42|` for bytes. */
export function unescapeHex(word: string): string {
  return word.replace(/\|((?:[0-9A-Fa-f]{2} ?)+)\|/g, (_, digits: string) =>
    digits.replace(/(..) ?/g, (_pair, byte: string) => String.fromCharCode(Number.parseInt(byte, 16))),
  );
}
