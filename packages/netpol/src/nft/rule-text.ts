import { resolvePortName } from '../evaluate.ts';
import type { CompiledPeer, CompiledPolicies, CompiledRule, PodClass, PortMatch, PortProtocol } from '../model.ts';
import { portProtocols } from '../model.ts';
import { maxPort } from '../parse-ports.ts';
import { formatPortRange, mergePorts, type PortRange } from '../ports.ts';
import { addressField, families, type TableBuilder } from './table-builder.ts';

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
function peerTexts(builder: TableBuilder, rule: CompiledRule, side: 'saddr' | 'daddr'): string[] {
  if (!rule.peers) return [''];
  return rule.peers.flatMap((peer) => families.flatMap((family) => peerText(builder, peer, family, side)));
}

function peerText(builder: TableBuilder, { selection, ranges }: CompiledPeer, family: 4 | 6, side: 'saddr' | 'daddr'): string[] {
  if (selection) return [`${addressField(family, side)} @${builder.podSet(family, selection.key, () => selection.classes)} `];
  const ofFamily = ranges!.filter((range) => range.family === family);
  return ofFamily.length === 0 ? [] : [`${addressField(family, side)} @${builder.rangeSet(family, ofFamily)} `];
}

/** Egress to a named port: the peers that have it, grouped by the number it stands for. */
function namedEgressTexts(
  builder: TableBuilder,
  compiled: CompiledPolicies,
  rule: CompiledRule,
  match: Extract<PortMatch, { name: string }>,
): string[] {
  const selections = rule.peers ? rule.peers.flatMap((peer) => peer.selection ?? []) : [{ key: 'any', classes: compiled.classes }];
  return selections.flatMap(({ key, classes }) => {
    const groups = new Map<string, PodClass[]>();
    for (const podClass of classes) {
      for (const text of new Set(resolvePortName(podClass, match).map(({ protocol, port }) => `${protocol.toLowerCase()} dport ${port}`))) {
        const group = groups.get(text);
        if (group) group.push(podClass);
        else groups.set(text, [podClass]);
      }
    }
    return [...groups].flatMap(([text, members]) =>
      families.map(
        (family) =>
          `${addressField(family, 'daddr')} @${builder.podSet(family, `${key}\0${match.protocol ?? ''}/${match.name}=${text}`, () => members)} ${text}`,
      ),
    );
  });
}

/**
 * The matches that together are one policy rule, each ready for a verdict; none when nothing can match (a port name that
 * resolves nowhere).
 *
 * @param podClass the pods the rule guards: ingress port names are looked up on them
 */
export function ruleTexts(builder: TableBuilder, compiled: CompiledPolicies, rule: CompiledRule, podClass: PodClass): string[] {
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
