import { canonicalAddress } from './address.ts';
import { type ClassSeed, classKey, namespacesOf, SelectionIndex, selectionKey, vocabularyOf } from './classes.ts';
import { PolicyError } from './errors.ts';
import type {
  ClusterSnapshot,
  CompiledPeer,
  CompiledPod,
  CompiledPolicies,
  CompiledPolicy,
  CompiledRule,
  Direction,
  Gate,
  NamespaceFact,
  ParsedPolicy,
  PodClass,
  PodFact,
  Selection,
} from './model.ts';
import { denyForRefusedPolicy, parseClusterPolicy } from './parse-cluster-policy.ts';
import { isolateForRefusedPolicy, parseNetworkPolicy } from './parse-network-policy.ts';
import { peerRanges } from './peer-ranges.ts';
import type { Selector } from './selector.ts';

const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type ClassDraft = Mutable<PodClass> & ClassSeed & { pods: CompiledPod[] };

interface ParsedEntry {
  readonly parsed: ParsedPolicy;
  readonly error?: PolicyError;
}

/**
 * Turns a cluster into the form all questions are asked of. Order of the inputs never matters. A policy that cannot be
 * read is reported in `errors` and isolates the pods it selects; it never throws for a policy.
 */
export function compilePolicies(snapshot: ClusterSnapshot): CompiledPolicies {
  const { entries, errors } = parseAll(snapshot);
  const parsed = entries.map((entry) => entry.parsed);
  const pods = [...snapshot.pods, ...dnsPod(snapshot)];
  const namespaces = namespaceFacts(snapshot.namespaces, pods, parsed);
  const vocabulary = vocabularyOf(parsed);

  const drafts = new Map<string, ClassDraft>();
  const compiledPods = pods.map((fact): CompiledPod => {
    if (fact.hostNetwork) return { fact };
    const key = classKey(fact, vocabulary);
    let draft = drafts.get(key);
    if (!draft) {
      draft = { id: drafts.size, namespace: fact.namespace, labels: fact.labels, ports: fact.ports, pods: [], gates: openGates };
      drafts.set(key, draft);
    }
    const pod: CompiledPod = { fact, class: draft };
    draft.pods.push(pod);
    return pod;
  });
  const classes = [...drafts.values()];

  const index = new SelectionIndex<ClassDraft>(namespaces, classes, vocabulary.labelKeys);
  const selections = new Map<string, Selection>();
  const select = (where: Selector | string, which: Selector): Selection => {
    const key = selectionKey(where, which);
    let selection = selections.get(key);
    if (!selection) {
      selection = { key, classes: index.select(where, which) };
      selections.set(key, selection);
    }
    return selection;
  };
  const policies = entries.map((entry) => compilePolicy(entry, select, snapshot));
  assignGates(policies, classes);

  const nodes = new Map((snapshot.nodes ?? []).map((node) => [node.name, node]));
  const nodeByAddress = new Map<string, string>();
  for (const node of nodes.values()) for (const ip of validAddresses(node.addresses)) nodeByAddress.set(ip, node.name);
  return {
    namespaces,
    nodes,
    policies,
    classes,
    pods: compiledPods,
    podByName: new Map(compiledPods.map((pod) => [`${pod.fact.namespace}/${pod.fact.name}`, pod])),
    podByAddress: addressTable(compiledPods),
    nodeByAddress,
    errors,
  };
}

function parseAll(snapshot: ClusterSnapshot): { entries: ParsedEntry[]; errors: PolicyError[] } {
  const entries: ParsedEntry[] = [];
  const errors: PolicyError[] = [];
  const read = (
    objects: readonly unknown[],
    parse: (object: unknown) => ParsedPolicy,
    fallBack: (object: unknown) => ParsedPolicy | undefined,
  ) => {
    for (const object of objects) {
      try {
        entries.push({ parsed: parse(object) });
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error;
        errors.push(error);
        const parsed = fallBack(object);
        if (parsed) entries.push({ parsed, error });
      }
    }
  };
  read(snapshot.networkPolicies, parseNetworkPolicy, isolateForRefusedPolicy);
  read(snapshot.clusterPolicies ?? [], parseClusterPolicy, denyForRefusedPolicy);
  entries.sort((a, b) => comparePolicies(a.parsed, b.parsed));
  return { entries, errors };
}

const tierOrder = { admin: 0, networkPolicy: 1, baseline: 2 } as const;

/** Order of decision; names break ties, so that the same policy is named whatever the order of arrival. */
function comparePolicies(a: ParsedPolicy, b: ParsedPolicy): number {
  return (
    tierOrder[a.tier] - tierOrder[b.tier] ||
    a.priority - b.priority ||
    compareText(a.namespace ?? '', b.namespace ?? '') ||
    compareText(a.ref.name, b.ref.name) ||
    compareText(a.ref.kind, b.ref.kind)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function dnsPod(snapshot: ClusterSnapshot): PodFact[] {
  const ips = snapshot.dnsServiceIPs ?? [];
  if (ips.length === 0) return [];
  const ports = [
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'dns-tcp', protocol: 'TCP', port: 53 },
  ] as const;
  return [{ namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' }, ips, ports }];
}

/** Namespaces that only pods mention exist too; each carries the label the API server sets on every namespace. */
function namespaceFacts(
  given: readonly NamespaceFact[],
  pods: readonly PodFact[],
  policies: readonly ParsedPolicy[],
): Map<string, NamespaceFact> {
  const facts = new Map<string, NamespaceFact>();
  const add = (name: string, labels: NamespaceFact['labels']) =>
    facts.set(name, { name, labels: { ...labels, [NAMESPACE_NAME_LABEL]: name } });
  for (const { name, labels } of given) add(name, labels);
  for (const { namespace } of [...pods, ...policies]) if (namespace !== undefined && !facts.has(namespace)) add(namespace, {});
  return facts;
}

type Select = (namespaces: Selector | string, pods: Selector) => Selection;

function compilePolicy({ parsed, error }: ParsedEntry, select: Select, snapshot: ClusterSnapshot): CompiledPolicy {
  const policy: Mutable<CompiledPolicy> = {
    parsed,
    subject: select(namespacesOf(parsed, parsed.subject.namespaces), parsed.subject.pods),
    ...(error && { error }),
  };
  for (const direction of ['ingress', 'egress'] as const) {
    const rules = parsed[direction];
    if (!rules) continue;
    policy[direction] = rules.map((rule): CompiledRule => {
      const peers = rule.peers?.map((peer): CompiledPeer => {
        if (peer.kind !== 'pods') return { parsed: peer, ranges: peerRanges(peer, snapshot) };
        return { parsed: peer, selection: select(namespacesOf(parsed, peer.namespaces), peer.pods) };
      });
      return { policy, direction, parsed: rule, ...(peers && { peers }) };
    });
  }
  return policy;
}

const openGate: Gate = { key: '', admin: [], isolating: [], baseline: [] };
const openGates = { ingress: openGate, egress: openGate };

/** @param selecting the policies that select a class, in order of decision */
function makeGate(key: string, selecting: readonly CompiledPolicy[], direction: Direction): Gate {
  const enforced = selecting.filter((policy) => !policy.parsed.isAudit);
  const build = (policies: readonly CompiledPolicy[]): Gate => {
    const rulesOf = (tier: 'admin' | 'baseline') =>
      policies.filter((policy) => policy.parsed.tier === tier).flatMap((policy) => policy[direction]!);
    return {
      key,
      admin: rulesOf('admin'),
      isolating: policies.filter((policy) => policy.parsed.tier === 'networkPolicy'),
      baseline: rulesOf('baseline'),
    };
  };
  return enforced.length === selecting.length ? build(enforced) : { ...build(enforced), audited: build(selecting) };
}

function assignGates(policies: readonly CompiledPolicy[], classes: readonly ClassDraft[]): void {
  const shared = new Map<string, Gate>();
  const gates = new Map<ClassDraft, Record<Direction, Gate>>();
  for (const direction of ['ingress', 'egress'] as const) {
    const chosen = new Map<PodClass, number[]>();
    policies.forEach((policy, index) => {
      if (!policy[direction]) return;
      for (const podClass of policy.subject.classes) {
        const list = chosen.get(podClass);
        if (list) list.push(index);
        else chosen.set(podClass, [index]);
      }
    });
    for (const podClass of classes) {
      const indexes = chosen.get(podClass);
      if (!indexes) continue;
      const key = `${direction}:${indexes.join(',')}`;
      let gate = shared.get(key);
      if (!gate) {
        gate = makeGate(
          key,
          indexes.map((index) => policies[index]!),
          direction,
        );
        shared.set(key, gate);
      }
      const both = gates.get(podClass) ?? { ...openGates };
      both[direction] = gate;
      gates.set(podClass, both);
    }
  }
  for (const [podClass, both] of gates) podClass.gates = both;
}

/** Texts that are no address are left out: no packet can carry them, and a bad status must not stop the compiler. */
function validAddresses(texts: readonly string[]): Set<string> {
  return new Set(texts.map(canonicalAddress).filter((address) => address !== undefined));
}

function addressTable(pods: readonly CompiledPod[]): Map<string, CompiledPod | 'conflict'> {
  const table = new Map<string, CompiledPod | 'conflict'>();
  for (const pod of pods) {
    if (pod.fact.hostNetwork) continue;
    for (const ip of validAddresses(pod.fact.ips)) {
      table.set(ip, table.has(ip) ? 'conflict' : pod);
    }
  }
  return table;
}
