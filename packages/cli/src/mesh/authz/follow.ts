/** One proxy after the other: from a request and where its routes take it to the calls that workloads get. */
import {
  type Call,
  type Entry,
  endpointsOf,
  type Forwarded,
  findDestinationRule,
  type Leg,
  normalizePath,
  type Answered as ProxyAnswer,
  type RouteRef,
  routeAtGateway,
} from '@palisade/mesh/call';
import { type Destination, destinationsBehind, nameOf, type SourcePod } from '../ends.ts';
import { hasProxy, isIntercepted, type MeshSource, workloadOf } from '../source.ts';

export type Request = Leg['request'];

/** What is the same for every call of a question. */
export interface Asked {
  readonly source: MeshSource;
  /** Claims. */
  readonly token?: NonNullable<Call['token']>;
}

/** A call that reaches a workload. */
export interface Question {
  readonly from: SourcePod;
  readonly to: Destination;
  readonly call: Call;
  /** The route it takes, and how much of the requests; absent = no VirtualService has a say. */
  readonly routed?: Routed;
}

interface Routed {
  readonly by?: RouteRef;
  readonly share: number;
}

/** A call that a proxy answers: the caller's own, or the gateway's it came to. */
export interface Answered {
  readonly from: SourcePod;
  readonly authority: string;
  readonly status: number;
  readonly reason: string;
  readonly by?: RouteRef;
  readonly share: number;
}

/** A call to a gateway, and where that takes it. */
export interface Visit {
  /** For people. */
  readonly from: string;
  readonly gateway: SourcePod;
  readonly authority: string;
  readonly entry: Entry;
  readonly onward: readonly (Question | Answered)[];
}

export function reach(asked: Asked, from: SourcePod, to: Destination, request: Request, routed?: Routed): Question | Visit {
  if (!workloadOf(to.pod).isGateway) return questionOf(asked, from, to, request, routed);
  const address = workloadOf(from).addresses[0] ?? '0.0.0.0';
  return visit(asked, { name: nameOf(from), address }, to.pod, to.port, request);
}

export function visit(
  asked: Asked,
  guest: { readonly name: string; readonly address: string },
  gateway: SourcePod,
  podPort: number,
  request: Request,
): Visit {
  const { snapshot } = asked.source;
  const token = asked.token === undefined ? {} : { token: asked.token };
  const entry = { gateway: workloadOf(gateway), podPort, sourceIp: guest.address, request: seen(asked, request), ...token };
  const { authority } = request;
  const onward = follow(asked, gateway, authority, routeAtGateway(snapshot, entry.gateway, podPort, request));
  const further = onward.find((each) => 'entry' in each);
  if (further !== undefined)
    throw new Error(
      `Cannot explain a way through two gateways: ask from ${nameOf(gateway)} to ${nameOf(further.gateway)}, then from there`,
    );
  const isLast = (each: Question | Answered | Visit): each is Question | Answered => !('entry' in each);
  return { from: guest.name, gateway, authority, entry, onward: onward.filter(isLast) };
}

/** @param from behind whose proxy the request was routed */
export function follow(
  asked: Asked,
  from: SourcePod,
  authority: string,
  routing: Forwarded | ProxyAnswer,
): (Question | Answered | Visit)[] {
  if (routing.kind === 'answer') return [{ ...routing, from, authority, share: 1 }];
  return routing.legs.flatMap((leg): (Question | Answered | Visit)[] => {
    const routed = { share: leg.share, ...(routing.by === undefined ? {} : { by: routing.by }) };
    const behind = leg.to === undefined ? [] : podsBehind(asked.source, workloadOf(from).namespace, leg.to);
    if (behind.length === 0) {
      const reason = `${leg.written} ${leg.to === undefined ? 'does not exist' : 'has no pod behind it'}`;
      return [{ ...routed, from, authority, status: 503, reason }];
    }
    return behind.map((to) => reach(asked, from, to, leg.request, routed));
  });
}

function questionOf(asked: Asked, from: SourcePod, to: Destination, request: Request, routed?: Routed): Question {
  const caller = { workload: workloadOf(from), hasProxy: hasProxy(from) };
  const place = { port: to.port, ...(to.service === undefined ? {} : { service: to.service }) };
  const token = asked.token === undefined ? {} : { token: asked.token };
  const called = { workload: workloadOf(to.pod), hasProxy: hasProxy(to.pod) && isIntercepted(to.pod, to.port), ...place };
  const call = { from: caller, to: called, request: seen(asked, request), ...token };
  return { from, to, call, ...(routed === undefined ? {} : { routed }) };
}

/** As a proxy sees it: a rewritten path is normalised again. */
function seen({ source }: Asked, { query: _, ...request }: Request): Call['request'] {
  return { ...request, path: normalizePath(request.path, source.snapshot.settings.pathNormalization) };
}

function podsBehind(source: MeshSource, client: string, to: NonNullable<Leg['to']>): Destination[] {
  const { destinationRules, settings } = source.snapshot;
  const places = { client, service: to.service.namespace, root: settings.rootNamespace };
  const rule = findDestinationRule(destinationRules, to.service.hostname, places);
  return destinationsBehind(source, to, endpointsOf({ ...to, rule }));
}
