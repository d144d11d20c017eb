/** Addresses and blocks of policies. */
import ipaddr from 'ipaddr.js';

export interface Cidr {
  readonly address: string;
  readonly prefixLength: number;
}

/** `1.2.3.4`, `10.0.0.0/8`, `2001:db8::/32`. @returns undefined for anything else, such as `010.0.0.1` or a zone */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const isFour = ipaddr.IPv4.isValidFourPartDecimal(address) && !/(^|\.)0\d/.test(address);
  const isSix = address.includes(':') && !address.includes('%') && ipaddr.IPv6.isValid(address);
  if (rest.length > 0 || !(isFour || isSix)) return undefined;
  const longest = isFour ? 32 : 128;
  if (prefix !== undefined && (!/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > longest)) return undefined;
  return { address: isFour ? address : shortest(address), prefixLength: Number(prefix ?? longest) };
}

/** The one spelling of an address (RFC 5952). */
function shortest(address: string): string {
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.isIPv4MappedAddress() ? `::ffff:${parsed.toIPv4Address()}` : parsed.toRFC5952String();
}

/** Families never match each other, mapped addresses count as IPv4. */
export function cidrContains(cidr: Cidr, address: string): boolean {
  const parsed = ipaddr.process(address);
  const network = ipaddr.parse(cidr.address);
  return parsed.kind() === network.kind() && parsed.match(network, cidr.prefixLength);
}
