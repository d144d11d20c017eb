/** What is known about a connection and a request when a policy is asked. */
import type { Address } from './net/address.ts';

/** A peer that TLS authenticated against the listener's trust anchors. */
export interface Peer {
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  readonly subject: string;
  /** SHA-256 of the DER certificate, hexadecimal. */
  readonly hash: string;
}

export interface ConnectionFacts {
  /** Who opened the TCP connection. */
  readonly source: Address;
  readonly sourcePort: number;
  /** Where it was going before any redirection (SO_ORIGINAL_DST), else the socket's own address. */
  readonly destination: Address;
  readonly destinationPort: number;
  readonly isTls: boolean;
  readonly serverName: string;
  readonly applicationProtocol: string;
  readonly peer: Peer | undefined;
  /** The URI names of the certificate this side showed. */
  readonly localUriSans: readonly string[];
}

export interface RequestFacts {
  readonly method: string;
  /** Normalised, with query. */
  readonly path: string;
  readonly authority: string;
  /** @param name lower case @returns every value, in order; repeated headers are never joined */
  values(name: string): readonly string[];
}

export interface AuthzFacts {
  readonly connection: ConnectionFacts;
  /** Absent at the network layer. */
  readonly request?: RequestFacts;
  /** The client after trusted X-Forwarded-For hops; at the network layer the TCP peer. */
  readonly remote: Address;
  /** Dynamic metadata by filter name. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}
