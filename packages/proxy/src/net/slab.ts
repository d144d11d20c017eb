/**
 * Space for bytes on their way out. Most of them the kernel, or TLS, has taken when the write returns: their space is used again for the
 * next message. What a socket keeps waiting keeps its space, which is garbage with the last message cut from its slab.
 */
import type { Socket } from 'node:net';

const slabBytes = 256 * 1024;
const largest = 128 * 1024;
let slab = Buffer.allocUnsafeSlow(slabBytes);
let used = 0;
/** Where the last piece that was cut begins. */
let last = 0;

export function allocate(size: number): Buffer {
  if (size > largest) return Buffer.allocUnsafeSlow(size);
  if (used + size > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    used = 0;
  }
  last = used;
  used += size;
  return slab.subarray(last, used);
}

export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const out = allocate(end - start);
  bytes.copy(out, 0, start, end);
  return out;
}

/** A TLS socket that has nothing waiting has encrypted what it is given when `write` returns. */
export function encryptsAtOnce(socket: Socket, isTls: boolean): boolean {
  return isTls && socket.writableLength === 0 && socket.writableCorked === 0;
}

/**
 * Writes a message. Nobody may hold the bytes besides, if they were cut here: they are overwritten as soon as the socket has taken them.
 *
 * @param socket that is connected
 * @returns false when the reader is too slow
 */
export function send(socket: Socket, bytes: Buffer, isTls: boolean): boolean {
  const isEncrypted = encryptsAtOnce(socket, isTls);
  const goesOn = socket.write(bytes);
  // Of a plain socket that keeps nothing the kernel has taken all.
  const isTaken = isEncrypted || socket.writableLength === 0;
  if (isTaken && bytes.buffer === slab.buffer && bytes.byteOffset === last) used = last;
  return goesOn;
}
