/** gRPC's length-prefixed messages (gRPC over HTTP/2, "Length-Prefixed-Message"). */

const headBytes = 5;

export function encodeFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, headBytes);
  return frame;
}

export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/**
 * Cuts a byte stream into messages, wherever its chunks end. Chunks are kept until their message is whole; a message is its taker’s to keep.
 *
 * @param maxBytes of one message; a longer one and a compressed one throw FrameError, and the stream cannot be read on
 */
export function createFrameReader(maxBytes: number, onMessage: (message: Uint8Array) => void): (chunk: Uint8Array) => void {
  // Put together once there is enough: doing so with every chunk would copy a large message hundreds of times.
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let wanted = headBytes;
  return (chunk) => {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes < wanted) return;
    let held = Buffer.concat(parts, bytes);
    wanted = headBytes;
    while (held.length >= headBytes) {
      const length = held.readUInt32BE(1);
      if (held[0] !== 0) throw new FrameError('a message is compressed; none was agreed on');
      if (length > maxBytes) throw new FrameError(`a message has ${length} bytes, at most ${maxBytes} are taken`);
      if (held.length < headBytes + length) {
        wanted = headBytes + length;
        break;
      }
      const message = held.subarray(headBytes, headBytes + length);
      held = held.subarray(headBytes + length);
      onMessage(message);
    }
    parts = held.length === 0 ? [] : [held];
    bytes = held.length;
  };
}
