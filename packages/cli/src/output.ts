import { stringify } from 'yaml';
import { renderTable } from './table.ts';

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** An answer in each of its forms. */
export interface Answer {
  /** For people: tables and sentences. */
  readonly text: string;
  /** For programs: the whole of what the text is about. */
  readonly data: unknown;
}

export function renderAnswer({ text, data }: Answer, format: string): string {
  switch (format) {
    case 'text':
    case 'short':
    case 'table':
      return `${text.trimEnd()}\n`;
    case 'json':
      return `${JSON.stringify(data, null, 2)}\n`;
    case 'yaml':
      return stringify(data, { aliasDuplicateObjects: false });
    default:
      throw new Error(`Cannot print as "${format}": expected text, json or yaml`);
  }
}

export function printAnswer(answer: Answer, format: string): void {
  process.stdout.write(renderAnswer(answer, format));
}

/** Rows stand in the order given; without any, a sentence instead of a lonely header. */
export function renderRows({ header, rows }: Table, empty: string): string {
  return rows.length === 0 ? empty : renderTable(header, rows);
}
