/** Virtual hosts of one port: what its servers offer and VirtualServices bound to their Gateways ask for. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type RouteConfiguration, RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import {
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RouteSchema,
} from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { Workload } from '../traffic/model.ts';
import { type Candidate, candidatesOf, takesEverything } from '../traffic/virtual-service/candidates.ts';
import { compileRoute } from '../traffic/virtual-service/compile-http.ts';
import { everyRequest } from '../traffic/virtual-service/compile-match.ts';
import type { FindService } from '../traffic/virtual-service/destination.ts';
import type { VirtualService } from '../traffic/virtual-service/model.ts';
import { byAge, hostCovers } from '../traffic/virtual-service/select.ts';
import type { Gateway, ServerHost } from './model.ts';
import { gatewayName, type PlacedServer } from './ports.ts';

type Route = MessageInitShape<typeof RouteSchema>;

/** Those bound to this Gateway that the gateway's pods may see. */
export function boundTo(all: readonly VirtualService[], gateway: Gateway, workload: Workload): VirtualService[] {
  return all.filter((one) => one.gateways.includes(gatewayName(gateway)) && (!one.isPrivate || one.namespace === workload.namespace));
}

/** What a gateway has for one host. */
export interface HostRoutes {
  /** To HTTPS, before any route. */
  readonly isRedirected: boolean;
  /** Oldest first. Several resources may share a host: what takes everything comes last, or the others would never be asked. */
  readonly candidates: readonly Candidate[];
}

/** By host as both sides wrote it; none for hosts that nothing answers. */
export function hostRoutesOf(
  servers: readonly PlacedServer[],
  virtualServices: readonly VirtualService[],
  workload: Workload,
): Map<string, HostRoutes> {
  const hosts = new Map<string, Candidate[]>();
  const redirected = new Set(servers.filter(({ server }) => server.isRedirectedToHttps).flatMap(({ server }) => server.hosts.map(hostOf)));
  for (const { owner, gateway, server } of bindings(servers, virtualServices, workload)) {
    const place = {
      gateway: gatewayName(gateway),
      namespace: workload.namespace,
      labels: workload.labels,
      port: server.port,
      scheme: server.tls === undefined ? ('http' as const) : ('https' as const),
    };
    const found = candidatesOf(owner, place);
    if (found.length > 0) for (const host of commonHosts(owner, server.hosts)) hosts.set(host, [...(hosts.get(host) ?? []), ...found]);
  }
  const names = [...new Set([...redirected, ...hosts.keys()])];
  return new Map(
    names.map((host) => {
      const found = hosts.get(host) ?? [];
      const candidates = [...found.filter((each) => !takesEverything(each)), ...found.filter(takesEverything).slice(0, 1)];
      return [host, { isRedirected: redirected.has(host), candidates }];
    }),
  );
}

const hostOf = ({ host }: ServerHost) => host;

export function compileGatewayRoutes(
  name: string,
  servers: readonly PlacedServer[],
  virtualServices: readonly VirtualService[],
  workload: Workload,
  find: FindService,
): RouteConfiguration {
  const hosts = [...hostRoutesOf(servers, virtualServices, workload)].sort(byName);
  return create(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    ignorePortInHostMatching: true,
    virtualHosts: hosts.map(([domain, { isRedirected, candidates }]) => ({
      name: `${domain}:${servers[0]?.server.port ?? 0}`,
      domains: [domain],
      includeRequestAttemptCount: true,
      routes: isRedirected ? [toHttps] : candidates.map((candidate) => compileRoute(candidate, find)),
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

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
