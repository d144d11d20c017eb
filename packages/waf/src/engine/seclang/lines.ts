import { WafConfigError } from '../errors.ts';

/** One directive with its continuation lines joined. */
export interface LogicalLine {
  readonly text: string;
  /** 1-based number of its first physical line. */
  readonly line: number;
}

/**
 * Split a rule file into logical lines: comments and blank lines dropped, a backslash before the line end joins (the
 * next line's leading blanks are dropped, as both ModSecurity parsers do).
 */
export function splitLines(source: string, file: string): LogicalLine[] {
  const physical = source.split('\n');
  const lines: LogicalLine[] = [];
  let text = '';
  let start = 0;
  for (const [index, raw] of physical.entries()) {
    const piece = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (start === 0) {
      const trimmed = piece.trimStart();
      // A comment may end with a backslash; it still continues, as in Apache.
      if (trimmed.startsWith('#') && !trimmed.endsWith('\\')) continue;
      if (trimmed === '') continue;
      start = index + 1;
      text = trimmed;
    } else {
      text += piece.trimStart();
    }
    if (text.endsWith('\\') && index < physical.length - 1) {
      text = text.slice(0, -1);
      continue;
    }
    if (text.endsWith('\\')) {
      throw new WafConfigError(
        'syntax',
        { file, line: start },
        'A line continuation ("\\") ends the file; wanted the rest of the directive',
      );
    }
    const done = text.trimEnd();
    if (done !== '' && !done.startsWith('#')) lines.push({ text: done, line: start });
    start = 0;
    text = '';
  }
  return lines;
}
