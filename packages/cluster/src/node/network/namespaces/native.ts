import { isIPv6 } from 'node:net';
import koffi from 'koffi';
import { check, libc } from '../../libc.ts';

/** Sockets and namespaces. */
export const Linux = {
  CLONE_NEWNET: 0x40000000,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_RCVBUFFORCE: 33,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
  MSG_DONTWAIT: 0x40,
  EAGAIN: 11,
  EINTR: 4,
  ENOBUFS: 105,
} as const;

const setnsCall = libc.func('int setns(int fd, int nstype)');
const socketCall = libc.func('int socket(int domain, int type, int protocol)');
const bindCall = libc.func('int bind(int fd, const void *address, uint32_t length)');
const setsockoptCall = libc.func('int setsockopt(int fd, int level, int option, const void *value, uint32_t length)');
const unshareCall = libc.func('int unshare(int flags)');
const indexToNameCall = libc.func('char *if_indextoname(unsigned int index, _Out_ uint8_t *name)');
const recvCall = libc.func('long recv(int fd, _Out_ uint8_t *buffer, unsigned long length, int flags)');
const sendToCall = libc.func(
  'long sendto(int fd, const void *buffer, unsigned long length, int flags, const void *address, uint32_t addressLength)',
);
const sendCall = libc.func('long send(int fd, const void *buffer, unsigned long length, int flags)');

export function setns(fd: number, kind: number): void {
  check('setns', setnsCall(fd, kind), `cannot enter the namespace of descriptor ${fd}`);
}

export function unshare(flags: number): void {
  check('unshare', unshareCall(flags), 'cannot make a namespace; is this root?');
}

export function socket(family: number, type: number, protocol: number): number {
  return check('socket', socketCall(family, type, protocol), `family ${family}, type ${type}, protocol ${protocol}`);
}

export function bind(fd: number, address: Uint8Array, about: string): void {
  check('bind', bindCall(fd, address, address.length), about);
}

export function setIntegerOption(fd: number, level: number, option: number, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  check('setsockopt', setsockoptCall(fd, level, option, bytes, bytes.length), `level ${level}, option ${option}, value ${value}`);
}

/** Name of an interface of the namespace this thread is in; `undefined` when it has gone. */
export function interfaceName(index: number): string | undefined {
  return indexToNameCall(index, Buffer.alloc(16)) ?? undefined;
}

/** @returns the number of bytes read, or the negated errno */
export function receive(fd: number, buffer: Uint8Array): number {
  const length = Number(recvCall(fd, buffer, buffer.length, Linux.MSG_DONTWAIT));
  return length < 0 ? -koffi.errno() : length;
}

export function send(fd: number, bytes: Uint8Array): void {
  check('send', Number(sendCall(fd, bytes, bytes.length, 0)), `${bytes.length} bytes`);
}

export function sendTo(fd: number, bytes: Uint8Array, address: Uint8Array): void {
  check('sendto', Number(sendToCall(fd, bytes, bytes.length, 0, address, address.length)), `${bytes.length} bytes`);
}

/** `sockaddr_in` or `sockaddr_in6` (ip(7), ipv6(7)) of a textual address. */
export function socketAddress(host: string, port: number): Buffer {
  if (isIPv6(host)) {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt16LE(Linux.AF_INET6, 0);
    bytes.writeUInt16BE(port, 2);
    ipv6Bytes(host).copy(bytes, 8);
    return bytes;
  }
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(Linux.AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  host.split('.').forEach((part, index) => {
    bytes.writeUInt8(Number(part), 4 + index);
  });
  return bytes;
}

/** The 16 bytes of an address that `net.isIPv6` accepts; a zone is not allowed. */
export function ipv6Bytes(host: string): Buffer {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  const pair = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
  const text = dotted ? `${dotted[1]}${pair(dotted[2]!, dotted[3]!)}:${pair(dotted[4]!, dotted[5]!)}` : host;
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const bytes = Buffer.alloc(16);
  first.forEach((group, index) => {
    bytes.writeUInt16BE(group, index * 2);
  });
  last.forEach((group, index) => {
    bytes.writeUInt16BE(group, (8 - last.length + index) * 2);
  });
  return bytes;
}
