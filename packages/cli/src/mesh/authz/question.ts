/** From what a person asks to the calls that it comes to: routed by the caller's own proxy, one for each workload that may get it. */
import { type Call, endpointsOf, findDestinationRule, type Leg, normalizePath, type RouteRef, routeCall } from '@palisade/mesh/call';
import { readPort } from '../../port.ts';
import { type Destination, destinationsBehind, findDestinations, findSourcePods, nameOf } from '../ends.ts';
import { hasProxy, type MeshSource, workloadOf } from '../source.ts';

export interface QuestionOptions {
  readonly from: string;
  readonly to: string;
  readonly port?: string;
  readonly method: string;
  readonly path: string;
  readonly header?: readonly string[];
  /** A token, or its claims as JSON. */
  readonly jwt?: string;
  readonly namespace: string;
}

type SourcePod = ReturnType<typeof findSourcePods>[number];

/** A call that reaches a workload. */
export interface Question {
  readonly from: SourcePod;
  readonly to: Destination;
  readonly call: Call;
  /** The route it takes, and how much of the requests; absent = no VirtualService has a say. */
  readonly routed?: { readonly by?: RouteRef; readonly share: number };
}

/** A call that the caller's own proxy answers. */
export interface Answered {
  readonly from: SourcePod;
  readonly authority: string;
  readonly status: number;
  readonly reason: string;
  readonly by?: RouteRef;
  readonly share: number;
}

export interface Questions {
  readonly from: SourcePod;
  /** As a request would write it. */
  readonly authority: string;
  readonly calls: readonly (Question | Answered)[];
}

/** @throws Error when something has no such name, or cannot be understood */
export function readQuestions(source: MeshSource, options: QuestionOptions): Questions {
  const from = findSourcePods(source, options.from, options.namespace)[0]!;
  const port = options.port === undefined ? undefined : readPort(options.port);
  const asked = findDestinations(source, options.to, options.namespace, port);
  const { authority, service, port: ownPort } = asked[0]!;
  if (!options.path.startsWith('/')) throw new Error(`Cannot use --path "${options.path}": expected it to begin with "/"`);
  const headers = readHeaders(options.header ?? []);
  const mode = source.snapshot.settings.pathNormalization;
  const request: Leg['request'] = {
    method: options.method,
    authority: headers.get('host')?.[0] ?? authority,
    path: normalizePath(options.path, mode),
    query: /\?([^#]*)/.exec(options.path)?.[1] ?? '',
    headers,
  };
  const token = options.jwt === undefined ? {} : { token: readClaims(options.jwt) };
  const questionOf = (to: Destination, leg: Leg['request'], routed?: Question['routed']): Question => {
    if (workloadOf(to.pod).isGateway)
      throw new Error(`Cannot explain a call of gateway ${nameOf(to.pod)}: its Gateways decide; ask from it to the service behind`);
    const { query: _, ...seen } = { ...leg, path: normalizePath(leg.path, mode) };
    const caller = { workload: workloadOf(from), hasProxy: hasProxy(from) };
    const place = { port: to.port, ...(to.service === undefined ? {} : { service: to.service }) };
    const call = { from: caller, to: { workload: workloadOf(to.pod), hasProxy: hasProxy(to.pod), ...place }, request: seen, ...token };
    return { from, to, call, ...(routed === undefined ? {} : { routed }) };
  };
  const asAsked = () => ({ from, authority, calls: asked.map((to) => questionOf(to, request)) });
  // A gateway's routes are its Gateways': what is asked about is the call it makes.
  if (!hasProxy(from) || workloadOf(from).isGateway) return asAsked();
  const dialed = { port: service?.port.port ?? ownPort, ...(service === undefined ? {} : { service }) };
  const routing = routeCall(source.snapshot, workloadOf(from), dialed, request);
  switch (routing.kind) {
    case 'as asked':
      return asAsked();
    case 'past':
      return { from, authority, calls: asked.map(({ service: _, ...to }) => questionOf(to, request)) };
    case 'answer':
      return { from, authority, calls: [{ ...routing, from, authority, share: 1 }] };
    case 'forward':
      return {
        from,
        authority,
        calls: routing.legs.flatMap((leg): (Question | Answered)[] => {
          const routed = { share: leg.share, ...(routing.by === undefined ? {} : { by: routing.by }) };
          const behind = leg.to === undefined ? [] : podsBehind(source, workloadOf(from).namespace, leg.to);
          if (behind.length > 0) return behind.map((to) => questionOf(to, leg.request, routed));
          const reason = `${leg.written} ${leg.to === undefined ? 'does not exist' : 'has no pod behind it'}`;
          return [{ ...routed, from, authority, status: 503, reason }];
        }),
      };
    default:
      return routing satisfies never;
  }
}

function podsBehind(source: MeshSource, client: string, to: NonNullable<Leg['to']>): Destination[] {
  const { destinationRules, settings } = source.snapshot;
  const places = { client, service: to.service.namespace, root: settings.rootNamespace };
  const rule = findDestinationRule(destinationRules, to.service.hostname, places);
  return destinationsBehind(source, to, endpointsOf({ ...to, rule }));
}

function readHeaders(lines: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([^:=\s]+)\s*[:=]\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`Cannot use --header "${line}": expected "name: value"`);
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value!.trim()]);
  }
  return headers;
}

function readClaims(text: string): Record<string, unknown> {
  const json = text.trimStart().startsWith('{') ? text : Buffer.from(text.split('.')[1] ?? '', 'base64url').toString('utf8');
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    throw new Error('Cannot read --jwt: expected a token (three parts with dots) or its claims as a JSON object');
  }
}
