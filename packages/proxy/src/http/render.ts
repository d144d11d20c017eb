/** Messages for the other side: bytes that stay as they were are copied in runs; one buffer, one write. */
import { putLatin1 } from '../net/put-text.ts';
import { allocate } from '../net/slab.ts';
import type { HeaderChanges } from '../route/route.ts';
import { Field, type Head, rowSize } from './head.ts';

const bit = (field: number) => 1 << field;
/** RFC 9110 §7.6.1. */
const hopByHop =
  bit(Field.connection) |
  bit(Field.keepAlive) |
  bit(Field.proxyConnection) |
  bit(Field.transferEncoding) |
  bit(Field.upgrade) |
  bit(Field.te) |
  bit(Field.http2Settings);
/** What a client must not be able to claim (CVE-2023-27487 is the second). */
export const requestDrops = hopByHop | bit(Field.originalPath) | bit(Field.expectedTimeout) | bit(Field.externalAddress);
export const responseDrops = hopByHop;
export const dropBit = bit;

export interface RenderInput {
  readonly head: Head;
  /** Pieces of what stands before the head's bytes that begin at `from`. */
  readonly firstLine: readonly string[];
  readonly from: number;
  /** Bit n: field n is left out. */
  readonly drops: number;
  /** Lower-case names left out besides. */
  readonly removed: readonly string[];
  /** Pieces of whole lines with CR LF. */
  readonly added: readonly string[];
}

/** @returns head and blank line, cut from the slab */
export function renderHead({ head, firstLine, from, drops, removed, added }: RenderInput): Buffer {
  const { bytes, table } = head;
  const names = removed.length === 0 ? undefined : new Set(removed);
  const out = allocate(lengthOf(firstLine) + head.end + lengthOf(added) + 2);
  let at = 0;
  for (const piece of firstLine) at = putLatin1(out, at, piece);
  let runStart = from;
  for (let row = 0; row < table.length; row += rowSize) {
    const isDropped = (drops & (1 << table[row + 4]!)) !== 0 || names?.has(nameAt(head, row)) === true;
    if (!isDropped) continue;
    const start = table[row]!;
    if (start > runStart) at += bytes.copy(out, at, runStart, start);
    runStart = row + rowSize < table.length ? table[row + rowSize]! : head.end;
  }
  if (head.end > runStart) at += bytes.copy(out, at, runStart, head.end);
  for (const piece of added) at = putLatin1(out, at, piece);
  out[at++] = 13;
  out[at++] = 10;
  return out.subarray(0, at);
}

function lengthOf(pieces: readonly string[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** Where the fields begin. */
export const fieldsStart = ({ table, end }: Head) => (table.length === 0 ? end : table[0]!);

function nameAt(head: Head, row: number): string {
  return head.bytes.toString('latin1', head.table[row]!, head.table[row + 1]!).toLowerCase();
}

/** Names the Connection field lists as hop-by-hop (RFC 9110 §7.6.1), but never those that framing and routing stand on. */
export function connectionListed(head: Head): readonly string[] {
  if (!head.has(Field.connection)) return [];
  const options = head.all(Field.connection).join(',').toLowerCase().split(',');
  return options.map((option) => option.trim()).filter((option) => option !== '' && !kept.has(option));
}

const kept = new Set([
  'close',
  'keep-alive',
  'upgrade',
  'host',
  'content-length',
  'transfer-encoding',
  'x-forwarded-client-cert',
  'authorization',
  'x-forwarded-for',
  'x-forwarded-proto',
]);

export function hasConnectionOption(head: Head, wanted: string): boolean {
  return (
    head.has(Field.connection) &&
    head.all(Field.connection).some((value) =>
      value
        .toLowerCase()
        .split(',')
        .some((option) => option.trim() === wanted),
    )
  );
}

/** @param present whether the message already carries the field */
export function linesOf(changes: HeaderChanges, present: (lower: string) => boolean): string[] {
  return changes.add
    .filter(({ name, ifAbsent }) => !ifAbsent || !present(name.toLowerCase()))
    .map(({ name, value }) => `${name}: ${value}\r\n`);
}
