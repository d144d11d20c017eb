/** What the kernel says on an NFLOG socket (linux/netfilter/nfnetlink_log.h), and how it is asked to. */
export interface NflogPacket {
  readonly prefix: string;
  /** From the IP header on, cut to the rule's snaplen. */
  readonly payload: Uint8Array;
  /** Index of the interface it came in by, in the namespace that logged it. */
  readonly inputInterface?: number;
  /** Counts every packet of the group; a gap means that packets were lost on the way here. */
  readonly sequence?: number;
  /** Milliseconds since the epoch; absent on packets this machine made itself. */
  readonly timestampMs?: number;
}

export type NetlinkMessage =
  | { readonly kind: 'packet'; readonly packet: NflogPacket }
  /** 0 acknowledges; else a negative errno. */
  | { readonly kind: 'answer'; readonly code: number }
  | { readonly kind: 'other' };

const NLMSG_ERROR = 2;
const NFULNL_PACKET = 0x400;
const NFULNL_CONFIG = 0x401;
const NLM_F_REQUEST_ACK = 1 | 4;
const HEADER_BYTES = 16;
const GENERIC_BYTES = 4;

const Attribute = { timestamp: 3, inputInterface: 4, payload: 9, prefix: 10, sequence: 12 } as const;

const align = (length: number) => (length + 3) & ~3;

/** Reads one datagram, which may hold several messages. Never throws; what is cut short is left out. */
export function parseNetlink(bytes: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > bytes.length) break;
    const type = bytes.readUInt16LE(at + 4);
    const body = bytes.subarray(at + HEADER_BYTES, at + length);
    if (type === NFULNL_PACKET && body.length >= GENERIC_BYTES)
      messages.push({ kind: 'packet', packet: parsePacketAttributes(body.subarray(GENERIC_BYTES)) });
    else if (type === NLMSG_ERROR && body.length >= 4) messages.push({ kind: 'answer', code: body.readInt32LE(0) });
    else messages.push({ kind: 'other' });
    at += align(length);
  }
  return messages;
}

function parsePacketAttributes(bytes: Buffer): NflogPacket {
  const packet: { -readonly [K in keyof NflogPacket]: NflogPacket[K] } = { prefix: '', payload: bytes.subarray(0, 0) };
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    const value = bytes.subarray(at + 4, at + length);
    // The two highest bits are flags (nested, network byte order).
    switch (bytes.readUInt16LE(at + 2) & 0x3fff) {
      case Attribute.prefix:
        packet.prefix = value.toString('latin1').replace(/\0.*$/s, '');
        break;
      case Attribute.payload:
        packet.payload = Uint8Array.from(value);
        break;
      case Attribute.inputInterface:
        if (value.length >= 4) packet.inputInterface = value.readUInt32BE(0);
        break;
      case Attribute.sequence:
        if (value.length >= 4) packet.sequence = value.readUInt32BE(0);
        break;
      case Attribute.timestamp:
        if (value.length >= 16) packet.timestampMs = Number(value.readBigUInt64BE(0)) * 1000 + Number(value.readBigUInt64BE(8)) / 1000;
        break;
    }
    at += align(length);
  }
  return packet;
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(align(4 + value.length));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Binds a group, copies at most `copyBytes` of each packet, wants sequence numbers, and delivers after 10 ms or 50 packets. */
export function renderBind(group: number, copyBytes: number): Buffer {
  const command = attribute(1, Buffer.from([1]));
  const mode = attribute(2, Buffer.concat([be32(copyBytes), Buffer.from([2, 0])]));
  const timeout = attribute(4, be32(1));
  const threshold = attribute(5, be32(50));
  const flags = attribute(6, Buffer.from([0, 1]));
  const body = Buffer.concat([Buffer.from([0, 0, group >> 8, group & 0xff]), command, mode, timeout, threshold, flags]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + body.length, 0);
  header.writeUInt16LE(NFULNL_CONFIG, 4);
  header.writeUInt16LE(NLM_F_REQUEST_ACK, 6);
  return Buffer.concat([header, body]);
}
