import { type AddressRange, type Family, formatRange, rangesContain } from '../address.ts';
import { isOpen } from '../compile/gate-table.ts';
import { resolvePortName } from '../evaluate.ts';
import type { CompiledPeer, CompiledRule, Direction, Gate, PodClass, PodFact } from '../model.ts';
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
import type { Atom } from './peer.ts';

/** Equal sets get equal numbers, and an intersection or union of two is computed once. */
export class ConnectionInterner {
  readonly #sets: ConnectionSet[] = [];
  readonly #ids = new Map<string, number>();
  readonly #meets = new Map<number, number>();
  readonly #joins = new Map<number, number>();

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
    return this.#combine(this.#meets, a, b, intersectConnections);
  }

  join(a: number, b: number): number {
    if (a === 1 || b === 1) return 1;
    if (a === 0 || a === b) return b;
    if (b === 0) return a;
    return this.#combine(this.#joins, a, b, unionConnections);
  }

  #combine(known: Map<number, number>, a: number, b: number, make: (a: ConnectionSet, b: ConnectionSet) => ConnectionSet): number {
    const key = a < b ? a * 0x200_0000 + b : b * 0x200_0000 + a;
    let id = known.get(key);
    if (id === undefined) {
      id = this.intern(make(this.get(a), this.get(b)));
      known.set(key, id);
    }
    return id;
  }
}

/** Connectivity of packets of one address family. One row of peers is computed for each distinct gate. */
export class Plane {
  readonly family: Family;
  readonly #atoms: readonly Atom[];
  readonly #matches: MatchTable;
  readonly #interner: ConnectionInterner;
  readonly #rows = new Map<string, Uint32Array>();
  readonly #rowOf: Record<Direction, (Uint32Array | undefined)[]>;
  readonly #open: Uint32Array;

  constructor(atoms: readonly Atom[], family: Family, usesFamily: boolean, interner: ConnectionInterner) {
    this.#atoms = atoms;
    this.family = family;
    this.#matches = new MatchTable(atoms, ({ peer, cells }) => {
      if (peer.kind === 'addresses') return cells[peer.range.family];
      return usesFamily ? cells[family] : undefined;
    });
    this.#interner = interner;
    this.#open = new Uint32Array(atoms.length).fill(1);
    const none = () => new Array<Uint32Array | undefined>(atoms.length).fill(undefined);
    this.#rowOf = { ingress: none(), egress: none() };
  }

  between(source: number, destination: number): number {
    return this.#interner.meet(this.#side('egress', source, destination), this.#side('ingress', destination, source));
  }

  #side(direction: Direction, subject: number, peer: number): number {
    const row = this.#rowOf[direction][subject] ?? this.#rowOfAtom(direction, subject);
    return row[peer]!;
  }

  #rowOfAtom(direction: Direction, subject: number): Uint32Array {
    const { peer: guarded } = this.#atoms[subject]!;
    const isShut = guarded.kind !== 'addresses' && !isOpen(guarded.class.gates[direction]);
    const row = isShut ? this.#row(guarded.class.gates[direction], direction, guarded.class) : this.#open;
    this.#rowOf[direction][subject] = row;
    return row;
  }

  #row(gate: Gate, direction: Direction, guarded: PodClass): Uint32Array {
    const key = direction === 'ingress' ? `${gate.key}\0${JSON.stringify(guarded.ports)}` : gate.key;
    let row = this.#rows.get(key);
    if (!row) {
      row = this.#computeRow(gate, direction, guarded);
      this.#rows.set(key, row);
    }
    return row;
  }

  /** Peers that match the same rules get the same answer, which is computed once. */
  #computeRow(gate: Gate, direction: Direction, guarded: PodClass): Uint32Array {
    const rules = [...gate.admin, ...gate.isolating.flatMap((policy) => policy[direction]!), ...gate.baseline];
    const groups = new Groups(this.#atoms.length);
    for (const rule of rules) groups.split(this.#matches.of(rule));
    if (direction === 'egress' && rules.some((rule) => rule.parsed.ports?.some((match) => 'name' in match)))
      groups.split(this.#matches.portProfiles);
    const answers = groups.representatives().map((index) => {
      const { peer } = this.#atoms[index]!;
      const destination = direction === 'ingress' ? guarded : peer.kind === 'pods' ? peer.class : undefined;
      const covers = new Map(rules.map((rule) => [rule, coveredConnections(rule, this.#matches.of(rule)[index] as Match, destination)]));
      return this.#interner.intern(gateConnections(gate, direction, (rule) => covers.get(rule)!));
    });
    return groups.ids.map((id) => answers[id]!);
  }
}

/** For each rule, which peers it matches; shared by rules with the same peers. */
class MatchTable {
  readonly #atoms: readonly Atom[];
  readonly #cellOf: (atom: Atom) => AddressRange | undefined;
  readonly #byRule = new Map<CompiledRule, Uint32Array>();
  readonly #byPeers = new Map<string, Uint32Array>();
  readonly portProfiles: Uint32Array;
  readonly #everything: Uint32Array;

  constructor(atoms: readonly Atom[], cellOf: (atom: Atom) => AddressRange | undefined) {
    this.#atoms = atoms;
    this.#cellOf = cellOf;
    this.#everything = new Uint32Array(atoms.length).fill(SELECTED);
    const profiles = new Map<string, number>();
    this.portProfiles = Uint32Array.from(atoms, ({ peer }) => {
      const profile = peer.kind === 'pods' ? JSON.stringify(peer.class.ports) : '';
      if (!profiles.has(profile)) profiles.set(profile, profiles.size);
      return profiles.get(profile)!;
    });
  }

  of(rule: CompiledRule): Uint32Array {
    if (!rule.peers) return this.#everything;
    let matches = this.#byRule.get(rule);
    if (!matches) {
      const key = rule.peers.map(({ selection, ranges }) => selection?.key ?? ranges!.map(formatRange).join()).join('\n');
      matches = this.#byPeers.get(key) ?? this.#compute(rule.peers);
      this.#byPeers.set(key, matches);
      this.#byRule.set(rule, matches);
    }
    return matches;
  }

  #compute(peers: readonly CompiledPeer[]): Uint32Array {
    return Uint32Array.from(this.#atoms, (atom) => {
      const { peer } = atom;
      if (peer.kind === 'pods' && peers.some(({ selection }) => selection?.classes.has(peer.class))) return SELECTED;
      // A cell lies wholly inside or outside of every range: one address stands for all.
      const cell = this.#cellOf(atom);
      return cell && peers.some(({ ranges }) => ranges && rangesContain(ranges, { family: cell.family, value: cell.first }))
        ? ADDRESSED
        : UNMATCHED;
    });
  }
}

/** A partition that gets finer: members stay together while everything says the same of them. */
class Groups {
  ids: Uint32Array;
  #count = 1;

  constructor(size: number) {
    this.ids = new Uint32Array(size);
  }

  split(labels: Uint32Array): void {
    const renamed = new Map<number, number>();
    const before = this.ids;
    this.ids = before.map((id, index) => {
      const key = labels[index]! * this.#count + id;
      let next = renamed.get(key);
      if (next === undefined) {
        next = renamed.size;
        renamed.set(key, next);
      }
      return next;
    });
    this.#count = renamed.size;
  }

  /** One member of each group, by the group's id. */
  representatives(): number[] {
    const found: number[] = [];
    for (const [index, id] of this.ids.entries()) found[id] ??= index;
    return found;
  }
}

const UNMATCHED = 0;
/** By a selector, or because the rule names no peers. */
const SELECTED = 1;
/** By an address alone: port names of egress rules mean nothing then. */
const ADDRESSED = 2;
type Match = typeof UNMATCHED | typeof SELECTED | typeof ADDRESSED;

function coveredConnections(rule: CompiledRule, match: Match, destination: Pick<PodFact, 'ports'> | undefined): ConnectionSet {
  if (match === UNMATCHED) return noConnections;
  return portsOfRule(rule, rule.direction === 'egress' && match === ADDRESSED ? undefined : destination);
}

/** @param named the pod on which port names are looked up; without one they mean nothing */
export function portsOfRule(rule: CompiledRule, named: Pick<PodFact, 'ports'> | undefined): ConnectionSet {
  const { ports } = rule.parsed;
  if (!ports) return allConnections;
  return connectionsOf(
    ports.flatMap((port) => {
      if ('from' in port) return [port];
      return named ? resolvePortName(named, port).map(({ protocol, port: number }) => ({ protocol, from: number, to: number })) : [];
    }),
  );
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
