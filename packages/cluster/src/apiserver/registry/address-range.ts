import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Random } from './uid.ts';

/** A CIDR that addresses are taken from. Addresses are compared in canonical text. */
export interface AddressRange {
  readonly family: 'IPv4' | 'IPv6';
  readonly text: string;
  /** Of no host: what stands for an address that is not taken. */
  readonly base: string;
  /** The first host address. */
  readonly first: string;
  contains(address: string): boolean;
  /** A free address, undefined when all are taken. Never the network or the (IPv4) broadcast address. */
  pick(taken: ReadonlySet<string>, random: Random): string | undefined;
}

/** Addresses of at most this many hosts are considered in wide ranges: more Services than that do not fit one machine. */
const MAX_HOSTS = 65_536;

/** @throws Error when `cidr` is no CIDR */
export function parseRange(cidr: string): AddressRange {
  const [address = '', prefixText = ''] = cidr.split('/');
  const family = isIP(address);
  const prefix = Number(prefixText);
  const bits = family === 4 ? 32 : 128;
  if (family === 0 || prefixText === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > bits) {
    throw new Error(`Cannot parse service range "${cidr}": expected an address, a slash and a prefix of 0 to ${bits}`);
  }
  const hostBits = BigInt(bits - prefix);
  const base = (toNumber(address) >> hostBits) << hostBits;
  const size = 1n << hostBits;
  // The first 16 addresses and what is known by number (1 for the API, 10 for DNS) are asked for by name, never picked.
  const usable = Number(size > BigInt(MAX_HOSTS) ? BigInt(MAX_HOSTS) : size) - 1;
  const reserved = Math.min(16, usable >> 1);
  return {
    family: family === 4 ? 'IPv4' : 'IPv6',
    text: cidr,
    base: toText(base, family),
    first: toText(base + 1n, family),
    contains: (candidate) =>
      isIP(candidate) === family && toNumber(candidate) > base && toNumber(candidate) < base + size - (family === 4 ? 1n : 0n),
    pick(taken, random) {
      const span = usable - reserved;
      const start = random.integer(span);
      for (let i = 0; i < span; i++) {
        const candidate = toText(base + BigInt(reserved + ((start + i) % span)), family);
        if (!taken.has(candidate)) return candidate;
      }
      return undefined;
    },
  };
}

function toNumber(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function toText(value: bigint, family: number): string {
  const length = family === 4 ? 4 : 16;
  const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 255n));
  const address = ipaddr.fromByteArray(bytes);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}
