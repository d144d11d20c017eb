import type { PolicyRef } from '@palisade/flow';
import { formatAddress, formatRange, rangesContain } from './address.ts';
import { describePolicy } from './errors.ts';
import {
  type EndVerdict,
  evaluateResolved,
  type Packet,
  type PacketVerdict,
  portMatches,
  type ResolvedEnd,
  resolveEnd,
} from './evaluate.ts';
import type { CompiledPeer, CompiledPolicies, CompiledRule, Direction, PodFact, PortMatch } from './model.ts';
import { formatPortRange } from './ports.ts';
import { type Labels, type Requirement, requirementHolds, type Selector } from './selector.ts';

/** Something that would have to be different for a rule to match. */
export interface Missing {
  /** Field as written in YAML. */
  readonly path: string;
  /** `the peer lacks the label role=client`. */
  readonly text: string;
  /** How far off: a label or port counts 1, another kind of peer 3. */
  readonly weight: number;
}

/** A rule that did not match although it might have been meant to. */
export interface NearMiss {
  readonly policy: PolicyRef;
  readonly path: string;
  /** What the rule does when it matches. */
  readonly action: 'Accept' | 'Deny' | 'Pass';
  readonly missing: readonly Missing[];
}

export interface EndExplanation {
  readonly verdict: EndVerdict;
  /** Field that decided: the rule, or for `no-rule` the subject selector of the first policy that isolates. */
  readonly decidedAt?: { readonly policy: PolicyRef; readonly path: string };
  /** Nearest first. Only where no rule decided. */
  readonly nearMisses: readonly NearMiss[];
}

export interface Explanation {
  readonly packet: Packet;
  readonly verdict: PacketVerdict;
  readonly egress: EndExplanation;
  readonly ingress: EndExplanation;
}

/** How many rules that nearly matched an explanation lists for each end. */
const MAX_NEAR_MISSES = 5;

/**
 * Why a packet passes or not, at each end, and what nearly matched.
 *
 * @throws RangeError when a pod or address in the packet cannot be resolved
 */
export function explainPacket(compiled: CompiledPolicies, packet: Packet): Explanation {
  const source = resolveEnd(compiled, packet.src);
  const destination = resolveEnd(compiled, packet.dst);
  const verdict = evaluateResolved(source, destination, packet);
  const explain = (direction: Direction): EndExplanation => {
    const end = verdict[direction];
    const [subject, peer] = direction === 'egress' ? [source, destination] : [destination, source];
    const decidedAt = end.rule
      ? { policy: end.policy!, path: end.rule.parsed.path }
      : end.kind === 'no-rule'
        ? { policy: end.policy!, path: 'spec.podSelector' }
        : undefined;
    const nearMisses = end.kind === 'no-rule' ? findNearMisses(compiled, direction, subject, peer, destination.pod?.fact, packet) : [];
    return { verdict: end, nearMisses, ...(decidedAt && { decidedAt }) };
  };
  return { packet, verdict, egress: explain('egress'), ingress: explain('ingress') };
}

function findNearMisses(
  compiled: CompiledPolicies,
  direction: Direction,
  subject: ResolvedEnd,
  peer: ResolvedEnd,
  destination: PodFact | undefined,
  packet: Packet,
): NearMiss[] {
  const gate = subject.pod!.class!.gates[direction];
  const misses = gate.isolating.flatMap((policy) =>
    policy[direction]!.map((rule): NearMiss => {
      const missing = [...missingPeer(compiled, rule, peer), ...missingPort(rule, packet, destination)];
      return { policy: { ...policy.parsed.ref, direction }, path: rule.parsed.path, action: rule.parsed.action, missing };
    }),
  );
  return misses.sort((a, b) => weightOf(a.missing) - weightOf(b.missing)).slice(0, MAX_NEAR_MISSES);
}

const weightOf = (missing: readonly Missing[]): number => missing.reduce((sum, item) => sum + item.weight, 0);

function missingPort(rule: CompiledRule, { protocol, port }: Packet, destination: PodFact | undefined): Missing[] {
  const { ports, path } = rule.parsed;
  if (!ports || ports.some((match) => portMatches(match, protocol, port, destination))) return [];
  const found = port === undefined ? protocol : `${protocol} ${port}`;
  return [{ path: `${path}.ports`, text: `the packet goes to ${found}, the rule is for ${ports.map(describePort).join(', ')}`, weight: 1 }];
}

function describePort(match: PortMatch): string {
  if ('name' in match) return `${match.protocol ?? 'any protocol'} port named "${match.name}"`;
  return match.from === 1 && match.to === 65_535 ? `any ${match.protocol} port` : `${match.protocol} ${formatPortRange(match)}`;
}

/** What the closest of the rule's peers asks for and does not find; empty when one matches. */
function missingPeer(compiled: CompiledPolicies, rule: CompiledRule, peer: ResolvedEnd): Missing[] {
  if (!rule.peers) return [];
  let best: Missing[] | undefined;
  for (const wanted of rule.peers) {
    const missing = missingFrom(compiled, rule, wanted, peer);
    if (best === undefined || weightOf(missing) < weightOf(best)) best = missing;
  }
  return best ?? [];
}

function missingFrom(compiled: CompiledPolicies, rule: CompiledRule, { parsed, ranges }: CompiledPeer, peer: ResolvedEnd): Missing[] {
  const { path } = parsed;
  const address = peer.address ? formatAddress(peer.address) : 'the peer';
  if (parsed.kind !== 'pods') {
    if (peer.address && rangesContain(ranges!, peer.address)) return [];
    const text = parsed.kind === 'addresses' ? parsed.text : ranges!.map(formatRange).join(', ') || 'no known address';
    return [{ path, text: `${address} is not in ${text}`, weight: 3 }];
  }
  if (!peer.pod?.class) return [{ path, text: `${address} is no pod that selectors see, and the rule is for pods`, weight: 3 }];
  const { fact } = peer.pod;
  const namespace = compiled.namespaces.get(fact.namespace);
  const missing: Missing[] = [];
  const own = rule.policy.parsed.namespace;
  if (parsed.namespaces)
    missing.push(...missingLabels(parsed.namespaces, namespace?.labels ?? {}, `namespace ${fact.namespace}`, `${path}.namespaceSelector`));
  else if (own !== undefined && fact.namespace !== own) {
    missing.push({
      path,
      text: `pod ${fact.namespace}/${fact.name} is in another namespace: without namespaceSelector only pods of ${own} are meant`,
      weight: 1,
    });
  }
  return [...missing, ...missingLabels(parsed.pods, fact.labels, `pod ${fact.namespace}/${fact.name}`, `${path}.podSelector`)];
}

function missingLabels(selector: Selector, labels: Labels, who: string, path: string): Missing[] {
  return selector.requirements
    .filter((requirement) => !requirementHolds(requirement, labels))
    .map((requirement) => ({ path, text: `${who} ${lacks(requirement, labels)}`, weight: 1 }));
}

function lacks({ key, operator, values }: Requirement, labels: Labels): string {
  const found = Object.hasOwn(labels, key) ? `has ${key}=${labels[key]}` : `has no label ${key}`;
  switch (operator) {
    case 'In':
      return `${found}, wanted ${values.map((value) => `${key}=${value}`).join(' or ')}`;
    case 'NotIn':
      return `${found}, wanted any value but ${values.join(', ')}`;
    case 'Exists':
      return `${found}, wanted any value`;
    case 'DoesNotExist':
      return `${found}, wanted none`;
    default:
      return operator satisfies never;
  }
}

/** File and line of a field of a policy; undefined when its source is not known. */
export type LineLookup = (policy: PolicyRef, path: string) => string | undefined;

/** The explanation as lines for a terminal. */
export function formatExplanation({ verdict, egress, ingress }: Explanation, lineOf: LineLookup = () => undefined): string {
  const at = (policy: PolicyRef, path: string) => {
    const line = lineOf(policy, path);
    return line === undefined ? '' : ` (${line})`;
  };
  const lines = [verdict.allowed ? 'ALLOWED' : 'DENIED'];
  for (const { verdict: end, decidedAt, nearMisses } of [egress, ingress]) {
    lines.push(
      `  ${end.direction}: ${end.allowed ? 'allowed' : 'denied'}: ${end.reason}${decidedAt ? at(decidedAt.policy, decidedAt.path) : ''}`,
    );
    if (end.passedBy) {
      const { policy, path } = end.passedBy;
      lines.push(`    ${describePolicy(policy)} ${path}${at(policy, path)} passed it on`);
    }
    if (end.audit) lines.push(`    policies in audit mode would deny it: ${end.audit.reason}`);
    for (const { policy, path, missing } of nearMisses) {
      lines.push(`    ${describePolicy(policy)} ${path}${at(policy, path)} does not match:`);
      for (const item of missing) lines.push(`      ${item.text}${at(policy, item.path)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
