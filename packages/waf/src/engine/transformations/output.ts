/** Larger results get a buffer of their own, so that one long body does not stay for ever. */
const MAX_SHARED = 65_536;
const shared = Buffer.allocUnsafeSlow(MAX_SHARED);

/**
 * Room for a result that is written byte by byte and read once, with `toString('latin1', 0, length)`: half the time of putting
 * strings together. Shared by all transformations: each reads its result before another begins.
 */
export function outputOf(length: number): Buffer {
  return length <= MAX_SHARED ? shared : Buffer.allocUnsafe(length);
}
