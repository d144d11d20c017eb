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
  const lines: LogicalLine[] = [];
  /** Pieces of the directive that is being put together. */
  let pieces: string[] = [];
  let start = 0;
  let number = 0;
  for (let at = 0; at <= source.length; ) {
    const lineEnd = source.indexOf('\n', at);
    const end = lineEnd < 0 ? source.length : lineEnd;
    let piece = source.slice(at, source[end - 1] === '\r' && end > at ? end - 1 : end).trimStart();
    at = end + 1;
    number++;
    if (start === 0) {
      // A comment may end with a backslash; it still continues, as in Apache.
      if (piece === '' || (piece.startsWith('#') && !piece.endsWith('\\'))) continue;
      start = number;
    }
    // Apache looks at the end of what it has read so far: a line ended by two backslashes goes on after an empty one, too.
    while (piece === '' && pieces.length > 0) piece = pieces.pop()!;
    if (piece.endsWith('\\')) {
      if (lineEnd < 0) {
        throw new WafConfigError(
          'syntax',
          { file, line: start },
          'A line continuation ("\\") ends the file; wanted the rest of the directive',
        );
      }
      pieces.push(piece.slice(0, -1));
      continue;
    }
    // Joined of two pieces at least: a slice would keep its whole file in memory, comments and all.
    pieces.push(piece.slice(0, 1), piece.slice(1));
    const text = pieces.join('').trimEnd();
    if (text !== '' && !text.startsWith('#')) lines.push({ text, line: start });
    pieces = [];
    start = 0;
  }
  return lines;
}
