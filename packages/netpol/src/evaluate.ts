import type { PolicyRef } from '@palisade/flow';
import { type Address, formatAddress, parseAddress, rangesContain } from './address.ts';
import { describePolicy } from './errors.ts';
import type { CompiledPod, CompiledPolicies, CompiledPolicy, CompiledRule, Direction, Gate, PodFact, PortMatch } from './model.ts';

/** One end of a packet: a pod by `namespace/name`, or an address (which may be a pod's). */
export type PacketEnd = { readonly pod: string } | { readonly ip: string };

export interface Packet {
  readonly src: PacketEnd;
  readonly dst: PacketEnd;
  /** `TCP`, `UDP`, `SCTP`, or anything else (`ICMPv4`) for a packet without ports. */
  readonly protocol: string;
  /** Destination port; absent for protocols without ports. */
  readonly port?: number;
}

export type EndKind =
  /** the end is no pod that policies select: outside, a node, hostNetwork */
  | 'no-pod'
  /** a pod talking to itself: no policy can forbid it */
  | 'self'
  /** the pod's own node: the kubelet must reach it */
  | 'node'
  | 'not-isolated'
  /** a rule decided */
  | 'rule'
  /** isolated, and no rule allows it */
  | 'no-rule'
  /** two pods claim the address */
  | 'conflict';

export interface EndVerdict {
  readonly allowed: boolean;
  readonly kind: EndKind;
  readonly direction: Direction;
  /** One sentence for a person. */
  readonly reason: string;
  /** The policy that decided; for `no-rule` the first of those that isolate. */
  readonly policy?: PolicyRef;
  readonly rule?: CompiledRule;
  /** A rule of a tier that matched first and left the decision to the next one. */
  readonly passedBy?: { readonly policy: PolicyRef; readonly path: string };
  /** NetworkPolicies that isolate this end. */
  readonly isolatedBy: readonly PolicyRef[];
  /** Allowed, but policies in audit mode would deny it. */
  readonly audit?: { readonly reason: string; readonly policy?: PolicyRef };
}

export interface PacketVerdict {
  readonly allowed: boolean;
  readonly egress: EndVerdict;
  readonly ingress: EndVerdict;
}

/** A packet's end after look-up. */
export interface ResolvedEnd {
  readonly pod?: CompiledPod;
  readonly address?: Address;
  readonly isConflict: boolean;
  /** Name of the node whose address this is. */
  readonly node?: string;
}

/** @throws RangeError when a named pod is unknown or an address cannot be parsed */
export function resolveEnd(compiled: CompiledPolicies, end: PacketEnd): ResolvedEnd {
  if ('pod' in end) {
    const pod = compiled.podByName.get(end.pod);
    if (!pod) throw new RangeError(`Cannot find pod "${end.pod}": expected namespace/name of a pod in the snapshot`);
    const ip = pod.fact.ips[0];
    const address = ip === undefined ? undefined : parseAddress(ip);
    return { pod, isConflict: false, ...(address && { address }) };
  }
  const address = parseAddress(end.ip);
  if (!address) throw new RangeError(`Cannot parse address "${end.ip}": expected IPv4 or IPv6`);
  const text = formatAddress(address);
  const owner = compiled.podByAddress.get(text);
  const node = compiled.nodeByAddress.get(text);
  return {
    address,
    isConflict: owner === 'conflict',
    ...(owner && owner !== 'conflict' && { pod: owner }),
    ...(node !== undefined && { node }),
  };
}

/** The ports a named port stands for on a pod; empty when the pod has no such port. */
export function resolvePortName(
  pod: Pick<PodFact, 'ports'>,
  match: Extract<PortMatch, { name: string }>,
): readonly PodFact['ports'][number][] {
  return pod.ports.filter((port) => port.name === match.name && (match.protocol === undefined || match.protocol === port.protocol));
}

/** Whether one `ports` entry covers a packet. */
export function portMatches(match: PortMatch, protocol: string, port: number | undefined, destination: PodFact | undefined): boolean {
  if ('from' in match) return match.protocol === protocol && port !== undefined && port >= match.from && port <= match.to;
  return (
    destination !== undefined && resolvePortName(destination, match).some((named) => named.protocol === protocol && named.port === port)
  );
}

function ruleMatches(
  rule: CompiledRule,
  peer: ResolvedEnd,
  protocol: string,
  port: number | undefined,
  destination: PodFact | undefined,
): boolean {
  const isSelected =
    !rule.peers || rule.peers.some(({ selection }) => selection && peer.pod?.class && selection.classes.has(peer.pod.class));
  const isPeer = isSelected || rule.peers!.some(({ ranges }) => ranges && peer.address && rangesContain(ranges, peer.address));
  if (!isPeer) return false;
  // Egress to an ipBlock: its addresses are numbers, even where a pod has one of them, and have no port names.
  const named = rule.direction === 'egress' && !isSelected ? undefined : destination;
  return !rule.parsed.ports || rule.parsed.ports.some((match) => portMatches(match, protocol, port, named));
}

export function ruleRef(rule: CompiledRule): PolicyRef {
  return { ...rule.policy.parsed.ref, direction: rule.direction, rule: rule.parsed.name ?? String(rule.parsed.index) };
}

export function policyRefs(policies: readonly CompiledPolicy[], direction: Direction): PolicyRef[] {
  return policies.map((policy) => ({ ...policy.parsed.ref, direction }));
}

/** `no NetworkPolicy allows it (isolated by NetworkPolicy a/b, …)`, or that one of them could not be read. */
export function reasonForNoRule(isolating: readonly CompiledPolicy[]): string {
  const broken = isolating.find((policy) => policy.error);
  if (broken) return `${describePolicy(broken.parsed.ref)} was refused and isolates its pods: ${broken.error!.path}`;
  return `no NetworkPolicy allows it (isolated by ${isolating.map((policy) => describePolicy(policy.parsed.ref)).join(', ')})`;
}

/** `denied by AdminNetworkPolicy quarantine spec.egress[0] (tier Admin)`. */
export function reasonForRule({ policy, parsed }: CompiledRule): string {
  const name = describePolicy(policy.parsed.ref);
  if (policy.error) return `${name} was refused and denies what it selects: ${policy.error.path}`;
  const tier = policy.parsed.tier === 'networkPolicy' ? '' : ` (tier ${policy.parsed.tier === 'admin' ? 'Admin' : 'Baseline'})`;
  return `${parsed.action === 'Deny' ? 'denied' : 'allowed'} by ${name} ${parsed.path}${tier}`;
}

/** Admin tier, then NetworkPolicies, then baseline tier, then allow. Inside a tier the first matching rule decides. */
function passGate(gate: Gate, direction: Direction, matches: (rule: CompiledRule) => boolean): EndVerdict {
  const isolatedBy = policyRefs(gate.isolating, direction);
  const admin = gate.admin.find(matches);
  const isPass = admin?.parsed.action === 'Pass';
  const common = { direction, isolatedBy, ...(isPass && { passedBy: { policy: ruleRef(admin), path: admin.parsed.path } }) };
  const decided = (rule: CompiledRule, allowed: boolean): EndVerdict => {
    return { allowed, kind: 'rule', reason: reasonForRule(rule), policy: ruleRef(rule), rule, ...common };
  };
  if (admin && !isPass) return decided(admin, admin.parsed.action === 'Accept');
  if (gate.isolating.length > 0) {
    for (const policy of gate.isolating) {
      const rule = policy[direction]!.find(matches);
      if (rule) return decided(rule, true);
    }
    return { allowed: false, kind: 'no-rule', reason: reasonForNoRule(gate.isolating), policy: isolatedBy[0]!, ...common };
  }
  const baseline = gate.baseline.find(matches);
  if (baseline && baseline.parsed.action !== 'Pass') return decided(baseline, baseline.parsed.action === 'Accept');
  return { allowed: true, kind: 'not-isolated', reason: 'no policy isolates the pod', ...common };
}

const open = (kind: EndKind, direction: Direction, reason: string): EndVerdict => ({
  allowed: true,
  kind,
  direction,
  reason,
  isolatedBy: [],
});

/** The verdict of one end's policies. */
function evaluateEnd(direction: Direction, subject: ResolvedEnd, peer: ResolvedEnd, packet: Packet): EndVerdict {
  if (subject.isConflict) return { allowed: false, kind: 'conflict', direction, reason: 'two pods claim this address', isolatedBy: [] };
  const { pod } = subject;
  if (!pod) return open('no-pod', direction, 'outside of the pod network');
  if (!pod.class) return open('no-pod', direction, 'hostNetwork: policies do not select it');
  if (peer.pod === pod) return open('self', direction, 'a pod may always reach itself');
  if (direction === 'ingress' && peer.node !== undefined && peer.node === pod.fact.node)
    return open('node', direction, 'its own node may always reach it');
  const destination = direction === 'ingress' ? pod.fact : peer.pod?.class && peer.pod.fact;
  const gate = pod.class.gates[direction];
  const matches = (rule: CompiledRule) => ruleMatches(rule, peer, packet.protocol, packet.port, destination);
  const verdict = passGate(gate, direction, matches);
  if (!gate.audited || !verdict.allowed) return verdict;
  const audited = passGate(gate.audited, direction, matches);
  if (audited.allowed) return verdict;
  return { ...verdict, audit: { reason: audited.reason, ...(audited.policy && { policy: audited.policy }) } };
}

/**
 * Decides the first packet of a connection, and every later one in its direction; replies are always allowed. Both the
 * sender's egress and the receiver's ingress must allow it.
 *
 * @throws RangeError when a pod or address in the packet cannot be resolved
 */
export function evaluatePacket(compiled: CompiledPolicies, packet: Packet): PacketVerdict {
  return evaluateResolved(resolveEnd(compiled, packet.src), resolveEnd(compiled, packet.dst), packet);
}

export function evaluateResolved(source: ResolvedEnd, destination: ResolvedEnd, packet: Packet): PacketVerdict {
  const egress = evaluateEnd('egress', source, destination, packet);
  const ingress = evaluateEnd('ingress', destination, source, packet);
  return { allowed: egress.allowed && ingress.allowed, egress, ingress };
}
