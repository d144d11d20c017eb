/** Where access logs go, shared by all listeners: files by path, streams to the access log service by name. */
import type { Message } from '@bufbuild/protobuf';
import type { Cells } from '../cells.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Stats } from '../stats/stats.ts';
import { LogFile } from './log-file.ts';
import { type ReportOptions, ReportStream } from './report-stream.ts';
import type { AccessLogger } from './subject.ts';

export interface SinkEdges {
  readonly stats: Stats;
  readonly clusters: Cells<Cluster>;
  readonly clock: () => number;
}

export class LogSinks {
  /** What writes as a configuration says: the chains of a listener have one together. */
  readonly loggers = new WeakMap<Message, AccessLogger>();
  readonly #files = new Map<string, LogFile>();
  readonly #reports = new Map<string, ReportStream>();
  readonly #edges: SinkEdges;

  constructor(edges: SinkEdges) {
    this.#edges = edges;
  }

  file(path: string): LogFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = new LogFile(path, this.#edges.stats.counter('access_log_file.write_dropped'));
      this.#files.set(path, file);
    }
    return file;
  }

  /** @param cluster of the service: its first host is asked */
  reports(cluster: string, options: Pick<ReportOptions, 'logName' | 'kind' | 'flushMs' | 'messageBytes'>): ReportStream {
    const key = `${cluster} ${options.kind} ${options.logName} ${options.flushMs} ${options.messageBytes}`;
    let stream = this.#reports.get(key);
    if (stream === undefined) {
      const { stats, clusters, clock } = this.#edges;
      const cell = clusters.at(cluster);
      stream = new ReportStream({
        ...options,
        clock,
        place: () => cell.current?.hosts[0]?.place,
        written: stats.counter('access_logs.grpc_access_log.logs_written'),
        dropped: stats.counter('access_logs.grpc_access_log.logs_dropped'),
      });
      this.#reports.set(key, stream);
    }
    return stream;
  }

  /** @returns when what was waiting is written */
  async close(): Promise<void> {
    const closed = [...this.#files.values(), ...this.#reports.values()].map((sink) => sink.close());
    this.#files.clear();
    this.#reports.clear();
    await Promise.all(closed);
  }
}
