/** What is logged of a connection as a whole, or of a request too broken to be one. */
import type { Cluster } from '../cluster/cluster.ts';
import type { Host } from '../cluster/host.ts';
import type { ConnectionFacts } from '../facts.ts';
import { place } from '../net/address.ts';
import type { Runtime } from '../runtime.ts';
import type { AccessLogger, LogSubject } from './subject.ts';

export class ConnectionLog implements LogSubject {
  readonly connection: ConnectionFacts;
  readonly startMs: number;
  readonly startedAt: number;
  endedAt = 0;
  status = 0;
  details = '';
  flags = '';
  bytesReceived = 0;
  bytesSent = 0;
  host: Host | undefined;
  cluster: Cluster | undefined;
  clusterName: string | undefined;
  upstreamLocal: string | undefined;
  upstreamFailure: string | undefined;
  transportFailure: string | undefined;
  termination: string | undefined;
  readonly method = undefined;
  readonly path = undefined;
  readonly authority = undefined;
  readonly protocol = undefined;
  readonly routeName = undefined;
  readonly metadata = undefined;
  readonly #clock: () => number;

  constructor(connection: ConnectionFacts, runtime: Pick<Runtime, 'now' | 'clock'>) {
    this.connection = connection;
    this.startMs = runtime.now();
    this.startedAt = runtime.clock();
    this.#clock = runtime.clock;
  }

  get remoteText(): string {
    return place(this.connection.source.text, this.connection.sourcePort);
  }

  /** Once; what is said later is not heard. */
  end(loggers: readonly AccessLogger[], flags: string): void {
    if (this.endedAt !== 0) return;
    this.flags = flags;
    this.endedAt = this.#clock();
    for (const write of loggers) write(this);
  }

  requestHeader(): undefined {
    return undefined;
  }
  responseHeader(): undefined {
    return undefined;
  }
}
