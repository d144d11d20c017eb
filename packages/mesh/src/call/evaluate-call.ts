/**
 * One call between two workloads, from the caller's transport to the deciding rule, read from the same snapshot and by the same functions
 * that proxies are compiled from. The destination is the one given: `routeCall` says which that is.
 */
import { MtlsMode, portMode } from '../authn/peer-authentication.ts';
import { type AuthzDecision, evaluateAuthorization } from '../authz/evaluate.ts';
import { explainDecision } from '../authz/explain.ts';
import type { AuthzFacts, HttpFacts } from '../authz/match.ts';
import type { WorkloadSecurity } from '../legacy/security.ts';
import { backedPorts } from '../traffic/backed-ports.ts';
import { decideClientTransport } from '../traffic/client-transport.ts';
import { endpointsOf } from '../traffic/clusters.ts';
import { findDestinationRule } from '../traffic/destination-rule.ts';
import type { MeshService, MeshSnapshot, ServicePort, Workload } from '../traffic/model.ts';
import { securityOf } from '../traffic/security.ts';
import { judgeToken } from './token.ts';

export interface CallEnd {
  readonly workload: Workload;
  /** false = no sidecar stands there: nothing is added on its side, nothing is checked. */
  readonly hasProxy: boolean;
}

export interface Call {
  readonly from: CallEnd;
  readonly to: CallEnd & {
    /** The workload's own. */
    readonly port: number;
    /** Absent = the workload is called by its address. */
    readonly service?: { readonly service: MeshService; readonly port: ServicePort; readonly subset?: string };
  };
  readonly request: Omit<HttpFacts, 'claims'>;
  /** Claims of the token that the request carries; its signature is taken to be good. */
  readonly token?: Readonly<Record<string, unknown>>;
}

export type CallTransport = 'plain text' | 'mutual TLS' | 'TLS';

export interface CallVerdict {
  readonly isAllowed: boolean;
  /** `nobody`: no proxy stands before the destination. */
  readonly decidedAt: 'nobody' | 'transport' | 'token' | 'authorization';
  readonly transport: CallTransport;
  /** false = the destination takes it for bytes: what is asked about requests has no answer. */
  readonly isHttp: boolean;
  /** Mutual TLS mode of the destination's port, and the policies that set it. */
  readonly mode: MtlsMode;
  readonly modeFrom: readonly string[];
  /** The identity that the destination sees. */
  readonly peer?: string;
  /** Absent when the call does not get so far. */
  readonly decision?: AuthzDecision;
  /** One sentence a line: verdict, what decided it, what would change it. */
  readonly lines: readonly string[];
}

/** @param nowSeconds since 1970, for the token's times */
export function evaluateCall(snapshot: MeshSnapshot, call: Call, nowSeconds: number): CallVerdict {
  const { from, to } = call;
  const security = securityOf(snapshot, to.workload);
  const transport = transportOf(snapshot, call);
  const mode = portMode(security.mtls, to.port);
  const isHttp = transport !== 'TLS' && protocolOf(snapshot, call) !== 'tcp';
  const seen = { transport, isHttp, mode, modeFrom: security.mtls.decidedBy };
  if (!to.hasProxy) {
    return transport === 'mutual TLS'
      ? denied(seen, 'transport', 'the client insists on mutual TLS, and no proxy stands before the destination')
      : { ...seen, isAllowed: true, decidedAt: 'nobody', lines: ['ALLOWED: no proxy stands before the destination: nobody decides'] };
  }
  const mismatch = transportProblem(transport, mode, security, from.hasProxy);
  if (mismatch !== undefined) return denied(seen, 'transport', mismatch);
  const { trustDomains } = snapshot.settings;
  const { namespace, serviceAccount } = from.workload;
  const peer = transport === 'mutual TLS' ? `spiffe://${trustDomains.local}/ns/${namespace}/sa/${serviceAccount}` : undefined;
  const withPeer = { ...seen, ...(peer === undefined ? {} : { peer }) };
  const token = isHttp ? judgeToken(security.tokens, to.port, call.request.path, call.token, nowSeconds) : { claims: undefined };
  if ('refusal' in token) return denied(withPeer, 'token', `${token.refusal} (${token.status})`);
  const sourceIp = from.workload.addresses[0] ?? '0.0.0.0';
  const facts: AuthzFacts = {
    ...(peer === undefined ? {} : { peer }),
    sourceIp,
    remoteIp: sourceIp,
    destinationIp: to.workload.addresses[0] ?? '0.0.0.0',
    destinationPort: to.port,
    ...(isHttp ? { http: { ...call.request, ...(token.claims === undefined ? {} : { claims: token.claims }) } } : {}),
  };
  const decision = evaluateAuthorization(security.authorization, facts, trustDomains);
  const lines = [...explainDecision(decision, facts), ...security.warnings.map((warning) => `  warning: ${warning}`)];
  return { ...withPeer, isAllowed: decision.isAllowed, decidedAt: 'authorization', decision, lines };
}

function denied(
  seen: Pick<CallVerdict, 'transport' | 'isHttp' | 'mode' | 'modeFrom'>,
  decidedAt: 'transport' | 'token',
  reason: string,
): CallVerdict {
  return { ...seen, isAllowed: false, decidedAt, lines: [`DENIED: ${reason}`] };
}

function transportOf(snapshot: MeshSnapshot, { from, to }: Call): CallTransport {
  // A pod's own address belongs to no cluster: the proxy passes it through as it is.
  if (!from.hasProxy || to.service === undefined) return 'plain text';
  const { service, port, subset = '' } = to.service;
  const places = { client: from.workload.namespace, service: service.namespace, root: snapshot.settings.rootNamespace };
  const target = { service, port, rule: findDestinationRule(snapshot.destinationRules, service.hostname, places), subset };
  const { kind } = decideClientTransport(target, endpointsOf(target), snapshot);
  if (kind === 'by-endpoint') return to.hasProxy ? 'mutual TLS' : 'plain text';
  return ({ plain: 'plain text', mesh: 'mutual TLS', originated: 'TLS' } as const)[kind];
}

function transportProblem(
  transport: CallTransport,
  mode: MtlsMode,
  { mtls }: WorkloadSecurity,
  hasClientProxy: boolean,
): string | undefined {
  const from = mtls.decidedBy.length > 0 ? ` (${mtls.decidedBy.join(', ')})` : '';
  if (mode === MtlsMode.strict && transport !== 'mutual TLS') {
    const why =
      transport === 'TLS'
        ? 'its DestinationRule originates TLS of its own'
        : hasClientProxy
          ? 'its proxy sends plain text'
          : 'it has no proxy';
    return `the destination takes mutual TLS only${from}, and the client comes without: ${why}`;
  }
  if (mode === MtlsMode.disable && transport === 'mutual TLS')
    return `the destination takes plain text only${from}, and a DestinationRule makes the client use mutual TLS`;
  return undefined;
}

/** What the destination's proxy takes the bytes for. */
function protocolOf(snapshot: MeshSnapshot, { to }: Call): string {
  if (to.service !== undefined) return to.service.port.protocol;
  return backedPorts(snapshot.services, to.workload).find(({ targetPort }) => targetPort === to.port)?.port.protocol ?? 'auto';
}
