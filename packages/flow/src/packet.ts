/** The head of an IP packet, as NFLOG delivers it (from the IP header on, possibly cut short). */
export interface PacketHeader {
  readonly source: string;
  readonly destination: string;
  /** `TCP`, `UDP`, `SCTP`, `ICMPv4`, `ICMPv6`, else `IP protocol 47`. */
  readonly protocol: string;
  /** Present when the packet has ports and the capture reaches them. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly tcpFlags?: readonly string[];
  readonly icmpType?: number;
}

export type PacketResult = { readonly ok: true; readonly packet: PacketHeader } | { readonly ok: false; readonly reason: string };

/** Bits of byte 13 of the TCP header (RFC 9293 §3.1), lowest first. */
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'] as const;

const PROTOCOLS = new Map([
  [1, 'ICMPv4'],
  [6, 'TCP'],
  [17, 'UDP'],
  [58, 'ICMPv6'],
  [132, 'SCTP'],
]);

/** IPv6 extension headers that stand before the transport: hop-by-hop, routing, destination options (8-octet units). */
const SKIPPED_HEADERS = new Set([0, 43, 60, 135]);
const FRAGMENT_HEADER = 44;
const AUTHENTICATION_HEADER = 51;

const cut = (what: string): PacketResult => ({ ok: false, reason: `packet ends inside its ${what}` });

/** Reads hostile bytes; never throws. */
export function parsePacket(bytes: Uint8Array): PacketResult {
  const first = bytes[0];
  if (first === undefined) return { ok: false, reason: 'packet is empty' };
  if (first >> 4 === 4) return parseIPv4(bytes);
  if (first >> 4 === 6) return parseIPv6(bytes);
  return { ok: false, reason: `IP version ${first >> 4}, expected 4 or 6` };
}

function parseIPv4(bytes: Uint8Array): PacketResult {
  const headerLength = (bytes[0]! & 0x0f) * 4;
  if (headerLength < 20) return { ok: false, reason: `IPv4 header of ${headerLength} bytes, expected at least 20` };
  if (bytes.length < headerLength) return cut('IPv4 header');
  const isLaterFragment = (((bytes[6]! & 0x1f) << 8) | bytes[7]!) !== 0;
  const addresses = { source: bytes.subarray(12, 16).join('.'), destination: bytes.subarray(16, 20).join('.') };
  return { ok: true, packet: { ...addresses, ...transport(bytes[9]!, isLaterFragment ? undefined : bytes.subarray(headerLength)) } };
}

function parseIPv6(bytes: Uint8Array): PacketResult {
  if (bytes.length < 40) return cut('IPv6 header');
  const addresses = { source: formatIPv6(bytes, 8), destination: formatIPv6(bytes, 24) };
  let next = bytes[6]!;
  let offset = 40;
  let isLaterFragment = false;
  while (!isLaterFragment && bytes.length >= offset + 8) {
    if (next === FRAGMENT_HEADER) {
      isLaterFragment = (((bytes[offset + 2]! << 8) | bytes[offset + 3]!) & 0xfff8) !== 0;
      next = bytes[offset]!;
      offset += 8;
    } else if (SKIPPED_HEADERS.has(next) || next === AUTHENTICATION_HEADER) {
      // AH counts in 4-octet units minus 2 (RFC 4302 §2.2), the others in 8-octet units minus 1 (RFC 8200 §4).
      const length = next === AUTHENTICATION_HEADER ? (bytes[offset + 1]! + 2) * 4 : (bytes[offset + 1]! + 1) * 8;
      next = bytes[offset]!;
      offset += length;
    } else break;
  }
  return { ok: true, packet: { ...addresses, ...transport(next, isLaterFragment ? undefined : bytes.subarray(offset)) } };
}

/** @param bytes absent in fragments after the first, which carry no transport header */
function transport(number: number, bytes: Uint8Array | undefined): Omit<PacketHeader, 'source' | 'destination'> {
  const protocol = PROTOCOLS.get(number) ?? `IP protocol ${number}`;
  if (!bytes) return { protocol };
  if (number === 1 || number === 58) return bytes.length > 0 ? { protocol, icmpType: bytes[0]! } : { protocol };
  const hasPorts = number === 6 || number === 17 || number === 132;
  if (!hasPorts || bytes.length < 4) return { protocol };
  const ports = { sourcePort: (bytes[0]! << 8) | bytes[1]!, destinationPort: (bytes[2]! << 8) | bytes[3]! };
  if (number !== 6 || bytes.length < 14) return { protocol, ...ports };
  return { protocol, ...ports, tcpFlags: TCP_FLAGS.filter((_, bit) => (bytes[13]! >> bit) & 1) };
}

/** RFC 5952: lower case, the longest run of two or more zero groups shortened, the first of equals. */
function formatIPv6(bytes: Uint8Array, start: number): string {
  const groups: number[] = [];
  for (let index = 0; index < 8; index++) groups.push((bytes[start + 2 * index]! << 8) | bytes[start + 2 * index + 1]!);
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  return best.at < 0 ? text(groups) : `${text(groups.slice(0, best.at))}::${text(groups.slice(best.at + best.length))}`;
}
