/** One connection to an endpoint, plain or TLS, used by one request at a time. */
import { connect as connectTcp, isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { place as textOf } from '../net/address.ts';
import { buffering, Outlet } from '../net/outlet.ts';
import { readInto } from '../net/shared-read.ts';
import type { Counter } from '../stats/stats.ts';
import type { Sweepable, Sweeper } from '../sweeper.ts';
import type { HostPlace } from './place.ts';

/** Who uses the connection at the moment. */
export interface UpstreamUser {
  onUpstreamReady(): void;
  /** Nothing was sent: trying elsewhere is safe. */
  onUpstreamFailed(reason: string, isTls: boolean): void;
  onUpstreamBytes(bytes: Buffer, length: number): void;
  /** The other side finished or broke the connection. */
  onUpstreamEnd(): void;
  onUpstreamDrain(): void;
}

/** How a cluster dials. */
export interface Dialling {
  readonly connectTimeoutMs: number;
  /** How long a connection may wait for its next request. */
  readonly idleMs: number;
  readonly sweeper: Sweeper;
  readonly counters: { readonly connections: Counter };
  /** The address to connect from; undefined: the system's choice. */
  sourceFor(address: string): string | undefined;
}

/** Where a connection waits between two requests. */
export interface Pool {
  readonly place: HostPlace;
  /** No longer in its cluster: connections are closed as they come back. */
  readonly isGone: boolean;
  readonly idle: UpstreamConnection[];
}

export class UpstreamConnection implements Sweepable {
  readonly pool: Pool;
  readonly socket: Socket;
  readonly outlet: Outlet;
  user: UpstreamUser | undefined;
  isReady = false;
  /** It carried a request before: its end may be a race with the peer's idle timeout. */
  uses = 0;
  readonly #idleMs: number;
  /** When it was first seen idle since its last request. */
  #idleSince: number | undefined;
  #failure = '';
  #localText: string | undefined;
  #isEnded = false;
  #connectTimer: NodeJS.Timeout | undefined;

  constructor(dialling: Dialling, pool: Pool) {
    this.pool = pool;
    this.#idleMs = dialling.idleMs;
    dialling.counters.connections.value++;
    const { address, port, tls } = pool.place;
    const localAddress = dialling.sourceFor(address);
    const where = port === 0 ? { path: address } : { host: address, port, ...(localAddress === undefined ? {} : { localAddress }) };
    const place = { ...where, ...buffering };
    const material = tls?.setup.material();
    if (tls !== undefined && material === undefined) {
      this.socket = new Socket();
      this.socket.destroy(new Error('a TLS secret is not there yet'));
    } else if (tls !== undefined && material !== undefined) {
      const secure = connectTls({
        ...place,
        secureContext: material.context,
        rejectUnauthorized: material.verifiesChain,
        // Names are checked below against what the configuration says, not against the address.
        checkServerIdentity: () => undefined,
        ...(tls.serverName !== '' && isIP(tls.serverName) === 0 ? { servername: tls.serverName } : {}),
        ...(tls.setup.alpn.length > 0 ? { ALPNProtocols: [...tls.setup.alpn] } : {}),
      });
      secure.once('secureConnect', () => {
        const certificate = secure.getPeerX509Certificate();
        if (material.verifiesChain && (certificate === undefined || !material.admits(certificate))) {
          secure.destroy(new Error('the peer certificate names none of the expected identities'));
        } else this.#ready();
      });
      this.socket = secure;
    } else {
      this.socket = connectTcp(place);
      this.socket.once('connect', () => this.#ready());
    }
    this.outlet = new Outlet(this.socket, tls !== undefined);
    this.socket.setNoDelay(true);
    this.socket.on('error', (error) => {
      this.#failure = error.message;
    });
    this.socket.on('end', () => this.#ended());
    dialling.sweeper.add(this);
    this.socket.on('close', () => {
      dialling.sweeper.delete(this);
      this.#ended();
    });
    this.socket.on('drain', () => this.user?.onUpstreamDrain());
    this.#connectTimer = setTimeout(() => this.socket.destroy(new Error('connection timeout')), dialling.connectTimeoutMs);
  }

  /** Its own address and port, as logs show them; undefined before it is connected. */
  get localText(): string | undefined {
    if (this.#localText !== undefined) return this.#localText;
    const { localAddress, localPort } = this.socket;
    if (localAddress !== undefined) this.#localText = textOf(localAddress, localPort ?? 0);
    return this.#localText;
  }

  get isUsable(): boolean {
    return !this.#isEnded && !this.socket.destroyed;
  }

  destroy(): void {
    this.user = undefined;
    this.socket.destroy();
  }

  /** Ends it when it is idle for too long. */
  sweep(now: number): void {
    if (this.user !== undefined) return;
    this.#idleSince ??= now;
    if (now - this.#idleSince >= this.#idleMs) this.destroy();
  }

  /** An exchange is over. @param isReusable nothing of it is left on the connection */
  release(isReusable: boolean): void {
    this.user = undefined;
    this.#idleSince = undefined;
    this.uses++;
    if (!isReusable || this.pool.isGone || !this.isUsable) {
      this.destroy();
      return;
    }
    // A reader that was too slow may have stopped it.
    if (this.socket.isPaused()) this.socket.resume();
    this.pool.idle.push(this);
  }

  #ready(): void {
    clearTimeout(this.#connectTimer);
    this.isReady = true;
    readInto(this.socket, (bytes, length) => {
      // Nobody asked: whatever this is, it is not an answer to the next request.
      if (this.user === undefined) this.destroy();
      else this.user.onUpstreamBytes(bytes, length);
    });
    this.user?.onUpstreamReady();
  }

  #ended(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#connectTimer);
    const { user } = this;
    if (this.isReady) user?.onUpstreamEnd();
    else user?.onUpstreamFailed(this.#failure || 'connection closed', this.pool.place.tls !== undefined);
    if (user !== undefined) return;
    this.socket.destroy();
    const at = this.pool.idle.indexOf(this);
    if (at >= 0) this.pool.idle.splice(at, 1);
  }
}
