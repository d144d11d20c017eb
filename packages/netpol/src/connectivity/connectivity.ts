import { type AddressRange, type Family, fullRange, parseAddress, rangesContain } from '../address.ts';
import type { CompiledPod, CompiledPolicies } from '../model.ts';
import { type ConnectionSet, noConnections } from './connections.ts';
import type { Atom, ConnectivityPeer } from './peer.ts';
import { ConnectionInterner, Plane } from './rows.ts';

export interface Connectivity {
  readonly peers: readonly ConnectivityPeer[];
  /**
   * What may pass from one peer to another, by index into `peers`. For a group of pods to itself: between two different
   * members. Between two ranges of addresses: nothing, it is none of the cluster's business.
   */
  between(source: number, destination: number): ConnectionSet;
}

const families = [4, 6] as const;

/**
 * Reachability of everything from everything, by classes. An outside address that belongs to a pod is not outside: callers
 * who name one find its pod first.
 *
 * @param outside families of outside addresses to analyse
 */
export function analyzeConnectivity(compiled: CompiledPolicies, outside: readonly Family[] = families): Connectivity {
  const cells = cellsOf(compiled);
  const atoms = [...podAtoms(compiled, cells), ...outside.flatMap((family) => cells[family]).map(outsideAtom)];
  const needsFamilies = atoms.some(({ peer, cells: own }) => peer.kind === 'pods' && Object.keys(own).length > 0);
  const interner = new ConnectionInterner();
  const planes = (needsFamilies ? families : [4 as Family]).map((family) => new Plane(atoms, family, needsFamilies, interner));
  const peers = atoms.map((atom) => atom.peer);
  return {
    peers,
    between(source, destination) {
      const [from, to] = [peers[source]!, peers[destination]!];
      if (from.kind === 'addresses' && to.kind === 'addresses') return noConnections;
      if (planes.length === 1) return interner.get(planes[0]!.between(source, destination));
      const range = from.kind === 'addresses' ? from.range : to.kind === 'addresses' ? to.range : undefined;
      const able = planes.filter((plane) => range === undefined || plane.family === range.family);
      return interner.get(able.map((plane) => plane.between(source, destination)).reduce((a, b) => interner.join(a, b)));
    },
  };
}

/** Cuts each family's addresses at every border that any policy draws. */
function cellsOf(compiled: CompiledPolicies): Record<Family, AddressRange[]> {
  const cut = (family: Family): AddressRange[] => {
    const full = fullRange(family);
    const starts = new Set([full.first]);
    for (const policy of compiled.policies) {
      for (const rule of [...(policy.ingress ?? []), ...(policy.egress ?? [])]) {
        for (const range of rule.peers?.flatMap((peer) => peer.ranges ?? []) ?? []) {
          if (range.family !== family) continue;
          starts.add(range.first);
          if (range.last < full.last) starts.add(range.last + 1n);
        }
      }
    }
    const sorted = [...starts].sort((a, b) => (a < b ? -1 : 1));
    return sorted.map((first, index) => ({ family, first, last: index + 1 < sorted.length ? sorted[index + 1]! - 1n : full.last }));
  };
  return { 4: cut(4), 6: cut(6) };
}

const outsideAtom = (range: AddressRange): Atom => ({ peer: { kind: 'addresses', range }, cells: { [range.family]: range } });

function podAtoms(compiled: CompiledPolicies, cells: Record<Family, AddressRange[]>): Atom[] {
  const draws = compiled.policies.some((policy) =>
    [...(policy.ingress ?? []), ...(policy.egress ?? [])].some((rule) => rule.peers?.some((peer) => peer.ranges)),
  );
  return compiled.classes.flatMap((podClass) => {
    const groups = new Map<string, { pods: CompiledPod[]; cells: Partial<Record<Family, AddressRange>> }>();
    for (const pod of podClass.pods) {
      const own: Partial<Record<Family, AddressRange>> = {};
      if (draws) {
        for (const text of pod.fact.ips) {
          const address = parseAddress(text);
          if (!address) continue;
          const cell = cells[address.family].find((range) => rangesContain([range], address));
          if (cell) own[address.family] = cell;
        }
      }
      const key = families.map((family) => own[family]?.first ?? '').join('/');
      const group = groups.get(key);
      if (group) group.pods.push(pod);
      else groups.set(key, { pods: [pod], cells: own });
    }
    return [...groups.values()].map(({ pods, cells: own }): Atom => ({ peer: { kind: 'pods', pods, class: podClass }, cells: own }));
  });
}
