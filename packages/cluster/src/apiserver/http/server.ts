import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { readAsStream, stopReading } from '@palisade/kubernetes/server';
import type { KeyPairPem } from '../pki/issue.ts';
import type { HttpContext } from './context.ts';
import { route } from './router.ts';
import { refuseUnreadable } from './unreadable.ts';

/** A request's headers within 10 s and its body within 60 s, or the connection ends: slow senders hold nothing for long. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** kubectl keeps connections; the real server drops idle ones after 90 s to 3 min. */
const KEEP_ALIVE_MS = 90_000;
/** `kubectl exec` carries its command in the URL. */
const MAX_HEADER_BYTES = 64 * 1024;

/** The TLS side of the server. It can listen by itself and take sockets accepted elsewhere. */
export class HttpsFront {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(context: HttpContext, serving: KeyPairPem, caCertificatePem: string) {
    this.#server = createServer(
      {
        cert: serving.certificatePem,
        key: serving.privateKeyPem,
        ca: caCertificatePem,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        // Asked for, not demanded: tokens are the other way in. Who has neither is refused by the authenticator.
        requestCert: true,
        rejectUnauthorized: false,
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (req, res) => void route(context, req, res),
    );
    this.#server.on('secureConnection', readAsStream);
    this.#server.on('upgrade', (req, socket, head) => {
      stopReading(socket);
      void import('../streams/upgrade.ts').then(
        ({ routeUpgrade }) => routeUpgrade(context, req, socket, head),
        () => socket.destroy(),
      );
    });
    this.#server.on('clientError', refuseUnreadable);
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#server.on('connection', (socket: Socket) => this.#remember(socket));
  }

  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Serves a connection that somebody else accepted. */
  handleConnection(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  async close(): Promise<void> {
    const closed = this.#server.listening ? new Promise((resolve) => this.#server.close(resolve)) : Promise.resolve();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await closed;
  }

  #remember(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.setNoDelay(true);
  }
}
