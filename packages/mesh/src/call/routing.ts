/** What a proxy makes of a request: where it sends it, and how the request leaves. */
import { findDestinationRule } from '../traffic/destination-rule.ts';
import type { MeshService, MeshSnapshot, ServicePort } from '../traffic/model.ts';
import type { Candidate } from '../traffic/virtual-service/candidates.ts';
import { portOf } from '../traffic/virtual-service/destination.ts';
import { chooseCandidate, type RoutedRequest, rewriteRequest } from '../traffic/virtual-service/evaluate.ts';
import type { Destination, VirtualService } from '../traffic/virtual-service/model.ts';
import type { RoutingPlace } from '../traffic/virtual-service/select.ts';

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

/** @param by absent = no VirtualService has a say */
export interface Forwarded {
  readonly kind: 'forward';
  readonly by?: RouteRef;
  readonly legs: readonly Leg[];
}

/** The proxy answers itself. */
export interface Answered {
  readonly kind: 'answer';
  readonly by?: RouteRef;
  /** 0 = the connection is closed without an answer. */
  readonly status: number;
  readonly reason: string;
}

/** @param candidates at least one; of several owners where they share a host */
export function routeBy(snapshot: MeshSnapshot, candidates: readonly Candidate[], request: RoutedRequest): Forwarded | Answered {
  const chosen = chooseCandidate(candidates, request);
  if (chosen === undefined) {
    const by = routeRef(candidates[0]!.owner, 'spec.http');
    return { kind: 'answer', by, status: 404, reason: 'none of its routes fits the request' };
  }
  const { owner, place, index, match, route } = chosen;
  const { action, headers } = route;
  const by = routeRef(owner, `spec.http[${index}]`);
  switch (action.kind) {
    case 'answer':
      return { kind: 'answer', by, status: action.status, reason: 'the route answers itself' };
    case 'redirect':
      return { kind: 'answer', by, status: action.status, reason: 'the route sends the caller elsewhere' };
    case 'forward': {
      const changed = (leg: number) => rewriteRequest(request, action, match, [action.destinations[leg]!.headers.request, headers.request]);
      return { kind: 'forward', by, legs: legsOf(snapshot, place, action.destinations, changed) };
    }
    default:
      return action satisfies never;
  }
}

export function routeRef({ namespace, name }: VirtualService, field: string): RouteRef {
  return { namespace, name, field };
}

/** Without its port: the name that virtual hosts are chosen by. */
export function hostOf(authority: string): string {
  return authority.toLowerCase().replace(/:\d+$/, '');
}

export function legsOf(
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
