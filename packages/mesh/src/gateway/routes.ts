/** Virtual hosts of one port: what its servers offer and VirtualServices bound to their Gateways ask for. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type RouteConfiguration, RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import {
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RouteSchema,
} from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { Workload } from '../traffic/model.ts';
import { compileHttpRoutes, isCatchAll } from '../traffic/virtual-service/compile-http.ts';
import { everyRequest } from '../traffic/virtual-service/compile-match.ts';
import type { FindService } from '../traffic/virtual-service/destination.ts';
import type { VirtualService } from '../traffic/virtual-service/model.ts';
import { byAge, hostCovers } from '../traffic/virtual-service/select.ts';
import type { Gateway, Server, ServerHost } from './model.ts';

type Route = MessageInitShape<typeof RouteSchema>;

export interface PlacedServer {
  readonly gateway: Gateway;
  readonly server: Server;
}

export function gatewayName({ namespace, name }: Gateway): string {
  return `${namespace}/${name}`;
}

/** Those bound to this Gateway that the gateway's pods may see. */
export function boundTo(all: readonly VirtualService[], gateway: Gateway, workload: Workload): VirtualService[] {
  return all.filter((one) => one.gateways.includes(gatewayName(gateway)) && (!one.isPrivate || one.namespace === workload.namespace));
}

export function compileGatewayRoutes(
  name: string,
  servers: readonly PlacedServer[],
  virtualServices: readonly VirtualService[],
  workload: Workload,
  find: FindService,
): RouteConfiguration {
  const domains = new Map<string, Route[]>();
  const add = (domain: string, routes: readonly Route[]) => domains.set(domain, [...(domains.get(domain) ?? []), ...routes]);
  for (const { server } of servers) {
    if (server.isRedirectedToHttps) for (const { host } of server.hosts) add(host, [toHttps]);
  }
  for (const { owner, gateway, server } of bindings(servers, virtualServices, workload)) {
    const place = {
      gateway: gatewayName(gateway),
      namespace: workload.namespace,
      labels: workload.labels,
      port: server.port,
      scheme: server.tls === undefined ? ('http' as const) : ('https' as const),
    };
    const routes = compileHttpRoutes(owner, place, find);
    if (routes.length > 0) for (const domain of commonHosts(owner, server.hosts)) add(domain, routes);
  }
  return create(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    ignorePortInHostMatching: true,
    virtualHosts: [...domains].sort(byName).map(([domain, routes]) => ({
      name: `${domain}:${servers[0]?.server.port ?? 0}`,
      domains: [domain],
      includeRequestAttemptCount: true,
      // Several resources may share a host: what takes everything comes last, or the others would never be asked.
      routes: isRedirected(routes)
        ? [toHttps]
        : [...routes.filter((route) => !isCatchAll(route)), ...routes.filter(isCatchAll).slice(0, 1)],
    })),
  });
}

/** Oldest first; a VirtualService counts once for each server it is bound to. */
function bindings(servers: readonly PlacedServer[], virtualServices: readonly VirtualService[], workload: Workload) {
  return [...virtualServices]
    .sort(byAge)
    .flatMap((owner) =>
      servers
        .filter(({ gateway, server }) => !server.isRedirectedToHttps && boundTo([owner], gateway, workload).length > 0)
        .map((placed) => ({ ...placed, owner })),
    );
}

/**
 * What both sides agree on: of two that overlap the narrower one, so that neither opens more than the other wrote. (Istio takes the
 * VirtualService's host even when it is the wider.)
 */
function commonHosts(owner: VirtualService, offered: readonly ServerHost[]): Set<string> {
  const allowed = offered.filter(({ namespace }) => namespace === '*' || namespace === owner.namespace);
  return new Set(
    owner.hosts.flatMap((wanted) =>
      allowed.flatMap(({ host }) => (hostCovers(host, wanted) ? [wanted] : hostCovers(wanted, host) ? [host] : [])),
    ),
  );
}

const toHttps: Route = {
  name: 'to-https',
  match: everyRequest,
  action: {
    case: 'redirect',
    value: { schemeRewriteSpecifier: { case: 'httpsRedirect', value: true }, responseCode: RedirectCode.MOVED_PERMANENTLY },
  },
};
const isRedirected = (routes: readonly Route[]) => routes[0] === toHttps;

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
