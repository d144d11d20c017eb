/**
 * Strict HTTP/1 head parser, one pass over the bytes (RFC 9112 §§2–5). What two readers could read differently is refused: bare LF or CR,
 * folded lines, space before the colon, control characters (RFC 9112 §2.2, §5.1, §5.2; RFC 9110 §5.5).
 */
import { type FirstLine, fieldAt, Head, rowSize } from './head.ts';

export interface HeadLimits {
  /** Envoy's default is 60 KiB. */
  readonly maxBytes: number;
  /** Envoy's default is 100. */
  readonly maxFields: number;
}

export const defaultLimits: HeadLimits = { maxBytes: 60 * 1024, maxFields: 100 };

export type HeadRefusal = { readonly ok: false; readonly status: 400 | 426 | 431 | 505; readonly reason: string };
export type HeadResult = { readonly ok: true; readonly head: Head; readonly next: number } | HeadRefusal | undefined;

const refusal = (reason: string, status: HeadRefusal['status'] = 400): HeadRefusal => ({ ok: false, status, reason });

const token = new Uint8Array(256);
for (const c of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") token[c.charCodeAt(0)] = 1;
/** Field values: visible characters, obs-text, space and tab. */
const valueByte = new Uint8Array(256).fill(1, 0x20);
valueByte[0x7f] = 0;
valueByte[9] = 1;
/** Request targets: visible ASCII. */
const targetByte = new Uint8Array(256).fill(1, 0x21, 0x7f);

const cr = 13;
const lf = 10;
const space = 32;
const tab = 9;
const colon = 58;

/** Tables of many heads side by side: a typed array of its own would cost each more than its parsing. */
const pooledNumbers = 4096;
let tables = new Int32Array(pooledNumbers);
let tablesUsed = 0;
/** What the last call of `parseFields` found: heads are parsed one at a time in this thread. */
let foundNumbers = 0;
let foundFields = 0;

/**
 * @param bytes may be reused by the caller afterwards: the result holds a copy
 * @returns undefined when the head is not complete yet
 */
export function parseRequestHead(bytes: Buffer, from: number, end: number, limits: HeadLimits = defaultLimits): HeadResult {
  let start = from;
  // RFC 9112 §2.2: a server should ignore an empty line before the request line.
  while (start + 1 < end && bytes[start] === cr && bytes[start + 1] === lf) start += 2;
  let at = start;
  while (at < end && token[bytes[at]!] === 1) at++;
  if (at === end) return tooLong(at - start, limits);
  if (bytes[at] !== space || at === start) return refusal('malformed method');
  const methodEnd = at++;
  const targetStart = at;
  while (at < end && targetByte[bytes[at]!] === 1) at++;
  if (at === end) return tooLong(at - start, limits);
  if (bytes[at] !== space || at === targetStart) return refusal('malformed request target');
  const targetEnd = at++;
  if (end - at < 10) return bytes.subarray(at, end).includes(lf) ? refusal('malformed version') : undefined;
  const minor = versionAt(bytes, at);
  if (minor < 0) return refusal('malformed version', minor === -2 ? 505 : 400);
  if (bytes[at + 8] !== cr || bytes[at + 9] !== lf) return refusal('the request line does not end in CR LF');
  const headEnd = parseFields(bytes, start, at + 10, end, limits);
  if (typeof headEnd !== 'number') return headEnd;
  const target = bytes.toString('latin1', targetStart, targetEnd);
  return takeHead(bytes, start, headEnd, { method: methodName(bytes, start, methodEnd), target, status: 0, minor });
}

export function parseResponseHead(bytes: Buffer, start: number, end: number, limits: HeadLimits = defaultLimits): HeadResult {
  let at = start;
  if (end - start < 13) return undefined;
  const minor = versionAt(bytes, at);
  if (minor < 0 || bytes[at + 8] !== space) return refusal('malformed status line');
  at += 9;
  const status = digit(bytes[at]!) * 100 + digit(bytes[at + 1]!) * 10 + digit(bytes[at + 2]!);
  if (!(status >= 100 && status <= 999)) return refusal('malformed status code');
  at += 3;
  if (bytes[at] !== space && bytes[at] !== cr) return refusal('malformed status line');
  while (at < end && valueByte[bytes[at]!] === 1) at++;
  if (at + 1 >= end) return tooLong(at - start, limits);
  if (bytes[at] !== cr || bytes[at + 1] !== lf) return refusal('the status line does not end in CR LF');
  const headEnd = parseFields(bytes, start, at + 2, end, limits);
  if (typeof headEnd !== 'number') return headEnd;
  return takeHead(bytes, start, headEnd, { method: '', target: '', status, minor });
}

/** @param end where the blank line begins */
function takeHead(bytes: Buffer, start: number, end: number, first: FirstLine): HeadResult {
  const copy = Buffer.allocUnsafe(end - start);
  bytes.copy(copy, 0, start, end);
  const table = tables.subarray(tablesUsed, tablesUsed + foundNumbers);
  tablesUsed += foundNumbers;
  return { ok: true, head: new Head(copy, table, end - start, first, foundFields), next: end + 2 };
}

/** @returns where the blank line begins; the table is at the end of what is used of `tables` */
function parseFields(bytes: Buffer, start: number, from: number, end: number, limits: HeadLimits): number | HeadRefusal | undefined {
  let at = from;
  let present = 0;
  const room = limits.maxFields * rowSize;
  if (tables.length - tablesUsed < room) {
    tables = new Int32Array(Math.max(pooledNumbers, room));
    tablesUsed = 0;
  }
  const table = tables;
  const maxRow = tablesUsed + room;
  let row = tablesUsed;
  for (;;) {
    if (at >= end) return tooLong(end - start, limits);
    const lineStart = at;
    const c = bytes[at]!;
    if (c === cr) {
      if (at + 1 >= end) return tooLong(end - start, limits);
      if (bytes[at + 1] !== lf) return refusal('CR without LF');
      if (at + 2 - start > limits.maxBytes) return refusal('the head is too large', 431);
      foundNumbers = row - tablesUsed;
      foundFields = present;
      return at;
    }
    if (token[c] !== 1) return refusal(c === space || c === tab ? 'folded header line' : 'malformed header name');
    if (row >= maxRow) return refusal('too many headers', 431);
    do at++;
    while (at < end && token[bytes[at]!] === 1);
    if (at >= end) return tooLong(end - start, limits);
    if (bytes[at] !== colon) return refusal('malformed header name');
    const nameEnd = at++;
    while (at < end && (bytes[at] === space || bytes[at] === tab)) at++;
    const valueStart = at;
    while (at < end && valueByte[bytes[at]!] === 1) at++;
    if (at + 1 >= end) return at < end && bytes[at] !== cr ? refusal('malformed header value') : tooLong(end - start, limits);
    if (bytes[at] !== cr || bytes[at + 1] !== lf) return refusal('malformed header value');
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === space || bytes[valueEnd - 1] === tab)) valueEnd--;
    const field = fieldAt(bytes, lineStart, nameEnd);
    present |= 1 << field;
    table[row] = lineStart - start;
    table[row + 1] = nameEnd - start;
    table[row + 2] = valueStart - start;
    table[row + 3] = valueEnd - start;
    table[row + 4] = field;
    row += rowSize;
    at += 2;
  }
}

function tooLong(length: number, limits: HeadLimits): HeadRefusal | undefined {
  return length > limits.maxBytes ? refusal('the head is too large', 431) : undefined;
}

const digit = (c: number) => (c >= 48 && c <= 57 ? c - 48 : Number.NaN);

/** @returns the minor version, -1 malformed, -2 another major version */
function versionAt(bytes: Buffer, at: number): number {
  // "HTTP/"
  if (bytes[at] !== 72 || bytes[at + 1] !== 84 || bytes[at + 2] !== 84 || bytes[at + 3] !== 80 || bytes[at + 4] !== 47) return -1;
  if (Number.isNaN(digit(bytes[at + 5]!)) || bytes[at + 6] !== 46 || Number.isNaN(digit(bytes[at + 7]!))) return -1;
  if (bytes[at + 5] !== 49) return -2;
  // 1.2 and above have no meaning; who reads them as 1.1 reads more than was written.
  return bytes[at + 7] === 48 ? 0 : bytes[at + 7] === 49 ? 1 : -2;
}

function methodName(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length === 3 && bytes[start] === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84) return 'GET';
  if (length === 4 && bytes[start] === 80 && bytes[start + 1] === 79 && bytes[start + 2] === 83 && bytes[start + 3] === 84) return 'POST';
  return bytes.toString('latin1', start, end);
}
