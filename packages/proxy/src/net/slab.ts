/**
 * Space for bytes on their way out. Most of them the kernel, or TLS, has taken when the write returns: their space is used again for the
 * next message. What a socket keeps waiting keeps its space, which is garbage with the last message cut from its slab.
 */
import { copyBytes, slowStep } from './copy-bytes.ts';

const slabBytes = 256 * 1024;
const largest = 128 * 1024;
let slab = Buffer.allocUnsafeSlow(slabBytes);
let used = 0;
/** Where the last piece that was cut begins. */
let last = 0;

/** @param like the space begins where a copy from this offset, in whatever buffer, goes fast */
export function allocate(size: number, like = 0): Buffer {
  if (size > largest) return Buffer.allocUnsafeSlow(size);
  let start = used + ((like - used) & (slowStep - 1));
  if (start + size > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    start = like & (slowStep - 1);
  }
  last = start;
  used = start + size;
  return slab.subarray(start, used);
}

/** Nobody needs these bytes any longer: what was cut last is cut again. */
export function giveBack(bytes: Buffer): void {
  if (bytes.buffer === slab.buffer && bytes.byteOffset === last) used = last;
}

export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const out = allocate(end - start, bytes.byteOffset + start);
  copyBytes(bytes, start, end, out, 0);
  return out;
}
