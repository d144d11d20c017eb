import { isIP } from 'node:net';
import type { Environment } from '@marcbachmann/cel-js';
import ipaddr from 'ipaddr.js';

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;

/** Go's netip: no zones, no IPv4 inside of IPv6. */
function parseIp(text: string): Parsed {
  if (isIP(text) === 0) throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  if (text.includes('%')) throw new Error(`IP address ${JSON.stringify(text)} with zone value is not allowed`);
  if (text.includes(':') && text.includes('.')) throw new Error(`IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`);
  return ipaddr.parse(text);
}

const show = (address: Parsed): string => (address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString());
const bytesText = (address: Parsed, prefix: number): string =>
  address
    .toByteArray()
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, prefix);

class Ip {
  readonly address: Parsed;
  constructor(text: string) {
    this.address = parseIp(text);
  }
}

class Cidr {
  readonly address: Parsed;
  readonly prefix: number;
  constructor(text: string) {
    const [, host = '', length = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
    const address = isIP(host) === 0 ? undefined : parseIp(host);
    const prefix = Number(length);
    if (address === undefined || length === '' || prefix > address.toByteArray().length * 8)
      throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)} is no CIDR`);
    this.address = address;
    this.prefix = prefix;
  }

  contains(address: Parsed, prefix: number): boolean {
    const isSameFamily = address.kind() === this.address.kind();
    return isSameFamily && prefix >= this.prefix && bytesText(address, this.prefix) === bytesText(this.address, this.prefix);
  }
}

const family = (address: Parsed): bigint => (address.kind() === 'ipv4' ? 4n : 6n);
const bits = (address: Parsed): number => address.toByteArray().length * 8;

function parses(make: () => unknown): boolean {
  try {
    return make() !== undefined;
  } catch {
    return false;
  }
}

/** `ip`, `cidr` and their kin. */
export function registerAddressFunctions(env: Environment): void {
  const [ip, cidr] = ['net.IP', 'net.CIDR'];
  env.registerType(ip, { ctor: Ip, fields: {} });
  env.registerType(cidr, { ctor: Cidr, fields: {} });
  env.registerOperator(`${ip} == ${ip}`, (a: Ip, b: Ip) => show(a.address) === show(b.address));
  env.registerOperator(`${cidr} == ${cidr}`, (a: Cidr, b: Cidr) => a.prefix === b.prefix && show(a.address) === show(b.address));
  env.registerType('IpNamespace', { ctor: IpNamespace, fields: {} });
  env.registerFunction(`ip(string): ${ip}`, (text: string) => new Ip(text));
  env.registerFunction('isIP(string): bool', (text: string) => parses(() => parseIp(text)));
  env.registerFunction(`string(${ip}): string`, ({ address }: Ip) => show(address));
  env.registerFunction(`${ip}.family(): int`, ({ address }: Ip) => family(address));
  const inRange =
    (...names: string[]) =>
    (value: Ip) =>
      names.includes(value.address.range());
  env.registerFunction(`${ip}.isUnspecified(): bool`, inRange('unspecified'));
  env.registerFunction(`${ip}.isLoopback(): bool`, inRange('loopback'));
  env.registerFunction(`${ip}.isLinkLocalUnicast(): bool`, inRange('linkLocal'));
  env.registerFunction(`${ip}.isLinkLocalMulticast(): bool`, ({ address }: Ip) => {
    const bytes = address.toByteArray();
    return address.kind() === 'ipv4'
      ? bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0
      : bytes[0] === 0xff && (bytes[1]! & 0x0f) === 0x02;
  });
  env.registerFunction(
    `${ip}.isGlobalUnicast(): bool`,
    ({ address }: Ip) => !['unspecified', 'loopback', 'linkLocal', 'multicast', 'broadcast'].includes(address.range()),
  );
  env.registerConstant('ip', 'IpNamespace', new IpNamespace());
  env.registerFunction('IpNamespace.isCanonical(string): bool', (_: unknown, text: string) => show(parseIp(text)) === text);
  env.registerFunction(`cidr(string): ${cidr}`, (text: string) => new Cidr(text));
  env.registerFunction('isCIDR(string): bool', (text: string) => parses(() => new Cidr(text)));
  env.registerFunction(`string(${cidr}): string`, ({ address, prefix }: Cidr) => `${show(address)}/${prefix}`);
  env.registerFunction(`${cidr}.ip(): ${ip}`, ({ address }: Cidr) => new Ip(show(address)));
  env.registerFunction(`${cidr}.prefixLength(): int`, ({ prefix }: Cidr) => BigInt(prefix));
  env.registerFunction(`${cidr}.masked(): ${cidr}`, ({ address, prefix }: Cidr) => {
    const masked = address.toByteArray().map((byte, i) => byte & (0xff << Math.max(0, Math.min(8, 8 - (prefix - i * 8)))) & 0xff);
    return new Cidr(`${show(ipaddr.fromByteArray(masked))}/${prefix}`);
  });
  env.registerFunction(`${cidr}.containsIP(string): bool`, (range: Cidr, text: string) => {
    const address = parseIp(text);
    return range.contains(address, bits(address));
  });
  env.registerFunction(`${cidr}.containsIP(${ip}): bool`, (range: Cidr, { address }: Ip) => range.contains(address, bits(address)));
  env.registerFunction(`${cidr}.containsCIDR(string): bool`, (range: Cidr, text: string) => {
    const other = new Cidr(text);
    return range.contains(other.address, other.prefix);
  });
  env.registerFunction(`${cidr}.containsCIDR(${cidr}): bool`, (range: Cidr, other: Cidr) => range.contains(other.address, other.prefix));
}

class IpNamespace {}
