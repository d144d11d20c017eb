/** Frames of SPDY/3.1 that Kubernetes' streaming uses. */
export type Frame =
  | { readonly type: 'data'; readonly streamId: number; readonly fin: boolean; readonly payload: Buffer }
  | { readonly type: 'syn-stream'; readonly streamId: number; readonly fin: boolean; readonly headerBlock: Buffer }
  | { readonly type: 'reset'; readonly streamId: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'go-away' }
  | { readonly type: 'other' };

const Control = { synStream: 1, synReply: 2, reset: 3, ping: 6, goAway: 7 } as const;
const FIN = 0x01;
const VERSION = 0x8003;
/** Frames may be 16 MiB by their length field; nobody here sends a tenth of this. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** Cuts a byte stream into frames. One a connection. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws Error for a frame that is too long or malformed; the connection must end then */
  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (this.#rest.length >= 8) {
      const length = this.#rest.readUIntBE(5, 3);
      if (length > MAX_FRAME_BYTES) throw new Error(`Cannot read SPDY frame: ${length} bytes, at most ${MAX_FRAME_BYTES}`);
      if (this.#rest.length < 8 + length) break;
      frames.push(parseFrame(this.#rest.subarray(0, 8 + length)));
      this.#rest = this.#rest.subarray(8 + length);
    }
    return frames;
  }
}

function parseFrame(frame: Buffer): Frame {
  const first = frame.readUInt16BE(0);
  const fin = (frame[4]! & FIN) !== 0;
  const payload = frame.subarray(8);
  if ((first & 0x8000) === 0) return { type: 'data', streamId: frame.readUInt32BE(0), fin, payload };
  const minimum = (bytes: number) => {
    if (payload.length < bytes) throw new Error(`Cannot read SPDY control frame: ${payload.length} bytes, at least ${bytes}`);
  };
  switch (frame.readUInt16BE(2)) {
    case Control.synStream:
      minimum(10);
      return { type: 'syn-stream', streamId: payload.readUInt32BE(0) & 0x7fffffff, fin, headerBlock: payload.subarray(10) };
    case Control.reset:
      minimum(8);
      return { type: 'reset', streamId: payload.readUInt32BE(0) & 0x7fffffff };
    case Control.ping:
      minimum(4);
      return { type: 'ping', id: payload.readUInt32BE(0) };
    case Control.goAway:
      return { type: 'go-away' };
    default:
      // SETTINGS and WINDOW_UPDATE: the peers of this protocol neither keep windows nor change settings.
      return { type: 'other' };
  }
}

export function dataFrame(streamId: number, payload: Buffer, fin: boolean): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(streamId);
  head[4] = fin ? FIN : 0;
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

function controlFrame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(VERSION);
  head.writeUInt16BE(type, 2);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

export function synReplyFrame(streamId: number, headerBlock: Buffer): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(streamId);
  return controlFrame(Control.synReply, Buffer.concat([id, headerBlock]));
}

export function pingFrame(id: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(id);
  return controlFrame(Control.ping, payload);
}
