/** Which VirtualService speaks for a host, and which of its routes for a place. */
import { selects } from '../../authz/select.ts';
import type { SourceMatch, VirtualService } from './model.ts';

/** Where routes are compiled for. */
export interface RoutingPlace {
  /** `mesh` or `NAMESPACE/NAME` of a Gateway. */
  readonly gateway: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As clients dial it. */
  readonly port: number;
  readonly scheme: 'http' | 'https';
}

export function hostCovers(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith('*') && host.endsWith(pattern.slice(1)));
}

/** The exact host before the longest wildcard; of equals the oldest. */
export function byAge(a: VirtualService, b: VirtualService): number {
  return a.createdSeconds - b.createdSeconds || compare(a.namespace, b.namespace) || compare(a.name, b.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Inside the mesh only the namespaces of the client and of the service, and the root's, may say where a host's traffic goes: a
 * stranger's VirtualService would otherwise take over every client's calls to a service that is not its own.
 */
export function findVirtualService(
  all: readonly VirtualService[],
  host: string,
  places: { readonly client: string; readonly service: string; readonly root: string },
): VirtualService | undefined {
  const trusted = new Set([places.client, places.service, places.root]);
  const strength = (one: VirtualService) =>
    Math.max(...one.hosts.filter((each) => hostCovers(each, host)).map((each) => (each === host ? 1e6 : each.length)));
  return all
    .filter((one) => one.gateways.includes('mesh') && trusted.has(one.namespace) && (!one.isPrivate || one.namespace === places.client))
    .filter((one) => one.hosts.some((each) => hostCovers(each, host)))
    .sort((a, b) => strength(b) - strength(a) || byAge(a, b))[0];
}

/**
 * Those that `findVirtualService` can choose for some host and clients of this namespace, and perhaps a few more: bound to the mesh, and of the
 * client's namespace, the root's, or about services of their own.
 */
export function heardIn(all: readonly VirtualService[], client: string, root: string): VirtualService[] {
  const isOwn = (host: string, namespace: string) => host.includes('*') || host.includes(`.${namespace}.svc.`);
  return all.filter(
    (one) =>
      one.gateways.includes('mesh') &&
      (one.namespace === client || (!one.isPrivate && (one.namespace === root || one.hosts.some((host) => isOwn(host, one.namespace))))),
  );
}

/** The part of `match` that is known before any request: gateway, port, who the client is. */
export function fitsPlace(match: SourceMatch, owner: VirtualService, place: RoutingPlace): boolean {
  return (
    (match.gateways ?? owner.gateways).includes(place.gateway) &&
    (match.port === undefined || match.port === place.port) &&
    (match.sourceNamespace === undefined || match.sourceNamespace === place.namespace) &&
    selects(match.sourceLabels, place.labels)
  );
}
