/** MaxMind DB file format 2.0 (maxmind.github.io/MaxMind-DB): a binary tree over address bits, then typed data. */

const MARK = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** Data may nest no deeper: the file may come from anywhere. */
const MAX_DEPTH = 64;

/** Whether the bytes say that they are in this format. */
export function isMmdb(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf(MARK) >= 0;
}

/** @returns finds an address' record; 4 or 16 bytes. @throws Error when the bytes are no such database */
export function readMmdb(bytes: Uint8Array): (address: Uint8Array | readonly number[]) => unknown {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = data.lastIndexOf(MARK);
  if (mark < 0) throw new Error('found no metadata');
  const metadata = new Decoder(data, mark + MARK.length).read(mark + MARK.length) as Record<string, unknown>;
  const nodeCount = Number(metadata['node_count']);
  const recordBits = Number(metadata['record_size']);
  if (![24, 28, 32].includes(recordBits)) throw new Error(`found records of ${recordBits} bits, wanted 24, 28 or 32`);
  const nodeBytes = recordBits / 4;
  const treeBytes = nodeCount * nodeBytes;
  if (!(treeBytes + 16 <= mark)) throw new Error(`found ${mark} bytes, wanted a tree of ${nodeCount} nodes`);
  const isV6 = metadata['ip_version'] === 6;
  const decoder = new Decoder(data, treeBytes + 16);

  const child = (node: number, bit: number): number => {
    const at = node * nodeBytes;
    if (recordBits === 24) return data.readUIntBE(at + bit * 3, 3);
    if (recordBits === 32) return data.readUInt32BE(at + bit * 4);
    const middle = data[at + 3]!;
    return bit === 0 ? ((middle >> 4) << 24) | data.readUIntBE(at, 3) : ((middle & 15) << 24) | data.readUIntBE(at + 4, 3);
  };

  return (address) => {
    if (!isV6 && address.length === 16) return undefined;
    // IPv4 addresses are ::a.b.c.d in a tree for IPv6.
    const padded = isV6 && address.length === 4 ? [...new Array<number>(12).fill(0), ...address] : [...address];
    let node = 0;
    for (let bit = 0; bit < padded.length * 8 && node < nodeCount; bit++) node = child(node, (padded[bit >> 3]! >> (7 - (bit & 7))) & 1);
    return node > nodeCount ? decoder.read(treeBytes + node - nodeCount) : undefined;
  };
}

class Decoder {
  readonly #data: Buffer;
  /** Where offsets of pointers count from. */
  readonly #base: number;
  #at = 0;

  constructor(data: Buffer, base: number) {
    this.#data = data;
    this.#base = base;
  }

  read(at: number): unknown {
    this.#at = at;
    return this.#value(0);
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new Error(`data nests deeper than ${MAX_DEPTH}`);
    const control = this.#uint(1);
    let type = control >> 5;
    if (type === 1) return this.#pointer(control, depth);
    if (type === 0) type = 7 + this.#uint(1);
    const size = this.#size(control & 31);
    switch (type) {
      case 2:
        // UTF-8, kept as bytes like all text that rules see.
        return this.#take(size).toString('latin1');
      case 3:
        return this.#take(8).readDoubleBE();
      case 4:
        return this.#take(size);
      case 5:
      case 6:
        return this.#uint(size);
      case 7: {
        const map: Record<string, unknown> = Object.create(null);
        for (let i = 0; i < size; i++) {
          const key = String(this.#value(depth + 1));
          map[key] = this.#value(depth + 1);
        }
        return map;
      }
      case 8:
        return this.#uint(size) | 0;
      case 9:
      case 10:
        return this.#take(size).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
      case 11:
        return Array.from({ length: size }, () => this.#value(depth + 1));
      case 14:
        return size === 1;
      case 15:
        return this.#take(4).readFloatBE();
      default:
        throw new Error(`found data of type ${type}, wanted 1 to 11, 14 or 15`);
    }
  }

  #pointer(control: number, depth: number): unknown {
    const length = ((control >> 3) & 3) + 1;
    const low = this.#uint(length);
    const high = length === 4 ? 0 : (control & 7) * 256 ** length;
    const offset = high + low + [0, 2048, 526_336, 0][length - 1]!;
    const back = this.#at;
    this.#at = this.#base + offset;
    const value = this.#value(depth + 1);
    this.#at = back;
    return value;
  }

  #size(short: number): number {
    if (short < 29) return short;
    return this.#uint(short - 28) + [29, 285, 65_821][short - 29]!;
  }

  #uint(length: number): number {
    return length === 0 ? 0 : this.#take(length).readUIntBE(0, length);
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#data.length) throw new Error('data ends in the middle of a value');
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }
}
