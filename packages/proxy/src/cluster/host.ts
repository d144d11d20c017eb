/** One endpoint of a cluster and its pool of HTTP/1 connections. */

import type { UpstreamConnection } from '../http/upstream-connection.ts';
import { place as textOf } from '../net/address.ts';
import type { TlsSetup } from '../tls/context.ts';

export interface HostPlace {
  /** IP address, name, or path of a Unix socket when `port` is 0. */
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly isHealthy: boolean;
  /** `envoy.lb` metadata: what subsets select by. */
  readonly labels: Readonly<Record<string, unknown>>;
  /** All metadata by filter name. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Decides plain or TLS for this endpoint (Istio's auto mTLS). */
  readonly tls: UpstreamTls | undefined;
}

export interface UpstreamTls {
  readonly setup: TlsSetup;
  readonly serverName: string;
}

export class Host {
  place: HostPlace;
  /** Address and port, which stay, as logs show them. */
  readonly text: string;
  /** Requests and TCP connections in flight: what least request compares. */
  active = 0;
  requests = 0;
  failures = 0;
  /** The last one used is the first one used again: what is not needed, the other side closes. */
  readonly idle: UpstreamConnection[] = [];
  /** No longer in its cluster: connections are closed as they come back. */
  isGone = false;

  constructor(place: HostPlace) {
    this.place = place;
    this.text = textOf(place.address, place.port);
  }

  takeIdle(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.idle.pop();
      if (connection === undefined || connection.isUsable) return connection;
    }
  }

  retire(): void {
    this.isGone = true;
    for (const connection of this.idle.splice(0)) connection.destroy();
  }
}
