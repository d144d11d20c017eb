import { isOpen } from '../compile/gate-table.ts';
import { namespacesOf } from '../compile/selection-table.ts';
import type { CompiledPolicies, CompiledRule, Direction, Gate } from '../model.ts';
import { describeSelector, everything, type Selector, says, selectorMatches } from '../selector.ts';
import { type ConnectionSet, formatConnections, isNoConnection, noConnections } from './connections.ts';
import { workloadName } from './list.ts';
import { gateConnections, portsOfRule } from './rows.ts';

/** Pods that need not exist, as a rule describes them. */
export interface ExposedPeer {
  /** The name of a namespace, or what its labels must be; without requirements any namespace. */
  readonly namespaces: Selector | string;
  readonly pods: Selector;
}

/** Any pod at all. */
const anyPod: ExposedPeer = { namespaces: everything, pods: everything };

/** What a workload may exchange with pods that do not exist yet. */
export interface Exposure {
  /** `default/db[Deployment]` */
  readonly workload: string;
  readonly direction: Direction;
  readonly peer: ExposedPeer;
  /** Nothing, where the peer is an exception from what any pod may do. */
  readonly connections: ConnectionSet;
}

export interface ExposureReport {
  readonly exposures: readonly Exposure[];
  /** Workloads and directions that no policy speaks of: everything is open, to the outside too. */
  readonly unprotected: readonly { readonly workload: string; readonly direction: Direction }[];
}

/**
 * For every workload: what its own policies would let it exchange with any pod whatsoever, and, where that is something else, with
 * every pod that fits a description which some rule gives. A namespace and labels that pods of the cluster have already are left
 * out: the list of connectivity tells of those. What policies of the other side would say is not known and not asked.
 */
export function analyzeExposure(compiled: CompiledPolicies): ExposureReport {
  const exposures = new Map<string, Exposure>();
  const unprotected = new Map<string, ExposureReport['unprotected'][number]>();
  for (const podClass of compiled.classes) {
    for (const direction of ['egress', 'ingress'] as const) {
      const gate = podClass.gates[direction];
      const ableWith = (peer: ExposedPeer) =>
        gateConnections(gate, direction, (rule) =>
          coversAll(compiled, rule, peer) ? portsOfRule(rule, direction === 'ingress' ? podClass : undefined) : noConnections,
        );
      const withAny = ableWith(anyPod);
      const others = describedPeers(gate, direction)
        .filter((peer) => !isKnown(compiled, peer))
        .map((peer) => ({ peer, connections: ableWith(peer) }));
      const special = others.filter(({ connections }) => formatConnections(connections) !== formatConnections(withAny));
      const found = [...(isNoConnection(withAny) ? [] : [{ peer: anyPod, connections: withAny }]), ...special];
      for (const workload of new Set(podClass.pods.map((pod) => workloadName(pod.fact)))) {
        const place = `${workload}\0${direction}`;
        if (isOpen(gate)) unprotected.set(place, { workload, direction });
        for (const one of found) exposures.set(`${place}\0${one.peer === anyPod ? '' : keyOf(one.peer)}`, { workload, direction, ...one });
      }
    }
  }
  return { exposures: inOrder(exposures), unprotected: inOrder(unprotected) };
}

const inOrder = <V>(map: ReadonlyMap<string, V>): V[] => [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);

function keyOf({ namespaces, pods }: ExposedPeer): string {
  return `${typeof namespaces === 'string' ? namespaces : `{${namespaces.canonical}}`}\0${pods.canonical}`;
}

/** Each pair of selectors that a gate's rules use, any pod excepted. */
function describedPeers(gate: Gate, direction: Direction): ExposedPeer[] {
  const found = new Map<string, ExposedPeer>();
  const rules = [...gate.admin, ...gate.isolating.flatMap((policy) => policy[direction]!), ...gate.baseline];
  for (const { peers, policy } of rules) {
    for (const { parsed } of peers ?? []) {
      if (parsed.kind !== 'pods') continue;
      const peer = { namespaces: namesakeOf(namespacesOf(policy.parsed, parsed.namespaces)), pods: parsed.pods };
      found.set(keyOf(peer), peer);
    }
  }
  found.delete(keyOf(anyPod));
  return [...found.values()];
}

/** A selector for nothing but a namespace's name is that name. */
function namesakeOf(where: Selector | string): Selector | string {
  if (typeof where === 'string' || where.requirements.length !== 1) return where;
  const { key, operator, values } = where.requirements[0]!;
  return key === 'kubernetes.io/metadata.name' && operator === 'In' && values.length === 1 ? values[0]! : where;
}

/** A namespace by name or by values of labels, and values of labels that a pod there has: no other pod is meant. */
function isKnown(compiled: CompiledPolicies, { namespaces, pods }: ExposedPeer): boolean {
  const isExact = ({ requirements }: Selector) =>
    requirements.length > 0 && requirements.every(({ operator, values }) => operator === 'In' && values.length === 1);
  if (!isExact(pods) || (typeof namespaces !== 'string' && !isExact(namespaces))) return false;
  return compiled.classes.some(({ namespace, labels }) => {
    const isThere =
      typeof namespaces === 'string' ? namespaces === namespace : selectorMatches(namespaces, compiled.namespaces.get(namespace)!.labels);
    return isThere && selectorMatches(pods, labels);
  });
}

/** Whether a rule speaks of every pod that fits the description. */
function coversAll(compiled: CompiledPolicies, { peers, policy }: CompiledRule, { namespaces, pods }: ExposedPeer): boolean {
  if (!peers) return true;
  return peers.some(({ parsed }) => {
    if (parsed.kind !== 'pods' || !says(pods, parsed.pods)) return false;
    const where = namespacesOf(policy.parsed, parsed.namespaces);
    if (typeof where === 'string') return where === namespaces;
    if (typeof namespaces !== 'string') return says(namespaces, where);
    return selectorMatches(where, compiled.namespaces.get(namespaces)?.labels ?? { 'kubernetes.io/metadata.name': namespaces });
  });
}

/** `any pod`, `pods with app=db in namespace default`, `any pod in namespaces with team=a`. */
export function describeExposedPeer({ namespaces, pods }: ExposedPeer): string {
  const who = pods.requirements.length === 0 ? 'any pod' : `pods with ${describeSelector(pods)}`;
  if (typeof namespaces === 'string') return `${who} in namespace ${namespaces}`;
  if (namespaces.requirements.length > 0) return `${who} in namespaces with ${describeSelector(namespaces)}`;
  return pods.requirements.length === 0 ? who : `${who} in any namespace`;
}
