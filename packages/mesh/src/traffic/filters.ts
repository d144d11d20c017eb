/** Network filters that end a chain: HTTP connection manager and TCP proxy, both with their access logs. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { FilterSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { RouterSchema } from '@palisade/xds/api/envoy/extensions/filters/http/router/v3/router';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManager_ForwardClientCertDetails as ForwardCertificate,
  HttpConnectionManagerSchema,
  type HttpFilter,
  type HttpConnectionManagerSchema as ManagerSchema,
} from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { TcpProxySchema } from '@palisade/xds/api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { outboundAccessLog } from '../telemetry/access-log.ts';
import { extension } from './any.ts';
import type { MeshSettings } from './model.ts';

type NetworkFilter = MessageInitShape<typeof FilterSchema>;
type Manager = MessageInitShape<typeof ManagerSchema>;

export interface HttpOptions {
  readonly statPrefix: string;
  readonly settings: MeshSettings;
  readonly routes: NonNullable<Manager['routeSpecifier']>;
  /** Instead of the router alone; it ends with the router. */
  readonly security?: readonly HttpFilter[];
  /** Clients are strangers: their address is the connection's, and what they say of themselves is replaced. */
  readonly isEdge?: boolean;
}

export function httpManager({ statPrefix, settings, routes, security, isEdge = false }: HttpOptions): NetworkFilter {
  const { pathNormalization } = settings;
  const isDecoding = pathNormalization === 'DECODE_AND_MERGE_SLASHES';
  const config: Manager = {
    statPrefix,
    routeSpecifier: routes,
    httpFilters: security === undefined ? [extension('envoy.filters.http.router', RouterSchema, {})] : [...security],
    normalizePath: pathNormalization !== 'NONE',
    mergeSlashes: pathNormalization === 'MERGE_SLASHES' || isDecoding,
    pathWithEscapedSlashesAction: isDecoding ? EscapedSlashes.UNESCAPE_AND_FORWARD : EscapedSlashes.KEEP_UNCHANGED,
    useRemoteAddress: isEdge,
    serverName: 'istio-envoy',
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    // What the client claims about certificates is dropped: only a proxy that saw one may name it.
    forwardClientCertDetails: isEdge ? ForwardCertificate.SANITIZE_SET : ForwardCertificate.SANITIZE,
    ...(isEdge ? { setCurrentClientCertDetails: { subject: true, dns: true, uri: true } } : {}),
    // A service may stream for as long as it likes.
    streamIdleTimeout: { seconds: 0n },
    accessLog: outboundAccessLog('http'),
  };
  return extension('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, config);
}

export function tcpProxy(statPrefix: string, clusters: readonly { readonly name: string; readonly weight: number }[]): NetworkFilter {
  const [first] = clusters;
  return extension('envoy.filters.network.tcp_proxy', TcpProxySchema, {
    statPrefix,
    clusterSpecifier:
      clusters.length === 1 && first !== undefined
        ? { case: 'cluster', value: first.name }
        : { case: 'weightedClusters', value: { clusters: clusters.map(({ name, weight }) => ({ name, weight })) } },
    accessLog: outboundAccessLog('tcp'),
  });
}
