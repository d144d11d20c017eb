import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { SPDY_DICTIONARY } from './dictionary.ts';

/** Uncompressed headers of one frame are refused beyond this. */
const MAX_HEADER_BYTES = 64 * 1024;

/** Header blocks of one direction of a connection: they share one zlib stream, so they are taken strictly in order. */
export class HeaderInflater {
  readonly #inflate: Inflate = createInflate({ dictionary: SPDY_DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });

  /** @throws Error for a block that does not inflate or is no header block */
  async read(block: Buffer): Promise<Map<string, string>> {
    return parseHeaders(await run(this.#inflate, block));
  }

  close(): void {
    this.#inflate.close();
  }
}

export class HeaderDeflater {
  readonly #deflate: Deflate = createDeflate({ dictionary: SPDY_DICTIONARY, flush: constants.Z_SYNC_FLUSH });

  async write(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    return run(this.#deflate, formatHeaders(headers));
  }

  close(): void {
    this.#deflate.close();
  }
}

/** One piece through a zlib stream that lives on. */
function run(stream: Inflate | Deflate, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > MAX_HEADER_BYTES) finish(new Error(`Cannot read SPDY headers: more than ${MAX_HEADER_BYTES} bytes`));
    };
    const finish = (error?: Error | null) => {
      stream.off('data', onData);
      stream.off('error', finish);
      if (error) reject(error);
      else resolve(Buffer.concat(chunks));
    };
    stream.on('data', onData);
    stream.on('error', finish);
    // The flush callback comes after everything the input gave was emitted.
    stream.write(input, () => stream.flush(constants.Z_SYNC_FLUSH, () => finish()));
  });
}

/** Name/value block (§2.6.10): counts and lengths are 32 bits, names lower case. */
export function parseHeaders(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let at = 0;
  const number = () => {
    if (at + 4 > block.length) throw new Error(`Cannot read SPDY headers: cut off at byte ${at}`);
    const value = block.readUInt32BE(at);
    at += 4;
    return value;
  };
  const text = () => {
    const length = number();
    if (at + length > block.length) throw new Error(`Cannot read SPDY headers: ${length} bytes announced, ${block.length - at} left`);
    at += length;
    return block.toString('latin1', at - length, at);
  };
  const count = number();
  for (let i = 0; i < count; i++) {
    const name = text();
    headers.set(name, text());
  }
  return headers;
}

export function formatHeaders(headers: ReadonlyMap<string, string>): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const parts = [number(headers.size)];
  for (const [name, value] of headers)
    parts.push(number(name.length), Buffer.from(name, 'latin1'), number(value.length), Buffer.from(value, 'latin1'));
  return Buffer.concat(parts);
}
