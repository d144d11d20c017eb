/** One connection to an endpoint, plain or TLS, used by one request at a time. */
import { connect as connectTcp, isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import { buffering } from '../net/gather.ts';
import { readInto } from '../net/shared-read.ts';

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

export class UpstreamConnection {
  readonly host: Host;
  readonly socket: Socket;
  user: UpstreamUser | undefined;
  isReady = false;
  /** It carried a request before: its end may be a race with the peer's idle timeout. */
  uses = 0;
  #failure = '';
  #isEnded = false;
  #connectTimer: NodeJS.Timeout | undefined;

  constructor(cluster: Cluster, host: Host) {
    this.host = host;
    cluster.counters.connections.value++;
    const { address, port, tls } = host.place;
    const where = port === 0 ? { path: address } : { host: address, port, ...localAddress(cluster, address) };
    const place = { ...where, ...buffering };
    const material = tls?.setup.material();
    if (tls !== undefined && material === undefined) {
      this.socket = new Socket();
      this.socket.destroy(new Error(tls.setup.problem ?? 'a TLS secret is not there yet'));
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
    this.socket.setNoDelay(true);
    this.socket.on('error', (error) => {
      this.#failure = error.message;
    });
    this.socket.on('end', () => this.#ended());
    this.socket.on('close', () => this.#ended());
    this.socket.on('drain', () => this.user?.onUpstreamDrain());
    this.#connectTimer = setTimeout(() => this.socket.destroy(new Error('connection timeout')), cluster.connectTimeoutMs);
  }

  get isUsable(): boolean {
    return !this.#isEnded && !this.socket.destroyed;
  }

  destroy(): void {
    this.user = undefined;
    this.socket.destroy();
  }

  /** An exchange is over. @param isReusable nothing of it is left on the connection */
  release(isReusable: boolean): void {
    this.user = undefined;
    this.uses++;
    if (!isReusable || this.host.isGone || !this.isUsable) {
      this.destroy();
      return;
    }
    // A reader that was too slow may have stopped it.
    if (this.socket.isPaused()) this.socket.resume();
    this.host.idle.push(this);
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
    else user?.onUpstreamFailed(this.#failure || 'connection closed', this.host.place.tls !== undefined);
    if (user !== undefined) return;
    this.socket.destroy();
    const at = this.host.idle.indexOf(this);
    if (at >= 0) this.host.idle.splice(at, 1);
  }
}

/** Istio marks traffic to the application by its source address; the families must agree. */
function localAddress(cluster: Cluster, address: string): { localAddress?: string } {
  const source = cluster.sourceAddress;
  if (source === undefined || isIP(address) === 0) return {};
  if (isIP(source) === isIP(address)) return { localAddress: source };
  const other = cluster.config.upstreamBindConfig?.extraSourceAddresses
    .map((extra) => extra.address?.address ?? '')
    .find((one) => isIP(one) === isIP(address));
  return other === undefined ? {} : { localAddress: other };
}
