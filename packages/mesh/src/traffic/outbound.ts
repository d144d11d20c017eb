/**
 * The virtual outbound listener (15001) hands each connection to the listener of its original destination: HTTP by port with routes by
 * host name, other TCP by service address.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '@palisade/xds/api/envoy/config/core/v3/base';
import { type Listener, ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import type { FilterChainSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener_components';
import { type RouteConfiguration, RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import type { VirtualHostSchema } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import { HttpInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector';
import { OriginalDstSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { TlsInspectorSchema } from '@palisade/xds/api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { extension, overAds, socketAddress } from './any.ts';
import { bytesClusterName, outboundClusterName } from './clusters.ts';
import { httpManager, tcpProxy } from './filters.ts';
import type { MeshService, MeshSettings, ServicePort } from './model.ts';
import { compileHttpRoutes, retryPolicy } from './virtual-service/compile-http.ts';
import { clustersOf, findTcpRoute } from './virtual-service/destination.ts';
import type { VirtualService } from './virtual-service/model.ts';
import { findVirtualService, type RoutingPlace } from './virtual-service/select.ts';

type Chain = MessageInitShape<typeof FilterChainSchema>;
type VirtualHost = MessageInitShape<typeof VirtualHostSchema>;

export const outboundPort = 15001;

export interface OutboundPlan {
  readonly settings: MeshSettings;
  /** The client's. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly services: readonly MeshService[];
  readonly virtualServices: readonly VirtualService[];
}

export interface Outbound {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteConfiguration[];
}

export function compileOutbound(plan: OutboundPlan): Outbound {
  const pairs = plan.services.flatMap((service) => service.ports.map((port) => ({ service, port })));
  const httpPorts = [...new Set(pairs.filter(({ port }) => isHttpLike(port)).map(({ port }) => port.port))].sort((a, b) => a - b);
  const tcp = pairs.filter(({ port }) => port.protocol === 'tcp' || port.protocol === 'auto');
  return {
    listeners: [
      virtualOutbound(plan.settings),
      ...httpPorts.map((port) => httpListener(plan.settings, port)),
      ...tcp.flatMap(({ service, port }) => service.addresses.map((address) => addressListener(plan, service, port, address))),
    ],
    routes: [...new Set([...httpPorts, ...tcp.filter(({ port }) => port.protocol === 'auto').map(({ port }) => port.port)])]
      .sort((a, b) => a - b)
      .map((port) => routesOfPort(plan, port)),
  };
}

export const isHttpLike = (port: ServicePort) => port.protocol === 'http' || port.protocol === 'http2';

function fallbackCluster(settings: MeshSettings): string {
  return settings.outbound === 'ALLOW_ANY' ? 'PassthroughCluster' : 'BlackHoleCluster';
}

function virtualOutbound(settings: MeshSettings): Listener {
  const cluster = fallbackCluster(settings);
  return create(ListenerSchema, {
    name: 'virtualOutbound',
    address: socketAddress('0.0.0.0', outboundPort),
    additionalAddresses: [{ address: socketAddress('::', outboundPort) }],
    trafficDirection: TrafficDirection.OUTBOUND,
    useOriginalDst: true,
    listenerFilters: [extension('envoy.filters.listener.original_dst', OriginalDstSchema, {})],
    filterChains: [
      {
        name: 'virtualOutbound-trap',
        filterChainMatch: { destinationPort: outboundPort },
        filters: [only('BlackHoleCluster')],
      },
      { name: 'virtualOutbound-catchall-tcp', filters: [only(cluster)] },
    ],
  });
}

const only = (cluster: string) => tcpProxy(cluster, [{ name: cluster, weight: 1 }]);

const whenHttp = { transportProtocol: 'raw_buffer', applicationProtocols: ['http/1.0', 'http/1.1', 'h2c'] };
const looking = [
  extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {}),
  extension('envoy.filters.listener.http_inspector', HttpInspectorSchema, {}),
];

/** Any address: what is no HTTP on a port of HTTP services goes where it meant to, as bytes. */
function httpListener(settings: MeshSettings, port: number): Listener {
  return create(ListenerSchema, {
    name: `0.0.0.0_${port}`,
    address: socketAddress('0.0.0.0', port),
    additionalAddresses: [{ address: socketAddress('::', port) }],
    trafficDirection: TrafficDirection.OUTBOUND,
    bindToPort: false,
    listenerFilters: looking,
    listenerFiltersTimeout: { seconds: 5n },
    continueOnListenerFiltersTimeout: true,
    filterChains: [{ name: 'http', filterChainMatch: whenHttp, filters: [manager(settings, port)] }],
    defaultFilterChain: { name: 'tcp', filters: [only(fallbackCluster(settings))] },
  });
}

function addressListener(plan: OutboundPlan, service: MeshService, port: ServicePort, address: string): Listener {
  const isLooking = port.protocol === 'auto';
  const name = outboundClusterName(service.hostname, port.port);
  const cluster = isLooking ? bytesClusterName(name) : name;
  const owner = ownerOf(plan, service.hostname, service.namespace);
  const route = owner && findTcpRoute(owner, placeOf(plan, port.port));
  const routed = route && clustersOf(route, placeOf(plan, port.port), finderOf(plan));
  const asBytes: Chain = { name: 'tcp', filters: [tcpProxy(cluster, routed ?? [{ name: cluster, weight: 1 }])] };
  return create(ListenerSchema, {
    name: `${address}_${port.port}`,
    address: socketAddress(address, port.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    bindToPort: false,
    ...(isLooking
      ? {
          listenerFilters: looking,
          listenerFiltersTimeout: { seconds: 5n },
          continueOnListenerFiltersTimeout: true,
          filterChains: [{ name: 'http', filterChainMatch: whenHttp, filters: [manager(plan.settings, port.port)] }],
          defaultFilterChain: asBytes,
        }
      : { filterChains: [asBytes] }),
  });
}

function manager(settings: MeshSettings, port: number): NonNullable<Chain['filters']>[number] {
  return httpManager({
    statPrefix: `outbound_0.0.0.0_${port}`,
    settings,
    routes: {
      case: 'rds',
      value: {
        routeConfigName: String(port),
        configSource: overAds,
      },
    },
  });
}

function placeOf({ namespace, labels }: OutboundPlan, port: number): RoutingPlace {
  return { gateway: 'mesh', namespace, labels, port, scheme: 'http' };
}

function ownerOf(plan: OutboundPlan, host: string, service: string): VirtualService | undefined {
  return findVirtualService(plan.virtualServices, host, { client: plan.namespace, service, root: plan.settings.rootNamespace });
}

function finderOf({ services }: OutboundPlan) {
  return (host: string) => services.find(({ hostname }) => hostname === host);
}

/** Where hosts go that are no services of this cluster. */
export const foreignPort = 80;

function routesOfPort(plan: OutboundPlan, port: number): RouteConfiguration {
  const taken = new Set<string>();
  const virtualHost = (name: string, domains: readonly string[], routes: NonNullable<VirtualHost['routes']>): VirtualHost[] => {
    // Two hosts with one domain would make Envoy refuse the whole configuration.
    const free = domains.filter((domain) => !taken.has(domain));
    for (const domain of free) taken.add(domain);
    return free.length === 0 ? [] : [{ name: `${name}:${port}`, domains: free, includeRequestAttemptCount: true, routes }];
  };
  const place = placeOf(plan, port);
  const hosts = plan.services.flatMap((service) => {
    const own = service.ports.find((candidate) => candidate.port === port && candidate.protocol !== 'tcp');
    if (own === undefined) return [];
    const owner = ownerOf(plan, service.hostname, service.namespace);
    const routes = owner === undefined ? [] : compileHttpRoutes(owner, place, finderOf(plan));
    return virtualHost(
      service.hostname,
      domainsOf(service, plan.namespace),
      routes.length > 0 ? routes : [everyPath(outboundClusterName(service.hostname, port))],
    );
  });
  const names = new Set(plan.services.map(({ hostname }) => hostname));
  const foreign = port !== foreignPort ? [] : plan.virtualServices.flatMap(({ hosts: named }) => named.filter((host) => !names.has(host)));
  const foreignHosts = [...new Set(foreign)].sort().flatMap((host) => {
    const owner = ownerOf(plan, host, plan.namespace);
    const isOfServices = host.startsWith('*') && host.endsWith(`.svc.${plan.settings.clusterDomain}`);
    const routes = owner === undefined || isOfServices ? [] : compileHttpRoutes(owner, place, finderOf(plan));
    return routes.length === 0 ? [] : virtualHost(host, [host], routes);
  });
  const fallback: VirtualHost =
    plan.settings.outbound === 'ALLOW_ANY'
      ? { name: 'allow_any', domains: ['*'], routes: [passOn] }
      : {
          name: 'block_all',
          domains: ['*'],
          routes: [
            { match: { pathSpecifier: { case: 'prefix', value: '/' } }, action: { case: 'directResponse', value: { status: 502 } } },
          ],
        };
  return create(RouteConfigurationSchema, {
    name: String(port),
    validateClusters: false,
    ignorePortInHostMatching: true,
    virtualHosts: [...hosts, ...foreignHosts, fallback],
  });
}

function everyPath(cluster: string): NonNullable<VirtualHost['routes']>[number] {
  return {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster }, timeout: { seconds: 0n }, retryPolicy } },
  };
}

const passOn: NonNullable<VirtualHost['routes']>[number] = {
  name: 'allow_any',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: 'PassthroughCluster' }, timeout: { seconds: 0n } } },
};

/** Every spelling that the cluster's DNS resolves for this client; its own namespace's services come first in `services`. */
export function domainsOf({ name, namespace, hostname, addresses }: MeshService, client: string): string[] {
  return [
    hostname,
    `${hostname}.`,
    ...(namespace === client ? [name] : []),
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    ...addresses.map((address) => (address.includes(':') ? `[${address}]` : address)),
  ];
}
