/** Where an endpoint is, and what configuration says of it. */
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
