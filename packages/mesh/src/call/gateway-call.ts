/** A call from outside the mesh: which servers of a gateway offer a host, whether the gateway lets it in, and where it takes it. */
import { evaluateAuthorization } from '../authz/evaluate.ts';
import { explainDecision } from '../authz/explain.ts';
import type { AuthzFacts, HttpFacts } from '../authz/match.ts';
import { gatewayName, gatewaysOf, type PlacedServer, placeServers } from '../gateway/ports.ts';
import { hostRoutesOf } from '../gateway/routes.ts';
import type { MeshSnapshot, Workload } from '../traffic/model.ts';
import { securityOf } from '../traffic/security.ts';
import type { RoutedRequest } from '../traffic/virtual-service/evaluate.ts';
import { hostCovers } from '../traffic/virtual-service/select.ts';
import type { CallVerdict } from './evaluate-call.ts';
import { type Answered, type Forwarded, hostOf, routeBy } from './routing.ts';
import { judgeToken } from './token.ts';

/** One host that a gateway offers, on one of its ports. */
export interface Door {
  /** As visitors dial it: the port of the Service in front. */
  readonly port: number;
  /** Where the pod listens. */
  readonly podPort: number;
  readonly isTls: boolean;
  readonly host: string;
  /** `NAMESPACE/NAME` of the Gateway. */
  readonly gateway: string;
}

export function doorsOf(snapshot: MeshSnapshot, workload: Workload): Door[] {
  return placeServers(gatewaysOf(snapshot, workload), snapshot, workload).ports.flatMap(({ port: podPort, servers }) =>
    servers.flatMap(({ gateway, server }) =>
      server.hosts.map(({ host }) => ({
        port: server.port,
        podPort,
        isTls: server.tls !== undefined,
        host,
        gateway: gatewayName(gateway),
      })),
    ),
  );
}

/** The door that a request for this host takes: the most exact. */
export function chooseDoor(doors: readonly Door[], host: string): Door | undefined {
  return mostExact(doors, host, (door) => door.host);
}

/** @param request to one of the workload's doors; with TLS the client's hello names the same host */
export function routeAtGateway(snapshot: MeshSnapshot, workload: Workload, podPort: number, request: RoutedRequest): Forwarded | Answered {
  const host = hostOf(request.authority);
  const { ports } = placeServers(gatewaysOf(snapshot, workload), snapshot, workload);
  const servers = serversFor(ports.find(({ port }) => port === podPort)?.servers ?? [], host);
  if (servers.length === 0) return { kind: 'answer', status: 0, reason: `no server there has a certificate for "${host}"` };
  const routes = hostRoutesOf(servers, snapshot.virtualServices, workload);
  const found = mostExact([...routes], host, ([name]) => name)?.[1];
  if (found === undefined)
    return { kind: 'answer', status: 404, reason: `no VirtualService bound to its Gateways has routes for "${host}"` };
  if (found.isRedirected) return { kind: 'answer', status: 301, reason: 'the Gateway sends visitors to HTTPS' };
  return routeBy(snapshot, found.candidates, request);
}

/** Plain HTTP is one table for all servers of a port; with TLS each has its own, chosen by the name in the hello. */
function serversFor(servers: readonly PlacedServer[], host: string): readonly PlacedServer[] {
  if (servers[0]?.server.tls === undefined) return servers;
  const names = servers.flatMap((placed) => placed.server.hosts.map((each) => ({ placed, host: each.host })));
  const found = mostExact(names, host, (each) => each.host);
  return found === undefined ? [] : [found.placed];
}

function mostExact<T>(all: readonly T[], host: string, nameOf: (one: T) => string): T | undefined {
  const strength = (one: T) => (nameOf(one) === host ? 1e6 : nameOf(one).length);
  return all.filter((one) => hostCovers(nameOf(one), host)).sort((a, b) => strength(b) - strength(a))[0];
}

export interface Entry {
  readonly gateway: Workload;
  readonly podPort: number;
  /** The visitor's. */
  readonly sourceIp: string;
  readonly request: Omit<HttpFacts, 'claims'>;
  /** Its signature is taken to be good. */
  readonly token?: Readonly<Record<string, unknown>>;
}

export type EntryVerdict = Pick<CallVerdict, 'isAllowed' | 'decision' | 'lines'> & {
  readonly decidedAt: 'token' | 'authorization';
  /** false = the gateway takes the token off the request. */
  readonly isTokenForwarded: boolean;
};

/**
 * What a gateway's own policies say. A visitor has no identity of the mesh; whether it showed the certificate that a MUTUAL server asks for
 * is not asked here.
 *
 * @param nowSeconds since 1970, for the token's times
 */
export function evaluateEntry(snapshot: MeshSnapshot, entry: Entry, nowSeconds: number): EntryVerdict {
  const { gateway, podPort, sourceIp, request } = entry;
  const { tokens, authorization, warnings } = securityOf(snapshot, gateway);
  const token = judgeToken(tokens, podPort, request.path, entry.token, nowSeconds);
  if ('refusal' in token) {
    const lines = [`DENIED: ${token.refusal} (${token.status})`];
    return { isAllowed: false, decidedAt: 'token', isTokenForwarded: false, lines };
  }
  const facts: AuthzFacts = {
    sourceIp,
    remoteIp: sourceIp,
    destinationIp: gateway.addresses[0] ?? '0.0.0.0',
    destinationPort: podPort,
    http: { ...request, ...(token.claims === undefined ? {} : { claims: token.claims }) },
  };
  const decision = evaluateAuthorization(authorization, facts, snapshot.settings.trustDomains);
  const lines = [...explainDecision(decision, facts), ...warnings.map((warning) => `  warning: ${warning}`)];
  return { isAllowed: decision.isAllowed, decidedAt: 'authorization', isTokenForwarded: token.isForwarded, decision, lines };
}
