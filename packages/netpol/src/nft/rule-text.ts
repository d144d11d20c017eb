import { resolvePortName } from '../evaluate.ts';
import type { CompiledPeer, CompiledPolicies, CompiledRule, ParsedPeer, PodClass, PortMatch, PortProtocol } from '../model.ts';
import { portProtocols } from '../model.ts';
import { maxPort } from '../parse/ports.ts';
import { formatPortRange, mergePorts, type PortRange } from '../ports.ts';
import { addressField, families, type PartBuilder } from './part.ts';

type ProtocolPorts = { readonly protocol: PortProtocol } & PortRange;

/** One match a protocol: `tcp dport 80`, `udp dport { 53, 8000-8010 }`, `meta l4proto sctp`. */
function portTexts(ports: readonly ProtocolPorts[]): string[] {
  return portProtocols.flatMap((protocol) => {
    const ranges = mergePorts(ports.filter((port) => port.protocol === protocol));
    if (ranges.length === 0) return [];
    const keyword = protocol.toLowerCase();
    const only = ranges[0]!;
    if (only.from === 1 && only.to === maxPort) return [`meta l4proto ${keyword}`];
    const texts = ranges.map(formatPortRange);
    return [`${keyword} dport ${texts.length === 1 ? texts[0] : `{ ${texts.join(', ')} }`}`];
  });
}

function numericPorts(ports: readonly PortMatch[]): ProtocolPorts[] {
  return ports.filter((port) => 'from' in port);
}

function namedPorts(ports: readonly PortMatch[]) {
  return ports.filter((port) => 'name' in port);
}

/** Matches on the peer's address; a rule without peers matches with no text at all. */
function peerTexts(builder: PartBuilder, rule: CompiledRule, side: 'saddr' | 'daddr'): string[] {
  if (!rule.peers) return [''];
  return rule.peers.flatMap((peer) => families.flatMap((family) => peerText(builder, peer, family, side)));
}

function peerText(builder: PartBuilder, peer: CompiledPeer, family: 4 | 6, side: 'saddr' | 'daddr'): string[] {
  const { parsed } = peer;
  const match = (set: string) => [`${addressField(family, side)} @${set} `];
  if (parsed.kind === 'pods') return match(builder.podSet(family, peer.selection!));
  const ranges = peer.ranges!.filter((range) => range.family === family);
  if (parsed.kind === 'addresses') return ranges.length === 0 ? [] : match(builder.rangeSet(family, ranges));
  // These come and go while the policy stays: the rule stands even while there are none.
  builder.dependOn(() => peer.ranges);
  return match(builder.foundSet(family, foundKey(parsed), ranges));
}

function foundKey(peer: Exclude<ParsedPeer, { kind: 'pods' | 'addresses' }>): string {
  return peer.kind === 'nodes' ? `nodes\0${peer.nodes.canonical}` : `domains\0${[...peer.domains].sort().join()}`;
}

/** Egress to a named port: the peers that have it, grouped by the number it stands for. */
function namedEgressTexts(
  builder: PartBuilder,
  compiled: CompiledPolicies,
  rule: CompiledRule,
  match: Extract<PortMatch, { name: string }>,
): string[] {
  if (!rule.peers) {
    builder.dependOn(() => compiled.version);
    return namedTexts(builder, 'any', compiled.classes, match);
  }
  return rule.peers.flatMap(({ selection }) => {
    if (!selection) return [];
    builder.dependOn(() => selection.version);
    return namedTexts(builder, selection.key, selection.classes, match);
  });
}

function namedTexts(builder: PartBuilder, key: string, classes: Iterable<PodClass>, match: Extract<PortMatch, { name: string }>): string[] {
  const groups = new Map<string, PodClass[]>();
  for (const podClass of classes) {
    for (const text of new Set(resolvePortName(podClass, match).map(({ protocol, port }) => `${protocol.toLowerCase()} dport ${port}`))) {
      const group = groups.get(text);
      if (group) group.push(podClass);
      else groups.set(text, [podClass]);
    }
  }
  // Classes come in any order; equal rules must have equal texts.
  const ordered = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return ordered.flatMap(([text, members]) =>
    families.map((family) => {
      const name = builder.subset(family, `${key}\0${match.protocol ?? ''}/${match.name}=${text}`, members);
      return `${addressField(family, 'daddr')} @${name} ${text}`;
    }),
  );
}

/**
 * The matches that together are one policy rule, each ready for a verdict; none when nothing can match (a port name that
 * resolves nowhere).
 *
 * @param podClass the pods the rule guards: ingress port names are looked up on them
 */
export function ruleTexts(builder: PartBuilder, compiled: CompiledPolicies, rule: CompiledRule, podClass: PodClass): string[] {
  const { ports } = rule.parsed;
  const side = rule.direction === 'ingress' ? 'saddr' : 'daddr';
  if (!ports) return peerTexts(builder, rule, side).map((text) => text.trimEnd());
  const numbers = numericPorts(ports);
  if (rule.direction === 'ingress') {
    for (const match of namedPorts(ports)) {
      for (const { protocol, port } of resolvePortName(podClass, match)) numbers.push({ protocol, from: port, to: port });
    }
  }
  const texts = portTexts(numbers);
  const matches = texts.length === 0 ? [] : peerTexts(builder, rule, side).flatMap((peer) => texts.map((text) => `${peer}${text}`));
  if (rule.direction === 'egress') for (const match of namedPorts(ports)) matches.push(...namedEgressTexts(builder, compiled, rule, match));
  return matches;
}
