import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import type { ServiceEndpoint } from './service-model.ts';

export interface Relay {
  close(): Promise<void>;
}

export interface RelayOptions {
  address: string;
  port: number;
  /** Asked for every connection; `undefined` refuses it. */
  choose(): ServiceEndpoint | undefined;
}

/** A client that says no more while its connection is being made has mostly given up; one that sends and half-closes has not. */
const END_GRACE_MS = 1000;

/** Accepts on the host's loopback and passes bytes both ways; half-closed connections stay half open. */
export async function relayTcp(
  options: RelayOptions & { connect(endpoint: ServiceEndpoint, signal: AbortSignal): Promise<Socket> },
): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    const endpoint = options.choose();
    if (endpoint === undefined) {
      client.resetAndDestroy();
      return;
    }
    // An attempt must not outlive its client: its packets would be reported as denied long after.
    const giveUp = new AbortController();
    const abort = () => giveUp.abort();
    const abortSoon = () => void setTimeout(abort, END_GRACE_MS).unref();
    client.once('close', abort);
    client.once('end', abortSoon);
    // Read from the start, or the client's end would go unnoticed behind the bytes it has sent.
    const early = client.pipe(new PassThrough());
    options.connect(endpoint, giveUp.signal).then(
      (upstream) => {
        client.off('end', abortSoon);
        join(client, early, upstream);
      },
      () => client.resetAndDestroy(),
    );
  });
  server.listen({ host: options.address, port: options.port, exclusive: true });
  await once(server, 'listening');
  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const client of open) client.destroy();
      await closed;
    },
  };
}

function join(client: Socket, fromClient: PassThrough, upstream: Socket): void {
  // The client may have gone while the other side was being reached.
  if (client.destroyed) {
    upstream.destroy();
    return;
  }
  upstream.allowHalfOpen = true;
  upstream.on('error', () => client.resetAndDestroy());
  client.once('error', () => upstream.resetAndDestroy());
  client.once('close', () => upstream.destroy());
  upstream.once('close', () => client.destroy());
  fromClient.pipe(upstream);
  upstream.pipe(client);
}

/** A client is forgotten after this long without a packet, as conntrack forgets an unanswered UDP flow. */
const UDP_IDLE_MS = 30_000;
const MAX_UDP_CLIENTS = 4096;

/** Each client address and port has a socket of its own towards one endpoint, so that answers find their way. */
export async function relayUdp(options: RelayOptions & { open(endpoint: ServiceEndpoint): Promise<DatagramSocket> }): Promise<Relay> {
  const server = createSocket('udp4');
  const clients = new Map<string, { upstream: Promise<DatagramSocket>; endpoint: ServiceEndpoint; timer: NodeJS.Timeout }>();

  function forget(key: string): void {
    const client = clients.get(key);
    clients.delete(key);
    clearTimeout(client?.timer);
    client?.upstream.then(
      (socket) => socket.close(),
      () => {},
    );
  }

  server.on('error', () => {});
  server.on('message', (bytes, from) => {
    const key = `${from.address} ${from.port}`;
    let client = clients.get(key);
    if (client === undefined) {
      const endpoint = clients.size < MAX_UDP_CLIENTS ? options.choose() : undefined;
      if (endpoint === undefined) return;
      const upstream = options.open(endpoint);
      client = { upstream, endpoint, timer: setTimeout(() => forget(key), UDP_IDLE_MS) };
      clients.set(key, client);
      upstream.then(
        (socket) => {
          socket.on('error', () => forget(key));
          socket.on('message', (answer, source) => {
            if (source.address === endpoint.ip && source.port === endpoint.port) server.send(answer, from.port, from.address);
          });
        },
        () => forget(key),
      );
    }
    client.timer.refresh();
    const { endpoint } = client;
    client.upstream.then(
      (socket) => socket.send(bytes, endpoint.port, endpoint.ip, () => {}),
      () => {},
    );
  });
  const listening = Promise.race([once(server, 'listening'), once(server, 'error').then(([error]) => Promise.reject(error))]);
  server.bind({ address: options.address, port: options.port, exclusive: true });
  await listening;
  return {
    async close() {
      for (const key of [...clients.keys()]) forget(key);
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
