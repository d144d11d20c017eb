import { createHash } from 'node:crypto';
import { hexPair } from './hex.ts';

export function hexEncode(value: string): string {
  return Buffer.from(value, 'latin1').toString('hex');
}

/** Pairs of digits become bytes; a pair that is no number is read as ModSecurity's digit arithmetic does; a last odd digit is dropped. */
export function hexDecode(value: string): string {
  let out = '';
  for (let at = 0; at + 1 < value.length; at += 2) out += String.fromCharCode(looseHexPair(value, at));
  return out;
}

/** ModSecurity's x2c subtracts without looking: `0z` is 0x43 less '0'… The same low byte comes out here. */
function looseHexPair(value: string, at: number): number {
  const strict = hexPair(value, at);
  if (strict >= 0) return strict;
  const digit = (code: number) => (code >= 0x41 ? (code & 0xdf) - 0x41 + 10 : code - 0x30);
  return (digit(value.charCodeAt(at)) * 16 + digit(value.charCodeAt(at + 1))) & 0xff;
}

/** `0x4142` inside text becomes `AB`. */
export function sqlHexDecode(value: string): string {
  return value.replace(/0[xX]((?:[0-9A-Fa-f]{2})+)/g, (_, digits: string) => Buffer.from(digits, 'hex').toString('latin1'));
}

export function md5(value: string): string {
  return createHash('md5').update(value, 'latin1').digest().toString('latin1');
}

export function sha1(value: string): string {
  return createHash('sha1').update(value, 'latin1').digest().toString('latin1');
}

export function length(value: string): string {
  return String(value.length);
}

function parity(byte: number): number {
  let ones = 0;
  for (let bits = byte & 0x7f; bits > 0; bits >>= 1) ones ^= bits & 1;
  return ones;
}

const mapBytes = (value: string, map: (byte: number) => number): string =>
  value.replace(/[\0-\xff]/g, (c) => String.fromCharCode(map(c.charCodeAt(0))));

export function parityEven7bit(value: string): string {
  return mapBytes(value, (byte) => (byte & 0x7f) | (parity(byte) << 7));
}

export function parityOdd7bit(value: string): string {
  return mapBytes(value, (byte) => (byte & 0x7f) | ((parity(byte) ^ 1) << 7));
}

export function parityZero7bit(value: string): string {
  return mapBytes(value, (byte) => byte & 0x7f);
}

/** Name of a request argument as PHP registers it: dots and spaces become `_`, text after the last `]` goes. */
export function phpArgsNames(value: string): string {
  const name = value.replace(/^ +/, '');
  if (name.startsWith('[')) return '';
  const open = name.indexOf('[');
  const plain = (text: string) => text.replace(/[ .[]/g, '_');
  if (open < 0) return plain(name);
  const close = name.indexOf(']', open);
  // Without a closing bracket the opening one is a character like any other, and what follows it stays.
  if (close < 0) return plain(name.slice(0, open + 1)) + name.slice(open + 1);
  let out = plain(name.slice(0, open));
  let at = open;
  while (name[at] === '[') {
    const end = name.indexOf(']', at);
    if (end < 0) break;
    const key = name.slice(at + 1, end);
    out += `[${/^ +$/.test(key) ? '' : key}]`;
    at = end + 1;
  }
  return out;
}
