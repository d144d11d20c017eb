import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { isIP, isIPv6, Server, Socket } from 'node:net';
import { inNamespace } from './namespace.ts';
import { bind, Linux, receive, sendTo, setIntegerOption, socket, socketAddress } from './native.ts';

/**
 * Sockets in other network namespaces: a socket belongs for life to the namespace its thread was in when it was made, and Node
 * adopts descriptors. This is the only module that makes such sockets.
 */
const FLAGS = Linux.SOCK_NONBLOCK | Linux.SOCK_CLOEXEC;

function familyOf(host: string): number {
  if (isIP(host) === 0) throw new TypeError(`Cannot open a socket for "${host}": expected an IPv4 or IPv6 address, not a name`);
  return isIPv6(host) ? Linux.AF_INET6 : Linux.AF_INET;
}

/** @returns a bound descriptor owned by the caller */
function boundSocket(netns: string, type: number, host: string, port: number): number {
  const family = familyOf(host);
  const fd = inNamespace(netns, () => socket(family, type | FLAGS, 0));
  try {
    if (type === Linux.SOCK_STREAM) setIntegerOption(fd, Linux.SOL_SOCKET, Linux.SO_REUSEADDR, 1);
    // `::` listens for IPv6 only, so that each family is opened on purpose and both can be told apart.
    if (family === Linux.AF_INET6) setIntegerOption(fd, Linux.IPPROTO_IPV6, Linux.IPV6_V6ONLY, 1);
    bind(fd, socketAddress(host, port), `${host} port ${port} in ${netns}`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Connects from inside `netns`. Rejects with the socket's own error (`ECONNREFUSED` …) or, after `timeoutMs`, with `ETIMEDOUT`.
 *
 * @param host an address; names are not resolved
 * @param signal gives up the attempt; without effect once connected
 */
export async function connectIn(netns: string, host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<Socket> {
  const family = familyOf(host);
  const fd = inNamespace(netns, () => socket(family, Linux.SOCK_STREAM | FLAGS, 0));
  const connection = new Socket({ fd, readable: true, writable: true });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const timer = setTimeout(() => {
    const error = Object.assign(new Error(`connect to ${host} port ${port} timed out after ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
    connection.destroy(error);
  }, timeoutMs);
  connection.once('error', reject);
  connection.once('connect', () => {
    connection.off('error', reject);
    resolve(connection);
  });
  const abort = () => connection.destroy(new Error(`connect to ${host} port ${port} given up`));
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  else connection.connect({ host, port });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Listens for TCP inside `netns`; port 0 picks one. The caller closes the server. */
export async function listenIn(netns: string, host: string, port: number, onConnection?: (socket: Socket) => void): Promise<Server> {
  return await adoptListener(new Server(), netns, host, port, onConnection);
}

/** The same for a server made elsewhere (`http.createServer()`, `tls.createServer()`). */
export async function adoptListener<T extends Server>(
  server: T,
  netns: string,
  host: string,
  port: number,
  onConnection?: (socket: Socket) => void,
): Promise<T> {
  const fd = boundSocket(netns, Linux.SOCK_STREAM, host, port);
  if (onConnection !== undefined) server.on('connection', onConnection);
  server.listen({ fd });
  await once(server, 'listening');
  return server;
}

/** A UDP socket bound inside `netns`; port 0 picks one. The caller closes it. */
export async function udpIn(netns: string, host: string, port: number): Promise<DatagramSocket> {
  const fd = boundSocket(netns, Linux.SOCK_DGRAM, host, port);
  const datagrams = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  // With a descriptor Node may say `listening` before bind returns.
  const listening = once(datagrams, 'listening');
  datagrams.bind({ fd });
  await listening;
  return datagrams;
}

/** Packets of one IP protocol, for those Node does not speak: sent with a transport header, received with the IP header before it (IPv4). */
export interface RawSocket {
  send(bytes: Uint8Array, host: string): void;
  /** All that has come since the last call. */
  receive(): Buffer[];
  close(): void;
}

/** @param protocol its number (132: SCTP) */
export function rawIn(netns: string, host: string, protocol: number): RawSocket {
  const fd = inNamespace(netns, () => socket(familyOf(host), Linux.SOCK_RAW | FLAGS, protocol));
  bind(fd, socketAddress(host, 0), `${host} in ${netns}`);
  return {
    send: (bytes, to) => sendTo(fd, bytes, socketAddress(to, 0)),
    receive() {
      const packets: Buffer[] = [];
      const buffer = Buffer.alloc(2048);
      for (let length = receive(fd, buffer); length > 0; length = receive(fd, buffer))
        packets.push(Buffer.from(buffer.subarray(0, length)));
      return packets;
    },
    close: () => closeSync(fd),
  };
}

/** A netlink socket of `netns` as a bare descriptor owned by the caller. */
export function netlinkIn(netns: string, protocol: number): number {
  return inNamespace(netns, () => socket(Linux.AF_NETLINK, Linux.SOCK_RAW | Linux.SOCK_CLOEXEC, protocol));
}
