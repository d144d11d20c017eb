/** The first packet of an SCTP association (RFC 9260 §3.3.2), made by hand: neither Node nor every kernel speaks SCTP. */
export const SCTP = 132;

/** RFC 9260 appendix A. */
const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

export function initPacket(sourcePort: number, destinationPort: number): Buffer {
  const packet = Buffer.alloc(32);
  packet.writeUInt16BE(sourcePort, 0);
  packet.writeUInt16BE(destinationPort, 2);
  // Chunk INIT, 20 bytes: initiate tag, window, streams out and in, first sequence number.
  packet.writeUInt8(1, 12);
  packet.writeUInt16BE(20, 14);
  packet.writeUInt32BE(0x5ca1ab1e, 16);
  packet.writeUInt32BE(65_536, 20);
  packet.writeUInt16BE(1, 24);
  packet.writeUInt16BE(1, 26);
  packet.writeUInt32BE(1, 28);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

/** `10.244.1.2:30001>80`: an IPv4 packet's sender and ports. */
export function describePacket(packet: Buffer): string {
  const start = (packet[0]! & 0x0f) * 4;
  if (packet.length < start + 4) return '';
  return `${packet.subarray(12, 16).join('.')}:${packet.readUInt16BE(start)}>${packet.readUInt16BE(start + 2)}`;
}
