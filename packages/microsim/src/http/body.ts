/** Body framing of HTTP/1.x (RFC 9112 §6): a length, chunks, or everything until the connection closes. */
import type { Head } from './head.ts';

export interface BodyReader {
  /** Content bytes so far. */
  readonly bytes: number;
  readonly isComplete: boolean;
  /** @returns the content of these bytes; throws on broken framing */
  read(chunk: Buffer): Buffer;
}

/** @param whenUnframed what no length and no chunks mean: nothing (request) or the rest of the connection (response) */
export function createBodyReader(headers: Head['headers'], whenUnframed: 'empty' | 'until-close'): BodyReader {
  if (/(^|,)\s*chunked\s*$/i.test(headers.get('transfer-encoding') ?? '')) return chunkedReader();
  const length = headers.get('content-length');
  if (length === undefined) return countedReader(whenUnframed === 'empty' ? 0 : Number.POSITIVE_INFINITY);
  if (!/^\d{1,15}$/.test(length)) throw new Error(`Content-Length "${length}": expected a whole number`);
  return countedReader(Number(length));
}

function countedReader(length: number): BodyReader {
  const reader = {
    bytes: 0,
    isComplete: length === 0,
    read(chunk: Buffer) {
      const content = chunk.subarray(0, Math.min(chunk.length, length - reader.bytes));
      reader.bytes += content.length;
      reader.isComplete = reader.bytes === length;
      return content;
    },
  };
  return reader;
}

/** Longest chunk-size line with extensions, or trailer line. Bytes. */
const maxLine = 8192;

function chunkedReader(): BodyReader {
  let pending: Buffer = Buffer.alloc(0);
  let left = 0;
  let state: 'size' | 'data' | 'data-end' | 'trailer' = 'size';
  const reader = {
    bytes: 0,
    isComplete: false,
    read(chunk: Buffer) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const contents: Buffer[] = [];
      while (!reader.isComplete) {
        if (state === 'data') {
          if (pending.length === 0) break;
          const content = pending.subarray(0, left);
          contents.push(content);
          left -= content.length;
          reader.bytes += content.length;
          pending = pending.subarray(content.length);
          if (left === 0) state = 'data-end';
          continue;
        }
        const end = pending.indexOf('\r\n');
        if (end > maxLine || (end < 0 && pending.length > maxLine)) throw new Error('chunked body: line too long');
        if (end < 0) break;
        const line = pending.toString('latin1', 0, end);
        pending = pending.subarray(end + 2);
        step(line);
      }
      return Buffer.concat(contents);
    },
  };
  return reader;

  function step(line: string) {
    if (state === 'size') {
      const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line);
      if (size === null) throw new Error(`chunked body: "${line.slice(0, 20)}" is no chunk size`);
      left = Number.parseInt(size[1]!, 16);
      state = left === 0 ? 'trailer' : 'data';
    } else if (state === 'data-end') {
      if (line !== '') throw new Error('chunked body: chunk longer than its size');
      state = 'size';
    } else if (line === '') {
      reader.isComplete = true;
    }
  }
}
