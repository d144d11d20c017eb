/** Protobuf fields straight into a buffer: a report a request must cost less than the request. Lengths are padded to three bytes. */
import { putText } from '../net/put-text.ts';

const lengthBytes = 3;

export class EntryWriter {
  bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Begins a message field. @returns what `close` needs */
  open(field: number): number {
    this.#tag(field, 2);
    this.at += lengthBytes;
    return this.at;
  }

  /** A varint may carry zeros above its value (at most 2 MiB fit here). */
  close(start: number): void {
    const length = this.at - start;
    const { bytes } = this;
    bytes[start - 3] = (length & 0x7f) | 0x80;
    bytes[start - 2] = ((length >> 7) & 0x7f) | 0x80;
    bytes[start - 1] = length >> 14;
  }

  /** @param limit characters; the rest is cut. Absent and empty texts take no bytes. */
  text(field: number, value: string | undefined, limit = 256): void {
    if (value === undefined || value === '') return;
    const text = value.length > limit ? value.slice(0, limit) : value;
    const start = this.open(field);
    this.at = putText(this.bytes, this.at, text);
    this.close(start);
  }

  /** 0 is left out, as proto3 has it. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#tag(field, 0);
    this.#varint(value);
  }

  raw(part: Uint8Array): void {
    this.bytes.set(part, this.at);
    this.at += part.length;
  }

  /** `google.protobuf.Duration` and `Timestamp` alike. */
  time(field: number, ms: number): void {
    const start = this.open(field);
    const seconds = Math.floor(ms / 1000);
    this.number(1, seconds);
    this.number(2, Math.round((ms - seconds * 1000) * 1000) * 1000);
    this.close(start);
  }

  #tag(field: number, type: number): void {
    const tag = (field << 3) | type;
    if (tag > 0x7f) {
      this.bytes[this.at++] = (tag & 0x7f) | 0x80;
      this.bytes[this.at++] = tag >> 7;
    } else this.bytes[this.at++] = tag;
  }

  #varint(given: number): void {
    let value = given;
    while (value > 0x7f) {
      this.bytes[this.at++] = (value % 0x80) | 0x80;
      value = Math.floor(value / 0x80);
    }
    this.bytes[this.at++] = value;
  }
}

/** What `write` writes, as bytes to be kept and repeated. @param space at most so many bytes */
export function written(space: number, write: (out: EntryWriter) => void): Buffer {
  const out = new EntryWriter(Buffer.allocUnsafeSlow(space));
  write(out);
  return Buffer.from(out.bytes.subarray(0, out.at));
}
