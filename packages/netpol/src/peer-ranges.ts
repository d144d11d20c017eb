import { type AddressRange, compareRanges, mergeRanges, parseAddress } from './address.ts';
import type { ClusterSnapshot, CompiledPolicies, ParsedPeer } from './model.ts';
import { selectorMatches } from './selector.ts';

/** One range an address, neighbours not joined: each comes and goes alone. */
function rangesOf(texts: readonly string[]): AddressRange[] {
  const addresses = texts.flatMap((text) => parseAddress(text) ?? []);
  const ranges = addresses.map(({ family, value }): AddressRange => ({ family, first: value, last: value }));
  ranges.sort(compareRanges);
  return ranges.filter((range, index) => index === 0 || compareRanges(range, ranges[index - 1]!) !== 0);
}

/** `*.example.com` covers names below it, at any depth, and not `example.com` itself. */
export function domainMatches(pattern: string, name: string): boolean {
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1 : name === pattern;
}

/** Whether any policy speaks of the name: what DNS answers for others matters to nobody. */
export function speaksOfDomain({ policies }: CompiledPolicies, name: string): boolean {
  return policies.some(({ egress = [] }) =>
    egress.some(({ peers = [] }) =>
      peers.some(({ parsed }) => parsed.kind === 'domainNames' && parsed.domains.some((pattern) => domainMatches(pattern, name))),
    ),
  );
}

/** The addresses a peer that is no selector of pods stands for, in this snapshot. */
export function peerRanges(peer: Exclude<ParsedPeer, { kind: 'pods' }>, snapshot: ClusterSnapshot): readonly AddressRange[] {
  switch (peer.kind) {
    case 'addresses':
      return mergeRanges(peer.ranges);
    case 'nodes':
      return rangesOf(
        (snapshot.nodes ?? []).filter((node) => selectorMatches(peer.nodes, node.labels ?? {})).flatMap((node) => node.addresses),
      );
    case 'domainNames': {
      const answered = [...(snapshot.domainAddresses ?? [])].filter(([name]) =>
        peer.domains.some((pattern) => domainMatches(pattern, name)),
      );
      return rangesOf(answered.flatMap(([, addresses]) => addresses));
    }
    default:
      return peer satisfies never;
  }
}
