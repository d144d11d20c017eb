import { outputOf } from './output.ts';

const digitValues = new Int8Array(256).fill(-1);
for (const [index, c] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  digitValues[c.charCodeAt(0)] = index;

/** Strict decoding: stops at the first byte that is not in the alphabet; what came before is kept. */
export function base64Decode(value: string): string {
  return decode(value, false);
}

/** Forgiving decoding: bytes that are not in the alphabet are left out. */
export function base64DecodeExt(value: string): string {
  return decode(value, true);
}

function decode(value: string, isForgiving: boolean): string {
  const out = outputOf(value.length);
  let written = 0;
  let bits = 0;
  let count = 0;
  for (let at = 0; at < value.length; at++) {
    const digit = digitValues[value.charCodeAt(at) & 0xff]!;
    if (digit < 0) {
      if (isForgiving && value[at] !== '=') continue;
      break;
    }
    bits = ((bits << 6) | digit) & 0xffffff;
    count++;
    if (count === 4) {
      out[written++] = bits >> 16;
      out[written++] = bits >> 8;
      out[written++] = bits;
      bits = 0;
      count = 0;
    }
  }
  if (count === 2) out[written++] = bits >> 4;
  else if (count === 3) {
    out[written++] = bits >> 10;
    out[written++] = bits >> 2;
  }
  return out.toString('latin1', 0, written);
}

export function base64Encode(value: string): string {
  return Buffer.from(value, 'latin1').toString('base64');
}
