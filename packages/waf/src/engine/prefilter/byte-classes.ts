import type { ByteSet } from '../regex/byte-set.ts';
import { has } from '../regex/byte-set.ts';

/**
 * Thirty classes of bytes, one bit each: what a value holds at all is one number. Letters of both cases set the
 * lower-case bit, so that a value need not be lower-cased to be judged for rules that do.
 */
const LOWER = 1;
const UPPER = 2;
const DIGIT = 4;
const singles = ' _-.,:@/=;()&?+*%\'"`<>\\|$[]{}#!^~\t';

/** Bit of every byte. */
export const classBits = new Int32Array(256);

function assign(): number {
  // Control bytes and high bytes have one class each; the rarest punctuation shares one.
  let next = 3;
  const control = 1 << next++;
  const high = 1 << next++;
  for (let byte = 0; byte < 256; byte++) classBits[byte] = byte < 0x20 || byte === 0x7f ? control : byte >= 0x80 ? high : 0;
  for (let byte = 0x30; byte <= 0x39; byte++) classBits[byte] = DIGIT;
  for (let byte = 0x61; byte <= 0x7a; byte++) classBits[byte] = LOWER;
  for (let byte = 0x41; byte <= 0x5a; byte++) classBits[byte] = LOWER | UPPER;
  for (const c of singles) {
    classBits[c.charCodeAt(0)] = 1 << next;
    if (next < 30) next++;
  }
  return control;
}

/** Bit of NUL, tab, line ends and their like. Tab shares the last class. */
export const CONTROL = assign();

/** All classes that the bytes of a set belong to. */
export function maskOfSet(set: ByteSet): number {
  let mask = 0;
  for (let byte = 0; byte < 256; byte++) if (has(set, byte)) mask |= classBits[byte]!;
  return mask;
}

export function maskOfText(text: string): number {
  let mask = 0;
  for (let at = 0; at < text.length; at++) mask |= classBits[text.charCodeAt(at) & 0xff]!;
  return mask;
}

export const ALL_CLASSES = 0x7fff_ffff;
export const HIGH = classBits[0x80]!;
/** Letters, digits and the underscore. */
export const WORD = maskOfText('aA0_');

/** Alphabets of everyday values, narrow to wide. A rule that needs a byte outside one cannot match inside it. */
export const tiers: readonly number[] = [maskOfText('aA0 _-.,:@/'), maskOfText('aA0 _-.,:@/=;()&?+*%'), ALL_CLASSES];

/** The narrowest alphabet that holds a mask. */
export function tierOf(mask: number): number {
  if ((mask & ~tiers[0]!) === 0) return 0;
  return (mask & ~tiers[1]!) === 0 ? 1 : 2;
}
