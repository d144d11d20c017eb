import { type AddressRange, type Family, fullRange, parseAddress, rangesContain } from './address.ts';
import {
  allConnections,
  type ConnectionSet,
  connectionsOf,
  formatConnections,
  intersectConnections,
  noConnections,
  subtractConnections,
  unionConnections,
} from './connections.ts';
import { resolvePortName } from './evaluate.ts';
import type { CompiledPod, CompiledPolicies, CompiledRule, Direction, Gate, PodClass, PodFact } from './model.ts';

/** Pods, or outside addresses, that no policy can tell apart. */
export type ConnectivityPeer =
  | { readonly kind: 'pods'; readonly pods: readonly CompiledPod[]; readonly class: PodClass }
  | { readonly kind: 'addresses'; readonly range: AddressRange };

export interface Connectivity {
  readonly peers: readonly ConnectivityPeer[];
  /**
   * What may pass from one peer to another, by index into `peers`. For a group of pods to itself: between two different
   * members. Between two ranges of addresses: nothing, it is none of the cluster's business.
   */
  between(source: number, destination: number): ConnectionSet;
}

interface Atom {
  readonly peer: ConnectivityPeer;
  /** Range of a policy's ipBlocks, by family, in which the peer's address lies. */
  readonly cells: Readonly<Partial<Record<Family, AddressRange>>>;
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
  return {
    peers: atoms.map((atom) => atom.peer),
    between(source, destination) {
      const ends = [atoms[source]!, atoms[destination]!];
      const ranges = ends.flatMap(({ peer }) => (peer.kind === 'addresses' ? [peer.range.family] : []));
      if (ranges.length === 2) return noConnections;
      const able = planes.filter((plane) => ranges.length === 0 || !needsFamilies || plane.family === ranges[0]);
      const ids = able.map((plane) => plane.between(source, destination));
      return ids.map((id) => interner.get(id)).reduce(unionConnections);
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
          const address = parseAddress(text)!;
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

/** Equal sets get equal numbers, and an intersection is computed once. */
class ConnectionInterner {
  readonly #sets: ConnectionSet[] = [];
  readonly #ids = new Map<string, number>();
  readonly #meets = new Map<number, number>();

  constructor() {
    this.intern(noConnections);
    this.intern(allConnections);
  }

  intern(set: ConnectionSet): number {
    const key = formatConnections(set);
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#sets.push(set) - 1;
      this.#ids.set(key, id);
    }
    return id;
  }

  get(id: number): ConnectionSet {
    return this.#sets[id]!;
  }

  meet(a: number, b: number): number {
    if (a === 0 || b === 0) return 0;
    if (a === 1 || a === b) return b;
    if (b === 1) return a;
    const key = a < b ? a * 0x200_0000 + b : b * 0x200_0000 + a;
    let id = this.#meets.get(key);
    if (id === undefined) {
      id = this.intern(intersectConnections(this.get(a), this.get(b)));
      this.#meets.set(key, id);
    }
    return id;
  }
}

/** Connectivity of packets of one address family. One row of peers is computed for each distinct gate. */
class Plane {
  readonly family: Family;
  readonly #atoms: readonly Atom[];
  readonly #usesFamily: boolean;
  readonly #interner: ConnectionInterner;
  readonly #rows = new Map<string, Uint32Array>();
  readonly #rowOf: Record<Direction, (Uint32Array | undefined)[]> = { ingress: [], egress: [] };

  constructor(atoms: readonly Atom[], family: Family, usesFamily: boolean, interner: ConnectionInterner) {
    this.#atoms = atoms;
    this.family = family;
    this.#usesFamily = usesFamily;
    this.#interner = interner;
  }

  between(source: number, destination: number): number {
    return this.#interner.meet(this.#side('egress', source, destination), this.#side('ingress', destination, source));
  }

  #side(direction: Direction, subject: number, peer: number): number {
    const { peer: guarded } = this.#atoms[subject]!;
    if (guarded.kind === 'addresses') return 1;
    const gate = guarded.class.gates[direction];
    if (gate.admin.length === 0 && gate.isolating.length === 0 && gate.baseline.length === 0) return 1;
    this.#rowOf[direction][subject] ??= this.#row(gate, direction, guarded.class);
    return this.#rowOf[direction][subject]![peer]!;
  }

  #row(gate: Gate, direction: Direction, guarded: PodClass): Uint32Array {
    const names = direction === 'ingress' ? JSON.stringify(guarded.ports) : '';
    const key = `${gate.key}\0${names}`;
    let row = this.#rows.get(key);
    if (!row) {
      row = new Uint32Array(this.#atoms.length);
      for (const [index, atom] of this.#atoms.entries()) {
        const destination = direction === 'ingress' ? guarded : atom.peer.kind === 'pods' ? atom.peer.class : undefined;
        row[index] = this.#interner.intern(gateConnections(gate, direction, (rule) => this.#ruleConnections(rule, atom, destination)));
      }
      this.#rows.set(key, row);
    }
    return row;
  }

  #ruleConnections(rule: CompiledRule, { peer, cells }: Atom, destination: Pick<PodFact, 'ports'> | undefined): ConnectionSet {
    const family = peer.kind === 'addresses' ? peer.range.family : this.family;
    const cell = peer.kind === 'addresses' || this.#usesFamily ? cells[family] : undefined;
    const isSelected =
      !rule.peers || rule.peers.some(({ selection }) => selection && peer.kind === 'pods' && selection.classes.has(peer.class));
    // A cell lies wholly inside or outside of every range: one address stands for all.
    const isPeer =
      isSelected || rule.peers!.some(({ ranges }) => ranges && cell && rangesContain(ranges, { family: cell.family, value: cell.first }));
    if (!isPeer) return noConnections;
    const named = rule.direction === 'egress' && !isSelected ? undefined : destination;
    const { ports } = rule.parsed;
    if (!ports) return allConnections;
    return connectionsOf(
      ports.flatMap((match) => {
        if ('from' in match) return [match];
        return named ? resolvePortName(named, match).map(({ protocol, port }) => ({ protocol, from: port, to: port })) : [];
      }),
    );
  }
}

/** The order of `evaluatePacket`, over sets: each rule decides what no rule before it has decided. */
export function gateConnections(gate: Gate, direction: Direction, covers: (rule: CompiledRule) => ConnectionSet): ConnectionSet {
  let allowed = noConnections;
  let passed = noConnections;
  let open = allConnections;
  for (const rule of gate.admin) {
    const decided = intersectConnections(open, covers(rule));
    if (rule.parsed.action === 'Accept') allowed = unionConnections(allowed, decided);
    if (rule.parsed.action === 'Pass') passed = unionConnections(passed, decided);
    open = subtractConnections(open, decided);
  }
  open = unionConnections(open, passed);
  if (gate.isolating.length > 0) {
    const covered = gate.isolating
      .flatMap((policy) => policy[direction]!)
      .reduce((sum, rule) => unionConnections(sum, covers(rule)), noConnections);
    return unionConnections(allowed, intersectConnections(open, covered));
  }
  for (const rule of gate.baseline) {
    const decided = intersectConnections(open, covers(rule));
    // After the last tier everything is allowed: passing is accepting.
    if (rule.parsed.action !== 'Deny') allowed = unionConnections(allowed, decided);
    open = subtractConnections(open, decided);
  }
  return unionConnections(allowed, open);
}
