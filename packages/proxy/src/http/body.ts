/** Reads one body from the bytes of a connection and renders it for the other side. */
import type { Framing } from './framing.ts';

const ChunkState = { size: 0, extension: 1, sizeLf: 2, data: 3, dataCr: 4, dataLf: 5, trailer: 6, trailerLf: 7, endLf: 8 } as const;

const crlf = Buffer.from('\r\n');
const lastChunk = Buffer.from('0\r\n');
const maxTrailerBytes = 16 * 1024;
const maxExtensionBytes = 4096;
const empty = Buffer.alloc(0);

const trailerByte = new Uint8Array(256).fill(1, 0x20);
trailerByte[0x7f] = 0;
trailerByte[9] = 1;

export class BodyReader {
  isDone: boolean;
  error: string | undefined;
  /** Bytes of content so far. */
  contentBytes = 0;
  #remaining: number;
  #state: number = ChunkState.size;
  #sizeDigits = 0;
  #extensionBytes = 0;
  /** Whole lines, and the one that is being read. */
  #trailers = '';
  #trailer = '';
  readonly #framing: Framing;
  readonly #rendersChunks: boolean;

  /** @param rendersChunks the other side reads chunks; false: raw content. Chunk extensions are read and dropped. */
  constructor(framing: Framing, rendersChunks: boolean) {
    this.#framing = framing;
    this.#rendersChunks = rendersChunks;
    this.#remaining = framing.kind === 'length' ? framing.length : 0;
    this.isDone = framing.kind === 'none';
  }

  get isLengthFramed(): boolean {
    return this.#framing.kind === 'length';
  }

  /** How much content is still announced; 0 also where nobody knows. */
  get announced(): number {
    return this.isLengthFramed ? this.#remaining : 0;
  }

  /** How many of the available bytes are content that may be passed on as they are; for a length-framed body. */
  take(available: number): number {
    const taken = Math.min(available, this.#remaining);
    this.#remaining -= taken;
    this.contentBytes += taken;
    if (this.#remaining === 0) this.isDone = true;
    return taken;
  }

  /**
   * For a body that is not length-framed.
   *
   * @returns the rendered bytes (a copy) and where the body's bytes end; with `error` set nothing more may be read
   */
  read(bytes: Buffer, start: number, end: number): { readonly out: Buffer; readonly next: number } {
    switch (this.#framing.kind) {
      case 'until-close':
        this.contentBytes += end - start;
        return { out: Buffer.concat(this.#render([bytes.subarray(start, end)])), next: end };
      case 'chunked':
        return this.#readChunks(bytes, start, end);
      default:
        throw new Error(`A body of kind "${this.#framing.kind}" passes as it is`);
    }
  }

  /** The connection ended: only a body that runs until then is complete. @returns what is still to be written */
  finish(): Buffer | undefined {
    if (this.#framing.kind !== 'until-close') return undefined;
    this.isDone = true;
    return this.#rendersChunks ? Buffer.concat([lastChunk, crlf]) : empty;
  }

  /** One chunk for all that came in one read: where chunks end means nothing (RFC 9112 §7.1). */
  #render(pieces: Buffer[]): Buffer[] {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    return this.#rendersChunks && length > 0 ? [Buffer.from(`${length.toString(16)}\r\n`), ...pieces, crlf] : pieces;
  }

  #readChunks(bytes: Buffer, start: number, end: number): { out: Buffer; next: number } {
    const pieces: Buffer[] = [];
    let at = start;
    while (at < end && !this.isDone && this.error === undefined) {
      if (this.#state === ChunkState.data) {
        const taken = Math.min(end - at, this.#remaining);
        pieces.push(bytes.subarray(at, at + taken));
        this.contentBytes += taken;
        this.#remaining -= taken;
        at += taken;
        if (this.#remaining === 0) this.#state = ChunkState.dataCr;
      } else this.#step(bytes[at++]!);
    }
    const out = this.#render(pieces);
    if (this.isDone && this.#rendersChunks) out.push(lastChunk, Buffer.from(this.#trailers, 'latin1'), crlf);
    return { out: Buffer.concat(out), next: at };
  }

  #step(c: number): void {
    switch (this.#state) {
      case ChunkState.size: {
        const value = hex(c);
        if (value >= 0) {
          // Twelve hexadecimal digits stay below 2^53.
          if (++this.#sizeDigits > 12) this.error = 'chunk size too long';
          this.#remaining = this.#remaining * 16 + value;
        } else if (this.#sizeDigits === 0) this.error = 'malformed chunk size';
        else if (c === 13) this.#state = ChunkState.sizeLf;
        else if (c === 59) this.#state = ChunkState.extension;
        else this.error = 'malformed chunk size';
        return;
      }
      case ChunkState.extension:
        if (c === 13) this.#state = ChunkState.sizeLf;
        else if (trailerByte[c] !== 1 || ++this.#extensionBytes > maxExtensionBytes) this.error = 'malformed chunk extension';
        return;
      case ChunkState.sizeLf:
        if (c !== 10) this.error = 'CR without LF';
        this.#sizeDigits = 0;
        this.#state = this.#remaining === 0 ? ChunkState.trailer : ChunkState.data;
        return;
      case ChunkState.dataCr:
        if (c !== 13) this.error = 'a chunk is longer than its size';
        this.#state = ChunkState.dataLf;
        return;
      case ChunkState.dataLf:
        if (c !== 10) this.error = 'CR without LF';
        this.#state = ChunkState.size;
        return;
      case ChunkState.trailer:
        this.#trailerByte(c);
        return;
      case ChunkState.trailerLf:
        if (c !== 10) this.error = 'CR without LF';
        else if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:/.test(this.#trailer)) this.error = 'malformed trailer';
        else if (forbiddenTrailer.test(this.#trailer)) this.error = 'a trailer that may not be one';
        this.#trailers += `${this.#trailer}\r\n`;
        this.#trailer = '';
        this.#state = ChunkState.trailer;
        return;
      case ChunkState.endLf:
        if (c !== 10) this.error = 'CR without LF';
        else this.isDone = true;
        return;
    }
  }

  #trailerByte(c: number): void {
    if (c === 13) this.#state = this.#trailer === '' ? ChunkState.endLf : ChunkState.trailerLf;
    else if (trailerByte[c] !== 1 || this.#trailers.length + this.#trailer.length >= maxTrailerBytes) this.error = 'malformed trailer';
    else this.#trailer += String.fromCharCode(c);
  }
}

/** RFC 9110 §6.5.1: framing, routing and authentication never travel in trailers. */
const forbiddenTrailer =
  /^(?:transfer-encoding|content-length|host|connection|upgrade|te|trailer|authorization|content-encoding|content-type|set-cookie|x-forwarded-[\w-]+):/i;

function hex(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
