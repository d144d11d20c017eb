/** From what a person asks to the calls that it comes to: routed by the proxies on the way, one for each workload that may get it. */
import { normalizePath, routeCall } from '@palisade/mesh/call';
import { parseAddress } from '@palisade/netpol';
import { readPort } from '../../port.ts';
import { findDestinations, findSourcePods, isKnown, type SourcePod } from '../ends.ts';
import { hasProxy, type MeshSource, workloadOf } from '../source.ts';
import { type Answered, type Asked, follow, type Question, type Request, reach, type Visit, visit } from './follow.ts';
import { findWays, gatewayPods, someAddress, type Way } from './way.ts';

export interface QuestionOptions {
  /** A pod, `outside`, or a visitor's address. */
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

/** Who would send the request: a pod, or a visitor to a gateway. */
export type Dial = { readonly from: SourcePod; readonly authority: string } | Way;

export interface Questions {
  readonly dial: Dial;
  readonly calls: readonly (Question | Answered | Visit)[];
}

/** @throws Error when something has no such name, or cannot be understood */
export function readQuestions(source: MeshSource, options: QuestionOptions): Questions {
  if (!options.path.startsWith('/')) throw new Error(`Cannot use --path "${options.path}": expected it to begin with "/"`);
  const headers = readHeaders(options.header ?? []);
  const asked: Asked = { source, ...(options.jwt === undefined ? {} : { token: readClaims(options.jwt) }) };
  const port = options.port === undefined ? undefined : readPort(options.port);
  const requestTo = (authority: string): Request => ({
    method: options.method,
    authority: headers.get('host')?.[0] ?? authority,
    path: normalizePath(options.path, source.snapshot.settings.pathNormalization),
    query: /\?([^#]*)/.exec(options.path)?.[1] ?? '',
    headers,
  });
  const visitor = options.from === 'outside' ? someAddress : parseAddress(options.from) ? options.from : undefined;
  const from = visitor === undefined ? findSourcePods(source, options.from, options.namespace)[0]! : undefined;
  // A gateway is asked what it does for visitors, unless a workload is named: then about the call it makes.
  if (from !== undefined && (!workloadOf(from).isGateway || isKnown(source, options.to, options.namespace)))
    return fromPod(asked, from, findDestinations(source, options.to, options.namespace, port), requestTo);
  const ways = findWays(source, from === undefined ? gatewayPods(source) : [from], options.to, port);
  const address = visitor ?? someAddress;
  const guest = { name: `outside (${address})`, address };
  return {
    dial: ways[0]!,
    calls: ways.map(({ gateway, door, authority }) => visit(asked, guest, gateway, door.podPort, requestTo(authority))),
  };
}

function fromPod(
  asked: Asked,
  from: SourcePod,
  to: ReturnType<typeof findDestinations>,
  requestTo: (authority: string) => Request,
): Questions {
  const { authority, service, port } = to[0]!;
  const request = requestTo(authority);
  const dial = { from, authority };
  // Without a proxy nothing is routed; a gateway has no routes for what it calls by itself.
  if (!hasProxy(from) || workloadOf(from).isGateway) return { dial, calls: to.map((each) => reach(asked, from, each, request)) };
  const dialed = { port: service?.port.port ?? port, ...(service === undefined ? {} : { service }) };
  const routing = routeCall(asked.source.snapshot, workloadOf(from), dialed, request);
  switch (routing.kind) {
    case 'as asked':
      return { dial, calls: to.map((each) => reach(asked, from, each, request)) };
    case 'past':
      return { dial, calls: to.map(({ service: _, ...each }) => reach(asked, from, each, request)) };
    case 'answer':
    case 'forward':
      return { dial, calls: follow(asked, from, authority, routing) };
    default:
      return routing satisfies never;
  }
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
