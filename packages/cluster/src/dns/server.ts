import type { Socket as DatagramSocket } from 'node:dgram';
import { isIP, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { Endpoint } from '@palisade/flow';
import type { FlowSink } from '../contract.ts';
import { listenIn, udpIn } from '../node/network/namespaces/netns-sockets.ts';
import { answerMessage, type DnsExchange, ttlSeconds } from './message.ts';
import type { Lookup } from './zone.ts';

export interface DnsServerOptions {
  /** Where it listens, port 53 over UDP and TCP. */
  readonly netns: string;
  readonly addresses: readonly string[];
  readonly domain: string;
  /** Asked in order. */
  readonly zones: readonly Lookup[];
  readonly sink: FlowSink;
  readonly clock: () => Date;
  /** Who an address is, for the flow record. */
  readonly endpointOf: (ip: string, port: number) => Endpoint;
  /** Policies may speak of the name: an answer waits until its addresses are in force, though not longer than a client would. */
  readonly beforeAnswer?: ((name: string, addresses: readonly string[], ttlSeconds: number) => Promise<void>) | undefined;
}

const tcpIdleMs = 10_000;
const maxTcpConnections = 256;

/** Cluster DNS. Every question that can be read becomes a flow record. */
export async function startDnsServer(options: DnsServerOptions): Promise<{ close(): void }> {
  const sockets: DatagramSocket[] = [];
  const servers: Server[] = [];
  let isClosed = false;
  for (const address of options.addresses) {
    const udp = await udpIn(options.netns, address, 53);
    udp.on('message', (message, from) => {
      const answer = answerMessage(message, options.zones, options.domain, 'udp');
      if (answer === undefined) return;
      void ready(options, answer.exchange).then(() => {
        if (!isClosed) udp.send(answer.bytes, from.port, from.address, () => {});
      });
      if (answer.exchange) record(options, address, from.address, from.port, answer.exchange);
    });
    udp.on('error', () => {});
    sockets.push(udp);
    const tcp = await listenIn(options.netns, address, 53, (socket) => serveTcp(options, address, socket));
    tcp.maxConnections = maxTcpConnections;
    servers.push(tcp);
  }
  return {
    close() {
      isClosed = true;
      for (const socket of sockets) socket.close();
      for (const server of servers) server.close();
    },
  };
}

/** RFC 1035 §4.2.2: each message behind its length in two bytes. */
function serveTcp(options: DnsServerOptions, address: string, socket: Socket): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(tcpIdleMs, () => socket.destroy());
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const length = pending.readUInt16BE(0);
      const answer = answerMessage(pending.subarray(2, 2 + length), options.zones, options.domain, 'tcp');
      pending = pending.subarray(2 + length);
      if (answer === undefined) {
        socket.destroy();
        return;
      }
      const framed = Buffer.alloc(2 + answer.bytes.length);
      framed.writeUInt16BE(answer.bytes.length, 0);
      framed.set(answer.bytes, 2);
      void ready(options, answer.exchange).then(() => socket.write(framed));
      if (answer.exchange) record(options, address, socket.remoteAddress ?? '', socket.remotePort ?? 0, answer.exchange);
    }
  });
}

const maxWaitMs = 1_000;

async function ready({ beforeAnswer }: DnsServerOptions, exchange: DnsExchange | undefined): Promise<void> {
  const addresses = exchange?.answers.filter((answer) => isIP(answer) !== 0) ?? [];
  if (!beforeAnswer || !exchange || addresses.length === 0) return;
  const stop = new AbortController();
  const waited = setTimeout(maxWaitMs, undefined, { signal: stop.signal, ref: false }).catch(() => {});
  await Promise.race([beforeAnswer(exchange.query, addresses, ttlSeconds), waited]);
  stop.abort();
}

function record(options: DnsServerOptions, address: string, ip: string, port: number, exchange: DnsExchange): void {
  const isThere = exchange.responseCode === 'NOERROR';
  options.sink({
    time: options.clock().toISOString(),
    reporter: 'dns',
    verdict: 'FORWARDED',
    reason: isThere ? 'answered' : 'no such name inside or outside the cluster',
    direction: 'egress',
    source: options.endpointOf(ip, port),
    destination: { ip: address, port: 53, namespace: 'kube-system', reserved: 'kube-dns' },
    body: { type: 'dns', ...exchange },
  });
}
