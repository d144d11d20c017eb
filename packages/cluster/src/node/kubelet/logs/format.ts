import type { OutputSource } from '../runtime/launch.ts';

/** One line of a CRI log file: `2026-11-22T03:45:08.123000000Z stdout F text` (kubelet's container log format). */
export interface LogLine {
  readonly time: string;
  readonly source: OutputSource;
  /** `P`: the program has not ended this line yet. */
  readonly isPartial: boolean;
  readonly text: string;
}

/** Longer lines are cut into partial ones, as container runtimes do. */
export const MAX_LINE_BYTES = 16 * 1024;

export function renderLogLine(time: string, source: OutputSource, text: string, isPartial: boolean): string {
  return `${time} ${source} ${isPartial ? 'P' : 'F'} ${text}\n`;
}

/** @returns undefined when it is no log line (a file damaged by a crash) */
export function parseLogLine(line: string): LogLine | undefined {
  const match = /^(\S+) (stdout|stderr) ([PF]) ?([\s\S]*)$/.exec(line);
  if (match === null) return undefined;
  return { time: match[1]!, source: match[2] as OutputSource, isPartial: match[3] === 'P', text: match[4]! };
}

/** RFC 3339 with nine digits, as container runtimes write; the clock gives three. */
export function logTime(now: Date): string {
  return `${now.toISOString().slice(0, -1)}000000Z`;
}

/** Cuts a stream of bytes into lines; bytes of one character never fall apart. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  /** Complete lines, and pieces of lines longer than `MAX_LINE_BYTES`. */
  push(chunk: Buffer): { text: string; isPartial: boolean }[] {
    const lines: { text: string; isPartial: boolean }[] = [];
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const end = data.indexOf(10);
      if (end !== -1 && end <= MAX_LINE_BYTES) {
        lines.push({ text: data.toString('utf8', 0, end), isPartial: false });
        data = data.subarray(end + 1);
      } else if (data.length > MAX_LINE_BYTES) {
        const cut = characterBoundary(data, MAX_LINE_BYTES);
        lines.push({ text: data.toString('utf8', 0, cut), isPartial: true });
        data = data.subarray(cut);
      } else break;
    }
    this.#rest = Buffer.from(data);
    return lines;
  }

  /** What a program that ended left unfinished. */
  flush(): string | undefined {
    if (this.#rest.length === 0) return undefined;
    const text = this.#rest.toString('utf8');
    this.#rest = Buffer.alloc(0);
    return text;
  }
}

/** The last place at or before `index` that does not split a UTF-8 sequence. */
function characterBoundary(data: Buffer, index: number): number {
  for (let cut = index; cut > index - 4 && cut > 0; cut--) if ((data[cut]! & 0xc0) !== 0x80) return cut;
  return index;
}
