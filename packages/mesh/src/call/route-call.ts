/** Where a caller's own proxy takes a request: what VirtualServices make of it before any destination sees it. */
import { findDestinationRule } from '../traffic/destination-rule.ts';
import type { MeshService, MeshSnapshot, ServicePort, Workload } from '../traffic/model.ts';
import { domainsOf, foreignPort, isHttpLike } from '../traffic/outbound.ts';
import { findTcpRoute, portOf } from '../traffic/virtual-service/destination.ts';
import { chooseHttpRoute, type RoutedRequest, rewriteRequest } from '../traffic/virtual-service/evaluate.ts';
import type { Destination, HttpRoute, VirtualService } from '../traffic/virtual-service/model.ts';
import { findVirtualService, type RoutingPlace } from '../traffic/virtual-service/select.ts';

/** A route of a VirtualService by the path of its field. */
export interface RouteRef {
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
}

/** One of the places that a route shares its requests out to. */
export interface Leg {
  /** Of 1. */
  readonly share: number;
  /** As the destination gets it. */
  readonly request: RoutedRequest;
  /** Absent = there is no such service, port or subset: 503. */
  readonly to?: { readonly service: MeshService; readonly port: ServicePort; readonly subset: string };
  /** `details.shop.svc.cluster.local:9080 subset v2` */
  readonly written: string;
}

export type Routing =
  /** No VirtualService has a say: to the workload or service that was asked about. */
  | { readonly kind: 'as asked' }
  /** Nobody in the mesh has the host's name: to the address that was dialed, in plain text; with REGISTRY_ONLY nowhere. */
  | { readonly kind: 'past' }
  /** @param by absent = a service of that name, which is not the one that was dialed */
  | { readonly kind: 'forward'; readonly by?: RouteRef; readonly legs: readonly Leg[] }
  /** The caller's proxy answers itself. */
  | { readonly kind: 'answer'; readonly by?: RouteRef; readonly status: number; readonly reason: string };

export interface Dialed {
  readonly port: number;
  /** Absent = the address of a workload. */
  readonly service?: { readonly service: MeshService; readonly port: ServicePort };
}

/** @param from a workload whose sidecar takes the request */
export function routeCall(snapshot: MeshSnapshot, from: Workload, dialed: Dialed, request: RoutedRequest): Routing {
  const { services, settings } = snapshot;
  const place: RoutingPlace = { gateway: 'mesh', namespace: from.namespace, labels: from.labels, port: dialed.port, scheme: 'http' };
  const ownerOf = (host: string, service: string) =>
    findVirtualService(snapshot.virtualServices, host, { client: from.namespace, service, root: settings.rootNamespace });
  const given = dialed.service;
  if (given?.port.protocol === 'tcp') {
    const owner = ownerOf(given.service.hostname, given.service.namespace);
    const index = owner === undefined ? -1 : owner.tcp.indexOf(findTcpRoute(owner, place)!);
    if (owner === undefined || index < 0) return { kind: 'as asked' };
    const legs = legsOf(snapshot, place, owner.tcp[index]!.destinations, () => request);
    return { kind: 'forward', by: refOf(owner, `spec.tcp[${index}]`), legs };
  }
  // Without a listener for HTTP on that port the connection is passed on unread.
  if (given === undefined && !services.some(({ ports }) => ports.some((port) => port.port === dialed.port && isHttpLike(port))))
    return { kind: 'as asked' };
  const host = request.authority.toLowerCase().replace(/:\d+$/, '');
  const named = services
    .flatMap((service) => service.ports.map((port) => ({ service, port })))
    .find(({ service, port }) => port.port === dialed.port && port.protocol !== 'tcp' && domainsOf(service, from.namespace).includes(host));
  const foreign = dialed.port === foreignPort ? ownerOf(host, from.namespace) : undefined;
  const owner = named === undefined ? foreign : ownerOf(named.service.hostname, named.service.namespace);
  const routing = owner === undefined ? undefined : routeByHttp(snapshot, owner, place, request);
  if (routing !== undefined) return routing;
  if (named !== undefined) {
    if (named.service === given?.service) return { kind: 'as asked' };
    const { service, port } = named;
    return {
      kind: 'forward',
      legs: [{ share: 1, request, to: { service, port, subset: '' }, written: `${service.hostname}:${port.port}` }],
    };
  }
  return settings.outbound === 'ALLOW_ANY'
    ? { kind: 'past' }
    : { kind: 'answer', status: 502, reason: `no service is called "${host}", and outboundTrafficPolicy is REGISTRY_ONLY` };
}

/** @returns undefined where the VirtualService has no routes for this client and port */
function routeByHttp(snapshot: MeshSnapshot, owner: VirtualService, place: RoutingPlace, request: RoutedRequest): Routing | undefined {
  const choice = chooseHttpRoute(owner, place, request);
  switch (choice.kind) {
    case 'none here':
      return undefined;
    case 'unmatched':
      return { kind: 'answer', by: refOf(owner, 'spec.http'), status: 404, reason: 'none of its routes fits the request' };
    case 'route': {
      const { action } = choice.route;
      const by = refOf(owner, `spec.http[${choice.index}]`);
      if (action.kind === 'answer') return { kind: 'answer', by, status: action.status, reason: 'the route answers itself' };
      if (action.kind === 'redirect') return { kind: 'answer', by, status: action.status, reason: 'the route sends the caller elsewhere' };
      const changed = (index: number) => {
        const changes = [action.destinations[index]!.headers.request, headersOf(choice.route)];
        return rewriteRequest(request, action, choice.match, changes);
      };
      return { kind: 'forward', by, legs: legsOf(snapshot, place, action.destinations, changed) };
    }
    default:
      return choice satisfies never;
  }
}

const headersOf = ({ headers }: HttpRoute) => headers.request;
const refOf = ({ namespace, name }: VirtualService, field: string): RouteRef => ({ namespace, name, field });

function legsOf(
  snapshot: MeshSnapshot,
  place: RoutingPlace,
  destinations: readonly { readonly destination: Destination; readonly weight: number }[],
  requestOf: (index: number) => RoutedRequest,
): Leg[] {
  const find = (host: string) => snapshot.services.find(({ hostname }) => hostname === host);
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  return destinations.map(({ destination, weight }, index) => {
    const { host, subset } = destination;
    const number = portOf(destination, place.port, find);
    const service = find(host);
    const port = service?.ports.find((each) => each.port === number);
    const places = { client: place.namespace, service: service?.namespace ?? '', root: snapshot.settings.rootNamespace };
    const rule = findDestinationRule(snapshot.destinationRules, host, places);
    const isKnown = subset === '' || rule?.subsets.some(({ name }) => name === subset) === true;
    return {
      share: weight / total,
      request: requestOf(index),
      ...(service !== undefined && port !== undefined && isKnown ? { to: { service, port, subset } } : {}),
      written: `${host}:${number}${subset === '' ? '' : ` subset ${subset}`}`,
    };
  });
}
