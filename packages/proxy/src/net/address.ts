/** IP addresses and prefixes. A mapped IPv4 address is IPv4; a prefix written so is IPv6 and holds none, as in Envoy. */
import type { CidrRange } from '@palisade/xds/api/envoy/config/core/v3/address';
import ipaddr from 'ipaddr.js';
import { ProxyError } from '../proxy-error.ts';

export class Address {
  readonly text: string;
  #bytes: readonly number[] | undefined;
  constructor(text: string) {
    this.text = text.startsWith('::ffff:') && text.includes('.') ? text.slice(7) : text;
  }
  /** Empty for what is not an IP address (a Unix socket): no prefix holds it. */
  get bytes(): readonly number[] {
    this.#bytes ??= ipaddr.isValid(this.text) ? ipaddr.process(this.text).toByteArray() : [];
    return this.#bytes;
  }
}

export interface Prefix {
  readonly length: number;
  holds(address: Address): boolean;
}

export function compilePrefix(range: CidrRange, where: string): Prefix {
  const length = range.prefixLen ?? 0;
  if (!ipaddr.isValid(range.addressPrefix)) throw new ProxyError('bad-config', `${where}: cannot parse address "${range.addressPrefix}"`);
  const bytes = ipaddr.parse(range.addressPrefix).toByteArray();
  if (length > bytes.length * 8)
    throw new ProxyError(
      'bad-config',
      `${where}: cannot use prefix length ${length} of "${range.addressPrefix}": expected 0 to ${bytes.length * 8}`,
    );
  const whole = length >> 3;
  const mask = 0xff & (0xff << (8 - (length & 7)));
  return {
    length,
    holds(address) {
      const other = address.bytes;
      if (other.length !== bytes.length) return false;
      for (let i = 0; i < whole; i++) if (other[i] !== bytes[i]) return false;
      return (length & 7) === 0 || (other[whole]! & mask) === (bytes[whole]! & mask);
    },
  };
}

export const isLoopback = (address: Address) => address.bytes[0] === 127 || address.text === '::1';

/** `10.0.0.1:80`, `[::1]:80` */
export function place(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
