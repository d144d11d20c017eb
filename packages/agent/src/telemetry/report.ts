/** One request or connection, as a proxy reported it. */
import type { Peer } from '@palisade/xds/peer';

export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Report {
  kind: 'http' | 'tcp';
  /** Milliseconds since 1970. */
  timeMs: number;
  durationMs: number;
  source: Place;
  /** Where it was going. */
  destination: Place;
  /** The endpoint that was chosen. */
  upstream: Place | undefined;
  cluster: string;
  /** The pod behind the source, when it has the identity that the peer proved. */
  client: Peer | undefined;
  /** URI names of the certificates that were shown; the peer's is checked, so it says who that is. */
  peer: string | undefined;
  local: string | undefined;
  isTls: boolean;
  /** Envoy's short names. */
  flags: readonly string[];
  /** Why the proxy ended the connection (`rbac_access_denied_matched_policy[…]`). */
  termination: string;
  upstreamFailure: string;
  /** Why TLS with the client did not come about. */
  transportFailure: string;
  tags: Readonly<Record<string, string>>;
  /** What dry runs of policies say: `istio_dry_run_allow_shadow_engine_result` and the like. */
  shadow: Readonly<Record<string, string>>;
  protocol: string;
  method: string;
  authority: string;
  path: string;
  requestId: string;
  status: number;
  details: string;
  /** From the client's side: what it sent and what it got; of a request, bodies only. */
  receivedBytes: number;
  sentBytes: number;
}

export function emptyReport(kind: Report['kind']): Report {
  return {
    kind,
    timeMs: 0,
    durationMs: 0,
    source: nowhere,
    destination: nowhere,
    upstream: undefined,
    cluster: '',
    client: undefined,
    peer: undefined,
    local: undefined,
    isTls: false,
    flags: [],
    termination: '',
    upstreamFailure: '',
    transportFailure: '',
    tags: {},
    shadow: {},
    protocol: '',
    method: '',
    authority: '',
    path: '',
    requestId: '',
    status: 0,
    details: '',
    receivedBytes: 0,
    sentBytes: 0,
  };
}

const nowhere: Place = { address: '', port: 0 };
