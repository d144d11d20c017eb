/** HTTP/1.x message heads (RFC 9112 §2–§5), for both sides. */

export interface Head {
  /** Request line or status line, split at its first two spaces. */
  readonly start: readonly [string, string, string];
  /** Names in lower case; a repeated field's last value. */
  readonly headers: ReadonlyMap<string, string>;
  /** Where the body begins in the buffer. */
  readonly end: number;
}

/** Past this the message is refused. Bytes. */
export const MAX_HEAD_BYTES = 65536;

/** @returns undefined while the head is incomplete, `null` when it cannot be read */
export function parseHead(buffer: Buffer): Head | undefined | null {
  const end = buffer.indexOf('\r\n\r\n');
  if (end < 0) return buffer.length > MAX_HEAD_BYTES ? null : undefined;
  if (end > MAX_HEAD_BYTES) return null;
  const [first = '', ...lines] = buffer.toString('latin1', 0, end).split('\r\n');
  const start = /^(\S+) (\S+)(?: (.*))?$/.exec(first);
  if (start === null) return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    if (field === null) return null;
    headers.set(field[1]!.toLowerCase(), field[2]!);
  }
  return { start: [start[1]!, start[2]!, start[3] ?? ''], headers, end: end + 4 };
}
