import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** Inclusive. */
export interface AddressRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

const BITS = { 4: 32n, 6: 128n } as const;

function fromBytes(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** Strict textual forms only: no octal, hex or short IPv4, no zone. `undefined` when it is not an address. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: fromBytes(text.split('.').map(Number)) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const parsed = ipaddr.IPv6.parse(text);
  // An IPv4 address in IPv6 clothes is the IPv4 packet it came from.
  return parsed.isIPv4MappedAddress()
    ? { family: 4, value: fromBytes(parsed.toIPv4Address().octets) }
    : { family: 6, value: fromBytes(parsed.toByteArray()) };
}

export function formatAddress(address: Address): string {
  const bytes: number[] = [];
  for (let shift = BITS[address.family] - 8n; shift >= 0n; shift -= 8n) bytes.push(Number((address.value >> shift) & 0xffn));
  return address.family === 4 ? bytes.join('.') : new ipaddr.IPv6(bytes).toRFC5952String();
}

/** One spelling for each address, usable as a map key; `undefined` when it is not an address. */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}

export interface Cidr extends AddressRange {
  readonly prefix: number;
}

/** Parses `10.0.0.0/8`. Host bits may be set, as Kubernetes allows; they are ignored. Returns what is wrong as text. */
export function parseCidr(text: string): Cidr | string {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (!match) return 'found no "address/prefix"';
  const address = parseAddress(match[1]!);
  if (!address || (address.family === 4 && match[1]!.includes(':'))) return `"${match[1]}" is not an IPv4 or IPv6 address`;
  const prefix = Number(match[2]);
  const bits = BITS[address.family];
  if (prefix > Number(bits) || String(prefix) !== match[2]) return `prefix ${match[2]}, expected 0 to ${bits}`;
  const hostMask = (1n << (bits - BigInt(prefix))) - 1n;
  const first = address.value & ~hostMask;
  return { family: address.family, first, last: first | hostMask, prefix };
}

export function fullRange(family: Family): AddressRange {
  return { family, first: 0n, last: (1n << BITS[family]) - 1n };
}

export function compareRanges(a: AddressRange, b: AddressRange): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}

/** Sorted, disjoint, with adjacent ranges joined: the only form the rest of the package uses. */
export function mergeRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: AddressRange[] = [];
  for (const range of [...ranges].sort(compareRanges)) {
    const previous = merged.at(-1);
    if (previous && previous.family === range.family && range.first <= previous.last + 1n) {
      if (range.last > previous.last) merged[merged.length - 1] = { ...previous, last: range.last };
    } else merged.push({ family: range.family, first: range.first, last: range.last });
  }
  return merged;
}

/** `from` without every address of `holes`. */
export function subtractRanges(from: readonly AddressRange[], holes: readonly AddressRange[]): AddressRange[] {
  let rest = mergeRanges(from);
  for (const hole of mergeRanges(holes)) {
    rest = rest.flatMap((range) => {
      if (range.family !== hole.family || hole.last < range.first || hole.first > range.last) return [range];
      const pieces: AddressRange[] = [];
      if (range.first < hole.first) pieces.push({ ...range, last: hole.first - 1n });
      if (hole.last < range.last) pieces.push({ ...range, first: hole.last + 1n });
      return pieces;
    });
  }
  return rest;
}

/** @param ranges as returned by `mergeRanges` */
export function rangesContain(ranges: readonly AddressRange[], address: Address): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (range.family < address.family || (range.family === address.family && range.last < address.value)) low = middle + 1;
    else if (range.family > address.family || range.first > address.value) high = middle - 1;
    else return true;
  }
  return false;
}

/** `10.0.0.0-10.255.255.255`, or the one address. */
export function formatRange(range: AddressRange): string {
  const first = formatAddress({ family: range.family, value: range.first });
  return range.first === range.last ? first : `${first}-${formatAddress({ family: range.family, value: range.last })}`;
}
