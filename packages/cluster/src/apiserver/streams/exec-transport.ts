import type { Status } from '@palisade/kubernetes';

/** The wire of one exec or attach, whichever protocol it speaks. */
export interface ExecTransport {
  /** `undefined` is the end of standard input. Resolves when more may come. */
  onStdin(take: (chunk: Buffer | undefined) => Promise<void> | void): void;
  onResize(take: (columns: number, rows: number) => void): void;
  /** The client went away. */
  onClose(act: () => void): void;
  write(channel: 'stdout' | 'stderr', chunk: Buffer): Promise<void>;
  /** Says how it ended and closes. A client that hears no status takes it for success. */
  finish(status: Status): Promise<void>;
}

/** The terminal size a client sends: `{"Width":80,"Height":24}`. Anything else is ignored. */
export function parseSize(text: string): { columns: number; rows: number } | undefined {
  try {
    const { Width: columns, Height: rows } = JSON.parse(text) as { Width: unknown; Height: unknown };
    const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
    return isSize(columns) && isSize(rows) ? { columns, rows } : undefined;
  } catch {
    return undefined;
  }
}
