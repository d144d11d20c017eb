/**
 * Space for bytes on their way out. Node pools only small buffers; a fresh allocation for every 16 KiB costs more than filling it. A slab
 * is never written twice: it is garbage when the last message cut from it is.
 */
const slabBytes = 512 * 1024;
const largest = 128 * 1024;
let slab = Buffer.allocUnsafeSlow(slabBytes);
let used = 0;

export function allocate(size: number): Buffer {
  if (size < 2048 || size > largest) return Buffer.allocUnsafe(size);
  if (used + size > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    used = 0;
  }
  const out = slab.subarray(used, used + size);
  used += size;
  return out;
}

export function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const out = allocate(end - start);
  bytes.copy(out, 0, start, end);
  return out;
}
