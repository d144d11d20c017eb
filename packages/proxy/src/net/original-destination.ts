/** Where a redirected connection was going (netfilter's SO_ORIGINAL_DST, before any destination NAT). */
import type { Socket } from 'node:net';
import koffi from 'koffi';

export interface Destination {
  readonly address: string;
  readonly port: number;
}

const solIp = 0;
const solIpv6 = 41;
/** SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST. */
const originalDst = 80;

type Getsockopt = (fd: number, level: number, name: number, value: Buffer, length: Buffer) => number;
let getsockopt: Getsockopt | undefined;

/** @returns undefined when the connection was not redirected, or this is not Linux */
export function originalDestination(socket: Socket): Destination | undefined {
  if (process.platform !== 'linux') return undefined;
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) return undefined;
  getsockopt ??= koffi.load('libc.so.6').func('int getsockopt(int, int, int, void *, void *)') as unknown as Getsockopt;
  const isV4 = socket.localFamily === 'IPv4' || socket.localAddress?.startsWith('::ffff:') === true;
  const value = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(isV4 ? 16 : 28);
  if (getsockopt(fd, isV4 ? solIp : solIpv6, originalDst, value, length) !== 0) return undefined;
  return parseSocketAddress(value, isV4);
}

/** `struct sockaddr_in` and `sockaddr_in6`. */
export function parseSocketAddress(value: Buffer, isV4: boolean): Destination {
  const port = value.readUInt16BE(2);
  if (isV4) return { address: [...value.subarray(4, 8)].join('.'), port };
  const groups = Array.from({ length: 8 }, (_, index) => value.readUInt16BE(8 + index * 2).toString(16));
  return { address: shorten(groups.join(':')), port };
}

/** RFC 5952: the longest run of zero groups becomes `::`. */
function shorten(full: string): string {
  const runs = [...full.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const run = runs[0];
  if (run === undefined) return full;
  return `${full.slice(0, run.index).replace(/:$/, '')}::${full.slice(run.index + run[0].length).replace(/^:/, '')}`;
}
