/** One port of a gateway: plain HTTP for all its servers together, or a filter chain with TLS for each server. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '@palisade/xds/api/envoy/config/core/v3/base';
import { ApiVersion } from '@palisade/xds/api/envoy/config/core/v3/config_source';
import { type Listener, ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { FilterChain, FilterChainSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { TlsInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import type { HttpFilter } from '@palisade/xds/api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import {
  SubjectAltNameMatcher_SanType as SanType,
  TlsParameters_TlsProtocol as TlsProtocol,
} from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/common';
import { DownstreamTlsContextSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/tls';
import { extension, overAds, socketAddress } from '../traffic/any.ts';
import { httpManager } from '../traffic/filters.ts';
import type { MeshSettings } from '../traffic/model.ts';
import { anchorsSecret, keyPairSecret } from './credential.ts';
import type { ServerTls, TlsVersion } from './model.ts';
import type { GatewayPort, PlacedServer } from './ports.ts';

type Chain = Exclude<MessageInitShape<typeof FilterChainSchema>, FilterChain>;

export function routeNameOf({ port, servers }: GatewayPort, placed: PlacedServer | undefined = servers[0]): string {
  if (placed?.server.tls === undefined) return `http.${port}`;
  const { gateway, server } = placed;
  return `https.${server.port}.${server.portName}.${gateway.name}.${gateway.namespace}`;
}

export function compileGatewayListener(at: GatewayPort, settings: MeshSettings, security: readonly HttpFilter[]): Listener {
  const isTls = at.servers[0]?.server.tls !== undefined;
  const chain = (placed: PlacedServer | undefined): Pick<Chain, 'filters'> => ({
    filters: [
      httpManager({
        statPrefix: `outbound_0.0.0.0_${at.port}`,
        settings,
        security,
        isEdge: true,
        routes: { case: 'rds', value: { routeConfigName: routeNameOf(at, placed), configSource: overAds } },
      }),
    ],
  });
  return create(ListenerSchema, {
    name: `0.0.0.0_${at.port}`,
    address: socketAddress('0.0.0.0', at.port),
    additionalAddresses: [{ address: socketAddress('::', at.port) }],
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: isTls ? [extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {})] : [],
    filterChains: isTls ? at.servers.map((placed) => ({ ...chain(placed), ...tlsOf(placed) })) : [{ name: 'http', ...chain(undefined) }],
  });
}

/** The client's hello names the host; a server for every host takes those without a name too. */
function tlsOf(placed: PlacedServer): Pick<Chain, 'name' | 'filterChainMatch' | 'transportSocket'> {
  const { tls, hosts } = placed.server;
  const names = [...new Set(hosts.map(({ host }) => host))];
  return {
    name: routeNameOf({ port: 0, servers: [placed] }),
    filterChainMatch: names.includes('*') ? {} : { serverNames: names },
    transportSocket: extension('envoy.transport_sockets.tls', DownstreamTlsContextSchema, downstream(tls!)),
  };
}

/** A gateway with a missing Secret goes on serving its other hosts; connections to this one fail. */
const fromControlPlane = (name: string) => ({
  name,
  sdsConfig: {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: { case: 'ads' as const, value: {} },
    initialFetchTimeout: { seconds: 2n },
  },
});

const protocols: Readonly<Record<TlsVersion, TlsProtocol>> = { TLSV1_2: TlsProtocol.TLSv1_2, TLSV1_3: TlsProtocol.TLSv1_3 };

function downstream({
  mode,
  credentialName,
  minVersion,
  maxVersion,
  subjectAltNames,
}: ServerTls): MessageInitShape<typeof DownstreamTlsContextSchema> {
  return {
    requireClientCertificate: mode === 'MUTUAL',
    commonTlsContext: {
      alpnProtocols: ['http/1.1'],
      tlsParams: { tlsMinimumProtocolVersion: protocols[minVersion], tlsMaximumProtocolVersion: protocols[maxVersion] },
      tlsCertificateSdsSecretConfigs: [fromControlPlane(keyPairSecret(credentialName))],
      ...(mode === 'SIMPLE'
        ? {}
        : {
            validationContextType: {
              case: 'combinedValidationContext' as const,
              value: {
                defaultValidationContext: {
                  matchTypedSubjectAltNames: subjectAltNames.map((name) => ({
                    sanType: name.includes('://') ? SanType.URI : SanType.DNS,
                    matcher: { matchPattern: { case: 'exact' as const, value: name } },
                  })),
                },
                validationContextSdsSecretConfig: fromControlPlane(anchorsSecret(credentialName)),
              },
            },
          }),
    },
  };
}
