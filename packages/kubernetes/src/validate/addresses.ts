import { BlockList, isIP } from 'node:net';
import type { Findings } from './findings.ts';

const ipText = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const cidrText = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

interface Cidr {
  readonly family: 4 | 6;
  readonly address: string;
  readonly prefix: number;
}

/** Bits beyond the prefix are allowed, as the API allows them. */
function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const [address, prefix] = [match?.[1] ?? '', Number(match?.[2])];
  const family = isIP(address) as 0 | 4 | 6;
  if (!match || family === 0 || address.includes('%') || prefix > (family === 4 ? 32 : 128)) return undefined;
  return { family, address, prefix };
}

export function validateCidr(f: Findings, field: string, text: string): Cidr | undefined {
  const cidr = parseCidr(text);
  if (!cidr) f.invalid(field, text, cidrText);
  return cidr;
}

/** Inside and smaller; a CIDR is no strict subset of itself. */
export function isStrictSubset(inner: Cidr, outer: Cidr): boolean {
  if (inner.family !== outer.family || inner.prefix <= outer.prefix) return false;
  const list = new BlockList();
  const type = outer.family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(outer.address, outer.prefix, type);
  return list.check(inner.address, type);
}

export function validateIp(f: Findings, field: string, text: string): void {
  if (isIP(text) === 0 || text.includes('%')) f.invalid(field, text, ipText);
}
