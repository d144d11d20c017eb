/** One end of packets: sockets inside a pod's network namespace, opened from here. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectIn, listenIn, type RawSocket, rawIn, udpIn } from '@palisade/cluster/network';
import { describePacket, initPacket, SCTP } from './sctp.ts';

export interface Ports {
  readonly tcp: readonly number[];
  readonly udp: readonly number[];
}

/** Every UDP probe is a question (RFC 1035 §4) that a DNS server answers too; the servers here send it back. */
const question = Buffer.concat([
  // Id 1, recursion desired, one question.
  Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
  ...['kubernetes', 'default', 'svc', 'cluster', 'local', ''].map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
  // Type A, class IN.
  Buffer.from([0, 1, 0, 1]),
]);

const FIRST_SCTP_PORT = 30_000;

export class Endpoint {
  readonly address: string;
  readonly #netns: string;
  readonly #closers: (() => void)[] = [];
  #raw: RawSocket | undefined;
  /** Sender and ports of the SCTP packets that came, `10.244.1.2:30001>80`. */
  readonly #arrived = new Set<string>();
  #lastSctpPort = FIRST_SCTP_PORT;

  constructor(netns: string, address: string) {
    this.#netns = netns;
    this.address = address;
  }

  async serve({ tcp, udp }: Ports): Promise<void> {
    for (const port of tcp) {
      const server = await listenIn(this.#netns, this.address, port, (socket) => socket.on('error', () => {}).end());
      this.#closers.push(() => server.close());
    }
    for (const port of udp) {
      const socket = await udpIn(this.#netns, this.address, port);
      socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address, () => {})).on('error', () => {});
      this.#closers.push(() => socket.close());
    }
    const raw = rawIn(this.#netns, this.address, SCTP);
    this.#raw = raw;
    this.#closers.push(() => raw.close());
  }

  /** Whether the first packet of a connection arrives, and TCP's and UDP's answer comes back. */
  async reaches(target: Endpoint | string, protocol: string, port: number, timeoutMs: number): Promise<boolean> {
    const host = typeof target === 'string' ? target : target.address;
    if (protocol === 'TCP') return await this.#connects(host, port, timeoutMs);
    if (protocol === 'UDP') return await this.#asks(host, port, timeoutMs);
    if (typeof target === 'string') throw new Error('Cannot tell whether an SCTP packet arrives outside of the pods');
    return await this.#initiates(target, port, timeoutMs);
  }

  async #connects(host: string, port: number, timeoutMs: number): Promise<boolean> {
    try {
      (await connectIn(this.#netns, host, port, timeoutMs)).on('error', () => {}).destroy();
      return true;
    } catch (error) {
      // Nobody listens, and says so: the packet was not forbidden.
      return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
    }
  }

  async #asks(host: string, port: number, timeoutMs: number): Promise<boolean> {
    const socket = await udpIn(this.#netns, this.address, 0);
    socket.on('error', () => {});
    const stop = new AbortController();
    socket.send(question, port, host, () => {});
    const answered = once(socket, 'message', { signal: stop.signal }).then(
      () => true,
      () => false,
    );
    const isAnswered = await Promise.race([answered, sleep(timeoutMs, false, { signal: stop.signal }).catch(() => false)]);
    stop.abort();
    socket.close();
    return isAnswered;
  }

  async #initiates(target: Endpoint, port: number, timeoutMs: number): Promise<boolean> {
    const source = this.#lastSctpPort++;
    this.#raw!.send(initPacket(source, port), target.address);
    for (const end = Date.now() + timeoutMs; ; await sleep(10)) {
      if (target.#hasArrived(`${this.address}:${source}>${port}`)) return true;
      if (Date.now() > end) return false;
    }
  }

  #hasArrived(one: string): boolean {
    for (const packet of this.#raw!.receive()) this.#arrived.add(describePacket(packet));
    return this.#arrived.has(one);
  }

  close(): void {
    for (const close of this.#closers) close();
  }
}
