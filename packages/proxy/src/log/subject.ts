/** What a log line or a report is about. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { ConnectionFacts } from '../facts.ts';

/** A request, or a whole TCP connection. Absent is `undefined`, rendered `-` or null. */
export interface LogSubject {
  readonly connection: ConnectionFacts;
  readonly remoteText: string;
  readonly startMs: number;
  /** Monotonic. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly authority: string | undefined;
  readonly protocol: string | undefined;
  readonly status: number;
  readonly details: string;
  readonly flags: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly host: Host | undefined;
  readonly cluster: Cluster | undefined;
  readonly upstreamLocal: string | undefined;
  readonly upstreamFailure: string | undefined;
  /** Why TLS with the client did not come about. */
  readonly transportFailure: string | undefined;
  /** Why the proxy ended the connection. */
  readonly termination: string | undefined;
  readonly clusterName: string | undefined;
  readonly routeName: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>> | undefined;
  requestHeader(lower: string): string | undefined;
  responseHeader(lower: string): string | undefined;
}

export type AccessLogger = (subject: LogSubject) => void;
