/** A report as a flow record: who, what, the verdict and the policy behind it. */
import { type Endpoint, type FlowRecord, type PolicyRef, Verdict } from '@palisade/flow';
import type { Peer } from '@palisade/xds/peer';
import type { Side } from './labels.ts';
import type { Report } from './report.ts';

export interface OwnPod {
  readonly namespace: string;
  readonly name: string;
}

export function flowOf(report: Report, side: Side, pod: OwnPod): FlowRecord {
  const { verdict, reason, policy } = judge(report, side);
  return {
    time: new Date(report.timeMs).toISOString(),
    reporter: `pod/${pod.namespace}/${pod.name}/istio-proxy`,
    verdict,
    reason,
    ...(policy === undefined ? {} : { policy }),
    direction: side === 'inbound' ? 'ingress' : 'egress',
    ...ends(report, side, pod),
    body: bodyOf(report, side),
  };
}

/** The proxy knows its own pod; the other end is an address, and an identity where TLS proved one. */
function ends(report: Report, side: Side, pod: OwnPod): Pick<FlowRecord, 'source' | 'destination'> {
  const own = { namespace: pod.namespace, pod: pod.name };
  const identity = (uri: string | undefined) => (uri === undefined ? {} : { identity: uri });
  const podOf = (peer: Peer | undefined) => (peer === undefined ? {} : { namespace: peer.namespace, pod: peer.pod });
  const at = ({ address, port }: Report['source']): Endpoint => (address === '' ? {} : { ip: address, port });
  if (side === 'inbound')
    return {
      source: { ...at(report.source), ...podOf(report.client), ...identity(report.peer) },
      destination: { ...at(report.destination), ...own, ...identity(report.local) },
    };
  const [host] = report.tags['destination_service']?.split(';') ?? [];
  const names = host ?? (report.authority === '' ? undefined : report.authority);
  return {
    source: { ...at(report.source), ...own },
    destination: { ...at(report.upstream ?? report.destination), ...(names === undefined ? {} : { names: [names] }) },
  };
}

function bodyOf(report: Report, side: Side): FlowRecord['body'] {
  // What the client's side sees of TLS is its own application's, in the clear.
  const padlock = side === 'inbound' ? { isMutualTls: report.peer !== undefined } : {};
  if (report.kind === 'tcp') return { type: 'l4', protocol: 'TCP', ...padlock };
  return {
    type: 'http',
    method: report.method || 'UNKNOWN',
    path: report.path,
    ...(report.authority === '' ? {} : { host: report.authority }),
    ...(report.protocol === '' ? {} : { protocol: report.protocol }),
    status: report.status,
    durationMs: Math.round(report.durationMs),
    requestBytes: report.receivedBytes,
    responseBytes: report.sentBytes,
    ...padlock,
  };
}

interface Judgement {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly policy?: PolicyRef;
}

const denied = 'rbac_access_denied_matched_policy[';

function judge(report: Report, side: Side): Judgement {
  const denial = [report.details, report.termination].find((text) => text.startsWith(denied));
  if (denial !== undefined) return denialOf(denial.slice(denied.length, -1), side);
  if (report.details.startsWith('jwt_authn_access_denied'))
    return {
      verdict: Verdict.dropped,
      reason: `the token was refused: ${report.details.replace(/^[^{]*\{?|\}$/g, '').replaceAll('_', ' ')}`,
    };
  if (report.details.startsWith('http1.'))
    return { verdict: Verdict.dropped, reason: `refused as malformed: ${words(report.details.slice(6))}` };
  if (report.transportFailure !== '') return { verdict: Verdict.dropped, reason: `TLS failed: ${report.transportFailure}` };
  if (report.termination !== '') return { verdict: Verdict.dropped, reason: words(report.termination) };
  if (side === 'inbound' && report.flags.includes('NR') && report.kind === 'tcp')
    return { verdict: Verdict.dropped, reason: 'no filter chain takes this connection: mutual TLS is required' };
  const failure = report.flags.flatMap((flag) => failures[flag] ?? []);
  if (failure.length > 0) {
    const why = report.upstreamFailure === '' ? '' : `: ${report.upstreamFailure}`;
    return { verdict: Verdict.error, reason: `${failure.join(', ')}${why}` };
  }
  return wouldDeny(report, side) ?? { verdict: Verdict.forwarded, reason: report.kind === 'tcp' ? 'connection ended' : 'answered' };
}

const words = (text: string) => text.replaceAll('_', ' ');

/** `ns[NS]-policy[NAME]-rule[I]`, or `none`: no ALLOW rule matched. */
function denialOf(rule: string, side: Side): Judgement {
  const policy = policyOf(rule, side);
  if (policy === undefined) return { verdict: Verdict.dropped, reason: 'no AuthorizationPolicy allows it' };
  return { verdict: Verdict.dropped, reason: 'denied by AuthorizationPolicy', policy };
}

function policyOf(rule: string, side: Side): PolicyRef | undefined {
  const parts = /^ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[([^\]]*)\]$/.exec(rule);
  if (parts === null) return undefined;
  return {
    kind: 'AuthorizationPolicy',
    namespace: parts[1]!,
    name: parts[2]!,
    direction: side === 'inbound' ? 'ingress' : 'egress',
    rule: parts[3]!,
  };
}

function wouldDeny({ shadow }: Report, side: Side): Judgement | undefined {
  for (const action of ['deny', 'allow']) {
    const prefix = `istio_dry_run_${action}_shadow_`;
    if (shadow[`${prefix}engine_result`] !== 'denied') continue;
    const policy = policyOf(shadow[`${prefix}effective_policy_id`] ?? '', side);
    return {
      verdict: Verdict.audit,
      reason: policy === undefined ? 'no AuthorizationPolicy would allow it (dry run)' : 'would be denied by AuthorizationPolicy (dry run)',
      ...(policy === undefined ? {} : { policy }),
    };
  }
  return undefined;
}

/** What keeps a request from its answer (Envoy's response flags). A client that leaves is not one. */
const failures: Readonly<Record<string, string>> = {
  LH: 'the local application is not healthy',
  UH: 'no healthy endpoint',
  UT: 'the upstream did not answer in time',
  LR: 'reset by the proxy',
  UR: 'reset by the upstream',
  UF: 'cannot connect to the upstream',
  UC: 'the upstream ended the connection',
  UO: 'too many requests at once',
  NR: 'no route',
  URX: 'no more retries',
  SI: 'idle for too long',
  DPE: 'the client broke the protocol',
  UPE: 'the upstream broke the protocol',
  NC: 'no such cluster',
  DF: 'the name could not be resolved',
};
