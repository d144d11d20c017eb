/** `envoy.config.route.v3.RouteConfiguration`: authority, then the first route that matches. */
import { type RouteConfiguration, RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { RouteSchema, type VirtualHost, VirtualHostSchema } from '@palisade/xds/api/envoy/config/route/v3/route_components';
import type { Cells } from '../cells.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { refuseUnread } from '../config/registry.ts';
import type { RequestFacts } from '../facts.ts';
import { withoutQuery } from '../match/path.ts';
import { ProxyError } from '../proxy-error.ts';
import { compileAction } from './action.ts';
import { compileRouteMatch } from './match.ts';
import { type CompiledRoute, compileHeaderChanges } from './route.ts';

export interface RouteTable {
  readonly config: RouteConfiguration;
  /** Never throws; undefined: no route. */
  find(request: RequestFacts, random: () => number): CompiledRoute | undefined;
}

const readConfig = [
  'name',
  'virtual_hosts',
  'validate_clusters',
  'ignore_port_in_host_matching',
  'max_direct_response_body_size_bytes',
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
  'ignore_path_parameters_in_path_matching',
  'metadata',
];
const readHost = [
  'name',
  'domains',
  'routes',
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
  'include_request_attempt_count',
  'metadata',
  'retry_policy',
];
const readRoute = [
  'name',
  'match',
  'route',
  'redirect',
  'direct_response',
  'metadata',
  'decorator',
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
  'tracing',
  'stat_prefix',
];

export function compileRoutes(config: RouteConfiguration, clusters: Cells<Cluster>): RouteTable {
  const where = `route configuration "${config.name}"`;
  refuseUnread(RouteConfigurationSchema, config, readConfig, where);
  const exact = new Map<string, readonly CompiledRoute[]>();
  const suffixes: { text: string; routes: readonly CompiledRoute[] }[] = [];
  const prefixes: { text: string; routes: readonly CompiledRoute[] }[] = [];
  let fallback: readonly CompiledRoute[] | undefined;
  for (const host of config.virtualHosts) {
    const routes = compileHost(config, host, clusters, `${where}, virtual host "${host.name}"`);
    for (const given of host.domains) {
      const domain = given.toLowerCase();
      if (domain === '*') fallback = routes;
      else if (domain.startsWith('*')) suffixes.push({ text: domain.slice(1), routes });
      else if (domain.endsWith('*')) prefixes.push({ text: domain.slice(0, -1), routes });
      else if (exact.has(domain)) throw new ProxyError('bad-config', `${where}: the domain "${domain}" stands twice`);
      else exact.set(domain, routes);
    }
  }
  for (const list of [suffixes, prefixes]) list.sort((a, b) => b.text.length - a.text.length);
  const search = (authority: string) =>
    exact.get(authority) ??
    suffixes.find(({ text }) => authority.length > text.length && authority.endsWith(text))?.routes ??
    prefixes.find(({ text }) => authority.length > text.length && authority.startsWith(text))?.routes ??
    fallback;
  return {
    config,
    find(request, random) {
      let authority = request.authority.toLowerCase();
      if (config.ignorePortInHostMatching) authority = authority.replace(/:\d+$/, '');
      const routes = exact.size + suffixes.length + prefixes.length === 0 ? fallback : search(authority);
      if (routes === undefined) return undefined;
      let path = withoutQuery(request.path);
      if (config.ignorePathParametersInPathMatching) path = path.replace(/;[^/]*/g, '');
      for (const route of routes) if (route.matches(request, path, random)) return route;
      return undefined;
    },
  };
}

function compileHost(config: RouteConfiguration, host: VirtualHost, clusters: Cells<Cluster>, where: string): CompiledRoute[] {
  refuseUnread(VirtualHostSchema, host, readHost, where);
  return host.routes.map((route, index) => {
    const at = `${where}, route ${route.name === '' ? index : `"${route.name}"`}`;
    refuseUnread(RouteSchema, route, readRoute, at);
    const levels = [route, host, config];
    return {
      name: route.name,
      matches: compileRouteMatch(route.match, at),
      action: compileAction(
        route,
        {
          request: levels.map((level) => compileHeaderChanges(level.requestHeadersToAdd, level.requestHeadersToRemove, at)),
          response: levels.map((level) => compileHeaderChanges(level.responseHeadersToAdd, level.responseHeadersToRemove, at)),
          retry: host.retryPolicy,
        },
        clusters,
        at,
      ),
    };
  });
}
