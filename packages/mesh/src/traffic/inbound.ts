/**
 * The virtual inbound listener (15006): every connection to the workload arrives here, whatever its port. Ports that no service declares
 * get the same mutual TLS and the same authorization as the rest.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '@palisade/xds/api/envoy/config/core/v3/base';
import { type Listener, ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { Filter, FilterChainSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { HttpInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector';
import { OriginalDstSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { TlsInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import type { HttpFilter } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { type MergedMtls, MtlsMode, portMode } from '../authn/peer-authentication.ts';
import { extension, socketAddress } from './any.ts';
import { httpManager, tcpProxy } from './filters.ts';
import type { MeshSettings, Protocol } from './model.ts';
import { istioAlpn, meshServerTls } from './tls.ts';

type Chain = MessageInitShape<typeof FilterChainSchema>;
type Match = NonNullable<Chain['filterChainMatch']>;

export const inboundPort = 15006;

export interface InboundPlan {
  readonly settings: MeshSettings;
  readonly mtls: MergedMtls;
  /** Workload ports that services declare. */
  readonly ports: ReadonlyMap<number, Protocol>;
  readonly httpFilters: readonly HttpFilter[];
  readonly networkFilters: readonly Filter[];
}

/** Workload port → its cluster; undeclared ports share one. */
export function inboundClusterName(port: number | undefined): string {
  return port === undefined ? 'InboundPassthroughCluster' : `inbound|${port}||`;
}

export function compileInbound(plan: InboundPlan): Listener {
  // A mode set for a port that no service declares still holds for that port.
  const ports = new Map<number, Protocol>([...[...plan.mtls.ports.keys()].map((port) => [port, 'auto'] as const), ...plan.ports]);
  const declared = [...ports.keys()].sort((a, b) => a - b).map((port) => chainsFor(plan, port, ports.get(port)!));
  return create(ListenerSchema, {
    name: 'virtualInbound',
    address: socketAddress('0.0.0.0', inboundPort),
    additionalAddresses: [{ address: socketAddress('::', inboundPort) }],
    trafficDirection: TrafficDirection.INBOUND,
    listenerFilters: [
      extension('envoy.filters.listener.original_dst', OriginalDstSchema, {}),
      extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {}),
      extension('envoy.filters.listener.http_inspector', HttpInspectorSchema, {}),
    ],
    // The server may speak first; after that long the connection counts as neither TLS nor HTTP.
    listenerFiltersTimeout: { seconds: 5n },
    continueOnListenerFiltersTimeout: true,
    filterChains: [loopGuard(), ...declared.flat(), ...chainsFor(plan, undefined, 'auto')],
  });
}

/** A connection to the listener's own port would be forwarded to itself for ever. */
function loopGuard(): Chain {
  return {
    name: 'virtualInbound-blackhole',
    filterChainMatch: { destinationPort: inboundPort },
    filters: [tcpProxy('BlackHoleCluster', 'BlackHoleCluster')],
  };
}

function chainsFor(plan: InboundPlan, port: number | undefined, protocol: Protocol): Chain[] {
  const mode = port === undefined ? plan.mtls.mode : portMode(plan.mtls, port);
  const at = (match: Match): Match => (port === undefined ? match : { ...match, destinationPort: port });
  const name = (suffix: string) => `${port === undefined ? 'virtualInbound-catchall' : `0.0.0.0_${port}`}${suffix}`;
  const chains: Chain[] = [];
  const isHttp = protocol === 'http' || protocol === 'http2';
  if (mode !== MtlsMode.disable) {
    const tls = meshServerTls([plan.settings.trustDomains.local, ...plan.settings.trustDomains.aliases]);
    const secured = (suffix: string, filters: NonNullable<Chain['filters']>, alpn: readonly string[] | undefined) =>
      chains.push({
        name: name(suffix),
        transportSocket: tls,
        filters,
        filterChainMatch: at({ transportProtocol: 'tls', ...(alpn === undefined ? {} : { applicationProtocols: [...alpn] }) }),
      });
    const any = mode === MtlsMode.strict ? undefined : istioAlpn;
    const httpAlpn = istioAlpn.filter((alpn) => alpn.startsWith('istio-h'));
    if (isHttp) secured('-mtls', http(plan, port), any);
    else if (protocol === 'tcp') secured('-mtls', tcp(plan, port), any);
    else {
      secured('-mtls-http', http(plan, port), httpAlpn);
      secured('-mtls', tcp(plan, port), mode === MtlsMode.strict ? undefined : istioAlpn.filter((alpn) => !httpAlpn.includes(alpn)));
    }
  }
  if (mode !== MtlsMode.strict) {
    const plain = (suffix: string, filters: NonNullable<Chain['filters']>, match: Match) =>
      chains.push({ name: name(suffix), filters, filterChainMatch: at(match) });
    if (isHttp) plain('', http(plan, port), { transportProtocol: 'raw_buffer' });
    else {
      if (protocol === 'auto')
        plain('-http', http(plan, port), { transportProtocol: 'raw_buffer', applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'] });
      plain('-plain', tcp(plan, port), { transportProtocol: 'raw_buffer' });
    }
    // TLS of the application's own passes as bytes.
    plain('-own-tls', tcp(plan, port), { transportProtocol: 'tls' });
  }
  return chains;
}

function http(plan: InboundPlan, port: number | undefined): NonNullable<Chain['filters']> {
  const cluster = inboundClusterName(port);
  const routeConfig = {
    name: cluster,
    validateClusters: false,
    virtualHosts: [
      {
        name: 'inbound|http',
        domains: ['*'],
        routes: [
          {
            name: 'default',
            match: { pathSpecifier: { case: 'prefix' as const, value: '/' } },
            action: {
              case: 'route' as const,
              value: { clusterSpecifier: { case: 'cluster' as const, value: cluster }, timeout: { seconds: 0n } },
            },
          },
        ],
      },
    ],
  };
  return [
    httpManager({
      statPrefix: `inbound_0.0.0.0_${port ?? 'any'}`,
      settings: plan.settings,
      filters: plan.httpFilters,
      routes: { case: 'routeConfig', value: routeConfig },
      isServer: true,
    }),
  ];
}

function tcp(plan: InboundPlan, port: number | undefined): NonNullable<Chain['filters']> {
  const cluster = inboundClusterName(port);
  return [...plan.networkFilters, tcpProxy(cluster, cluster)];
}
