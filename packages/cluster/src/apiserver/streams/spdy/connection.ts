import { Duplex } from 'node:stream';
import { dataFrame, type Frame, FrameReader, pingFrame, synReplyFrame } from './frames.ts';
import { HeaderDeflater, HeaderInflater } from './headers.ts';

/** One stream of a connection, both directions. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #send: (payload: Buffer, fin: boolean) => Promise<void>;
  #resume: (() => void) | undefined;

  constructor(id: number, headers: ReadonlyMap<string, string>, send: (payload: Buffer, fin: boolean) => Promise<void>) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#send = send;
  }

  /** Hands received data on; resolves when the reader wants more. */
  receive(payload: Buffer): Promise<void> | undefined {
    if (this.push(payload)) return undefined;
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  override _read(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#send(chunk, false).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#send(Buffer.alloc(0), true).then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#resume?.();
    callback(error);
  }
}

/** A client opens no more streams than this at a time on one connection. */
const MAX_STREAMS = 1000;

/**
 * The server's side of SPDY/3.1 over any byte stream. There is no flow control by windows (the clients have none): a stream
 * that is not read holds up its whole connection.
 */
export function serveSpdy(wire: Duplex, onStream: (stream: SpdyStream) => void): void {
  const reader = new FrameReader();
  const inflater = new HeaderInflater();
  const deflater = new HeaderDeflater();
  const streams = new Map<number, SpdyStream>();

  const write = (bytes: Buffer) =>
    new Promise<void>((resolve, reject) => {
      if (wire.destroyed) return reject(new Error('the connection is closed'));
      wire.write(bytes, (error) => (error ? reject(error) : resolve()));
    });

  async function handle(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'syn-stream': {
        const headers = await inflater.read(frame.headerBlock);
        if (streams.size >= MAX_STREAMS) throw new Error(`Cannot open SPDY stream: ${MAX_STREAMS} are open`);
        const stream = new SpdyStream(frame.streamId, headers, (payload, fin) => write(dataFrame(frame.streamId, payload, fin)));
        stream.on('error', () => {});
        stream.on('close', () => streams.delete(frame.streamId));
        streams.set(frame.streamId, stream);
        await write(synReplyFrame(frame.streamId, await deflater.write(new Map())));
        onStream(stream);
        if (frame.fin) stream.push(null);
        return;
      }
      case 'data': {
        const stream = streams.get(frame.streamId);
        if (stream === undefined) return;
        if (frame.payload.length > 0) await stream.receive(frame.payload);
        if (frame.fin) stream.push(null);
        return;
      }
      case 'reset':
        streams.get(frame.streamId)?.destroy();
        return;
      case 'ping':
        return write(pingFrame(frame.id));
      case 'go-away':
      case 'other':
        return;
    }
  }

  async function run(): Promise<void> {
    try {
      for await (const chunk of wire as AsyncIterable<Buffer>) for (const frame of reader.push(chunk)) await handle(frame);
    } catch {
      // A broken peer: the connection ends below.
    } finally {
      for (const stream of streams.values()) stream.destroy();
      inflater.close();
      deflater.close();
      wire.destroy();
    }
  }
  void run();
}
