/** Where a caller's own proxy takes a request: what VirtualServices make of it before any destination sees it. */
import type { MeshService, MeshSnapshot, ServicePort, Workload } from '../traffic/model.ts';
import { domainsOf, foreignPort, isHttpLike } from '../traffic/outbound.ts';
import { candidatesOf } from '../traffic/virtual-service/candidates.ts';
import { findTcpRoute } from '../traffic/virtual-service/destination.ts';
import type { RoutedRequest } from '../traffic/virtual-service/evaluate.ts';
import { findVirtualService, type RoutingPlace } from '../traffic/virtual-service/select.ts';
import { type Answered, type Forwarded, hostOf, legsOf, routeBy, routeRef } from './routing.ts';

export type Routing =
  /** No VirtualService has a say: to the workload or service that was asked about. */
  | { readonly kind: 'as asked' }
  /** Nobody in the mesh has the host's name: to the address that was dialed, in plain text; with REGISTRY_ONLY nowhere. */
  | { readonly kind: 'past' }
  /** Without a VirtualService: to a service of that name, which is not the one that was dialed. */
  | Forwarded
  | Answered;

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
    return { kind: 'forward', by: routeRef(owner, `spec.tcp[${index}]`), legs };
  }
  // Without a listener for HTTP on that port the connection is passed on unread.
  if (given === undefined && !services.some(({ ports }) => ports.some((port) => port.port === dialed.port && isHttpLike(port))))
    return { kind: 'as asked' };
  const host = hostOf(request.authority);
  const named = services
    .flatMap((service) => service.ports.map((port) => ({ service, port })))
    .find(({ service, port }) => port.port === dialed.port && port.protocol !== 'tcp' && domainsOf(service, from.namespace).includes(host));
  const foreign = dialed.port === foreignPort ? ownerOf(host, from.namespace) : undefined;
  const owner = named === undefined ? foreign : ownerOf(named.service.hostname, named.service.namespace);
  const candidates = owner === undefined ? [] : candidatesOf(owner, place);
  if (candidates.length > 0) return routeBy(snapshot, candidates, request);
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
