/** `TcpProxy`: bytes both ways, half-closes kept, one log line at the end. */
import type { Socket } from 'node:net';
import { type TcpProxy, TcpProxySchema } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import type { Cell } from '../cells.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { UpstreamConnection } from '../cluster/upstream-connection.ts';
import { milliseconds } from '../config/duration.ts';
import { refuseUnread } from '../config/registry.ts';
import type { ConnectionFacts } from '../facts.ts';
import { compileAccessLogs } from '../log/access-log.ts';
import { ConnectionLog } from '../log/connection-log.ts';
import type { AccessLogger } from '../log/subject.ts';
import { Outlet } from '../net/outlet.ts';
import { readInto } from '../net/shared-read.ts';
import { ProxyError, unsupported } from '../proxy-error.ts';
import type { Runtime } from '../runtime.ts';

export interface TcpService {
  /** @returns ends the connection, saying why */
  readonly serve: (socket: Socket, facts: ConnectionFacts) => (why: string) => void;
  readonly loggers: readonly AccessLogger[];
}

const read = [
  'stat_prefix',
  'cluster',
  'weighted_clusters',
  'metadata_match',
  'idle_timeout',
  'access_log',
  'max_connect_attempts',
  'access_log_options',
  'max_downstream_connection_duration',
];
const defaultIdleMs = 3_600_000;

export function compileTcpProxy(config: TcpProxy, runtime: Runtime, where: string): TcpService {
  const at = `${where}, tcp_proxy "${config.statPrefix}"`;
  refuseUnread(TcpProxySchema, config, read, at);
  const pick = clusterPicker(config, runtime, at);
  const loggers = compileAccessLogs(config.accessLog, runtime.logs, at);
  const labels = config.metadataMatch?.filterMetadata['envoy.lb'];
  const idleMs = milliseconds(config.idleTimeout, defaultIdleMs);
  const total = runtime.stats.counter(`tcp.${config.statPrefix}.downstream_cx_total`);
  const serve: TcpService['serve'] = (socket, connection) => {
    total.value++;
    const cell = pick();
    const log = new ConnectionLog(connection, runtime);
    const host = cell.current?.pick(labels, connection);
    log.clusterName = cell.name;
    log.cluster = cell.current;
    const done = (flags: string) => log.end(loggers, flags);
    if (cell.current === undefined || host === undefined) {
      done(cell.current === undefined ? 'NC' : 'UH');
      socket.destroy();
      return () => {};
    }
    log.host = host;
    host.active++;
    const outlet = new Outlet(socket, connection.isTls);
    const upstream = new UpstreamConnection(cell.current, host);
    const close = (flags: string) => {
      done(flags);
      upstream.destroy();
      socket.destroy();
    };
    socket.once('close', () => {
      host.active--;
      close('');
    });
    socket.on('error', () => close('DC'));
    if (idleMs > 0) socket.setTimeout(idleMs, () => close('SI'));
    upstream.user = {
      onUpstreamReady() {
        log.upstreamLocal = upstream.localText;
        readInto(socket, (bytes, length) => {
          log.bytesReceived += length;
          if (!upstream.outlet.content(bytes, 0, length, 0)) socket.pause();
        });
        socket.on('end', () => upstream.socket.end());
      },
      onUpstreamFailed(reason) {
        log.upstreamFailure = reason;
        close('UF');
      },
      onUpstreamBytes(bytes, length) {
        log.bytesSent += length;
        if (!outlet.content(bytes, 0, length, 0)) upstream.socket.pause();
      },
      onUpstreamDrain: () => socket.resume(),
      onUpstreamEnd: () => {
        if (socket.readableEnded || upstream.socket.destroyed) socket.destroySoon();
        else socket.end();
      },
    };
    socket.on('drain', () => upstream.socket.resume());
    return (why) => {
      log.termination = why;
      close('');
    };
  };
  return { serve, loggers };
}

function clusterPicker(config: TcpProxy, runtime: Runtime, where: string): () => Cell<Cluster> {
  const specifier = config.clusterSpecifier;
  if (specifier.case === 'cluster') {
    const cell = runtime.clusters.at(specifier.value);
    return () => cell;
  }
  if (specifier.case !== 'weightedClusters') throw unsupported(where, `cluster specifier "${specifier.case ?? 'nothing'}"`);
  const all = specifier.value.clusters.map((one) => ({ cell: runtime.clusters.at(one.name), weight: one.weight }));
  const total = all.reduce((sum, one) => sum + one.weight, 0);
  if (total === 0) throw new ProxyError('bad-config', `${where}: no cluster with a weight above 0`);
  return () => {
    let left = runtime.random() * total;
    for (const one of all) {
      left -= one.weight;
      if (left < 0) return one.cell;
    }
    return all[0]!.cell;
  };
}
