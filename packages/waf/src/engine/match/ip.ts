/** A network as bytes: 4 (IPv4) or 16 (IPv6), and the number of leading bits that count. */
export interface IpNetwork {
  readonly bytes: readonly number[];
  readonly prefix: number;
}

/** Bytes of a textual address; undefined when it is none. */
export function parseIp(text: string): number[] | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = parts.map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** RFC 4291 §2.2, with an IPv4 tail. */
function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':').flatMap(parseGroup)));
  if (groups.some((half) => half.some((group) => group < 0))) return undefined;
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  if (halves.length === 1 ? count !== 8 : count > 8) return undefined;
  const [head, tail] = groups as [number[], number[] | undefined];
  const all = tail ? [...head, ...new Array<number>(8 - count).fill(0), ...tail] : head;
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}

function parseGroup(group: string, index: number, all: readonly string[]): number[] {
  if (group.includes('.') && index === all.length - 1) {
    const bytes = parseIpv4(group);
    return bytes ? [bytes[0]! * 256 + bytes[1]!, bytes[2]! * 256 + bytes[3]!] : [-1];
  }
  return [/^[0-9A-Fa-f]{1,4}$/.test(group) ? Number.parseInt(group, 16) : -1];
}

/** `10.0.0.0/8`, `::1`. @throws Error naming what was found when it is no address or its prefix is out of range */
export function parseNetwork(text: string): IpNetwork {
  const [address, length, ...rest] = text.split('/');
  const bytes = parseIp(address!);
  if (!bytes || rest.length > 0)
    throw new Error(`cannot parse address ${JSON.stringify(text)}: wanted an IPv4 or IPv6 address, optionally with /prefix`);
  const bits = bytes.length * 8;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (prefix < 0 || prefix > bits) throw new Error(`cannot parse ${JSON.stringify(text)}: prefix ${length}, wanted 0 to ${bits}`);
  return { bytes, prefix };
}

export function isInNetwork(bytes: readonly number[], network: IpNetwork): boolean {
  if (bytes.length !== network.bytes.length) return false;
  const whole = network.prefix >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== network.bytes[i]) return false;
  const rest = network.prefix & 7;
  if (rest === 0) return true;
  const mask = 0xff << (8 - rest);
  return (bytes[whole]! & mask) === (network.bytes[whole]! & mask);
}
