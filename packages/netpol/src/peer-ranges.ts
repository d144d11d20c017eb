import { type AddressRange, mergeRanges, parseAddress } from './address.ts';
import type { ClusterSnapshot, ParsedPeer } from './model.ts';
import { selectorMatches } from './selector.ts';

function rangesOf(addresses: Iterable<string>): AddressRange[] {
  const ranges: AddressRange[] = [];
  for (const text of addresses) {
    const address = parseAddress(text);
    if (address) ranges.push({ family: address.family, first: address.value, last: address.value });
  }
  return mergeRanges(ranges);
}

/** `*.example.com` covers names below it, at any depth, and not `example.com` itself. */
export function domainMatches(pattern: string, name: string): boolean {
  return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1 : name === pattern;
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
