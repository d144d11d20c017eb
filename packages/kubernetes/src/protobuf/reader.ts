/** Protobuf wire format (protobuf.dev/programming-guides/encoding), read-only. Every read is checked against the end. */

export class WireError extends Error {}

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

const knownWireTypes = new Set<number>(Object.values(WireType));

/** Both halves of a field tag. */
export interface Tag {
  readonly number: number;
  readonly wire: WireType;
}

export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  tag(): Tag {
    const value = Number(this.varint());
    const [number, wire] = [value >>> 3, value & 7];
    if (number === 0 || value > 0xffff_ffff) throw new WireError(`field number ${number} is out of range`);
    if (!knownWireTypes.has(wire)) throw new WireError(`wire type ${wire} of field ${number} is unknown`);
    return { number, wire: wire as WireType };
  }

  /** Unsigned, at most ten bytes. */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new WireError('unexpected end of data inside a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new WireError('a number is longer than ten bytes');
  }

  /** int32, int64: negative numbers are ten bytes of two's complement. */
  signed(): number {
    return Number(BigInt.asIntN(64, this.varint()));
  }

  double(): number {
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  bytes(): Uint8Array {
    const length = this.varint();
    if (length > BigInt(this.#bytes.length - this.#at)) throw new WireError(`a field of ${length} bytes reaches past the end of data`);
    return this.#take(Number(length));
  }

  skip(wire: WireType): void {
    if (wire === WireType.varint) this.varint();
    else if (wire === WireType.bytes) this.bytes();
    else this.#take(wire === WireType.fixed64 ? 8 : 4);
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new WireError('unexpected end of data');
    const out = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return out;
  }
}

/** Calls back for every field; the callback reads the value, or returns false to have it skipped. */
export function readFields(bytes: Uint8Array, visit: (tag: Tag, reader: WireReader) => boolean): void {
  const reader = new WireReader(bytes);
  while (!reader.done) {
    const tag = reader.tag();
    if (!visit(tag, reader)) reader.skip(tag.wire);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function readText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WireError('a string is not valid UTF-8');
  }
}
