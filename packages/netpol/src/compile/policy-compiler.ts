import type {
  ClusterSnapshot,
  CompiledPeer,
  CompiledPod,
  CompiledPolicies,
  CompiledPolicy,
  CompiledRule,
  NodeFact,
  PodFact,
} from '../model.ts';
import { denyForRefusedPolicy, parseClusterPolicy } from '../parse/cluster-policy.ts';
import { isolateForRefusedPolicy, parseNetworkPolicy } from '../parse/network-policy.ts';
import { peerRanges } from '../peer-ranges.ts';
import { AddressClaims, validAddresses } from './address-claims.ts';
import { ClassTable } from './class-table.ts';
import type { ClassDraft, Mutable, PodDraft, SelectionDraft } from './drafts.ts';
import { comparePolicies, GateTable } from './gate-table.ts';
import { NamespaceTable } from './namespace-table.ts';
import { type PolicyEntry, PolicyTable } from './policy-table.ts';
import { namespacesOf, SelectionTable } from './selection-table.ts';
import { Vocabulary } from './vocabulary.ts';

/** A policy in force, and what must be given back when it goes. */
interface PolicyDraft {
  readonly policy: CompiledPolicy;
  readonly subject: SelectionDraft;
  readonly selections: readonly SelectionDraft[];
  /** Peers whose addresses depend on nodes or on answers of the DNS. */
  readonly dynamic: readonly Mutable<CompiledPeer>[];
}

/**
 * Keeps a cluster compiled while it changes. What a change does not touch is neither read nor computed again: an update costs what
 * changed, and one look at each object to see that it did not.
 *
 * The answer is one value that changes in place; ask it before the next update.
 */
export class PolicyCompiler implements CompiledPolicies {
  readonly #vocabulary = new Vocabulary();
  readonly #namespaces = new NamespaceTable();
  readonly #claims = new AddressClaims();
  readonly #gates = new GateTable();
  readonly #dirty = new Set<ClassDraft>();
  readonly #selections = new SelectionTable(this.#namespaces.facts, (podClass) => this.#dirty.add(podClass));
  readonly #classes = new ClassTable(this.#vocabulary, this.#selections, {
    made: (podClass) => this.#dirty.add(podClass),
    gone: (podClass) => {
      this.#dirty.delete(podClass);
      this.#gates.forget(podClass);
    },
  });
  readonly #pods = new Map<PodFact, PodDraft>();
  readonly #networkPolicies = new PolicyTable({ parse: parseNetworkPolicy, fallBack: isolateForRefusedPolicy });
  readonly #clusterPolicies = new PolicyTable({ parse: parseClusterPolicy, fallBack: denyForRefusedPolicy });
  readonly #drafts = new Map<PolicyEntry, PolicyDraft>();
  #snapshot: ClusterSnapshot = { namespaces: [], pods: [], networkPolicies: [] };
  #dns: PodFact[] = [];

  version = 0;
  readonly namespaces = this.#namespaces.facts;
  nodes: ReadonlyMap<string, NodeFact> = new Map();
  policies: readonly CompiledPolicy[] = [];
  readonly podByName = new Map<string, CompiledPod>();
  readonly podByAddress = this.#claims.owners;
  nodeByAddress: ReadonlyMap<string, string> = new Map();
  errors: CompiledPolicies['errors'] = [];
  /** Pods that the last update took away, or whose facts it replaced. */
  departed: readonly PodFact[] = [];

  get classes(): readonly ClassDraft[] {
    return [...this.#classes.values()];
  }

  get pods(): readonly CompiledPod[] {
    return [...this.#pods.values()];
  }

  get conflicts(): Iterable<string> {
    return this.#claims.conflicts.keys();
  }

  /**
   * @param snapshot the cluster as it is now. An object (fact or policy) is taken to be unchanged when it is the same object as
   *   last time: to change one, give another.
   */
  update(snapshot: ClusterSnapshot): this {
    this.version++;
    this.#selections.version = this.version;
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    const changes = [
      this.#networkPolicies.replace(snapshot.networkPolicies),
      this.#clusterPolicies.replace(snapshot.clusterPolicies ?? []),
    ];
    const added = changes.flatMap((change) => change.added);
    const removed = changes.flatMap((change) => change.removed);
    for (const { parsed } of added) this.#mention(parsed, 1);
    for (const { parsed } of removed) this.#mention(parsed, -1);

    this.#replacePods([...snapshot.pods, ...this.#dnsPod(snapshot.dnsServiceIPs ?? [])]);
    if (snapshot.namespaces !== before.namespaces) this.#namespaces.give(snapshot.namespaces);
    for (const name of this.#namespaces.settle()) this.#selections.namespaceChanged(name);
    this.#updateNodes(snapshot.nodes ?? [], before.nodes ?? []);
    // What a policy and its successor both use stays.
    for (const entry of added) this.#enforce(entry);
    for (const entry of removed) this.#drop(entry);
    if (added.length + removed.length > 0) this.#listPolicies();
    if (snapshot.nodes !== before.nodes || snapshot.domainAddresses !== before.domainAddresses) this.#updateRanges();

    this.#classes.dropEmpty();
    for (const podClass of this.#dirty) this.#gates.assign(podClass);
    this.#dirty.clear();
    return this;
  }

  #mention(parsed: PolicyEntry['parsed'], by: 1 | -1): void {
    if (!parsed) return;
    this.#namespaces.mention(parsed.namespace, by);
    if (by === 1) this.#vocabulary.learn(parsed);
    else this.#vocabulary.forget(parsed);
  }

  #dnsPod(ips: readonly string[]): readonly PodFact[] {
    if (ips.join() === (this.#dns[0]?.ips ?? []).join()) return this.#dns;
    const ports = [
      { name: 'dns', protocol: 'UDP', port: 53 },
      { name: 'dns-tcp', protocol: 'TCP', port: 53 },
    ] as const;
    this.#dns = ips.length === 0 ? [] : [{ namespace: 'kube-system', name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' }, ips, ports }];
    return this.#dns;
  }

  #replacePods(facts: readonly PodFact[]): void {
    const fresh: PodFact[] = [];
    let kept = 0;
    for (const fact of facts) {
      const pod = this.#pods.get(fact);
      if (!pod) fresh.push(fact);
      else if (pod.seen !== this.version) {
        pod.seen = this.version;
        kept++;
      }
    }
    const gone = kept === this.#pods.size ? [] : [...this.#pods.values()].filter((pod) => pod.seen !== this.version);
    for (const pod of gone) this.#removePod(pod);
    this.departed = gone.map(({ fact }) => fact);
    const isTouched = this.#vocabulary.takeChanges();
    if (isTouched) for (const pod of this.#pods.values()) if (isTouched(pod.fact)) this.#classes.classify(pod);
    for (const fact of fresh) if (!this.#pods.has(fact)) this.#addPod(fact);
  }

  #addPod(fact: PodFact): void {
    const claims = fact.hostNetwork ? [] : validAddresses(fact.ips);
    const pod: PodDraft = { fact, claims, addresses: [], hasConflict: false, seen: this.version };
    this.#pods.set(fact, pod);
    this.podByName.set(`${fact.namespace}/${fact.name}`, pod);
    this.#namespaces.mention(fact.namespace, 1);
    const others = claims.flatMap((address) => this.#claims.claim(address, pod));
    for (const other of [...others, pod]) this.#settleAddresses(other);
    this.#classes.classify(pod);
  }

  #removePod(pod: PodDraft): void {
    const { fact } = pod;
    this.#pods.delete(fact);
    const name = `${fact.namespace}/${fact.name}`;
    if (this.podByName.get(name) === pod) this.podByName.delete(name);
    this.#namespaces.mention(fact.namespace, -1);
    this.#classes.leave(pod);
    for (const other of pod.claims.flatMap((address) => this.#claims.release(address, pod))) this.#settleAddresses(other);
  }

  #settleAddresses(pod: PodDraft): void {
    const owned = this.#claims.ownedBy(pod);
    pod.hasConflict = owned.length < pod.claims.length;
    if (pod.class) {
      this.#selections.addressesChanged(pod.class, pod.addresses, false);
      this.#selections.addressesChanged(pod.class, owned, true);
    }
    pod.addresses = owned;
  }

  #updateNodes(nodes: readonly NodeFact[], before: readonly NodeFact[]): void {
    if (nodes === before) return;
    this.nodes = new Map(nodes.map((node) => [node.name, node]));
    const pairs = nodes.flatMap(({ name, addresses }) => validAddresses(addresses).map((ip) => [ip, name] as const));
    this.nodeByAddress = new Map(pairs);
  }

  #updateRanges(): void {
    for (const { dynamic } of this.#drafts.values()) {
      for (const peer of dynamic) if (peer.parsed.kind !== 'pods') peer.ranges = peerRanges(peer.parsed, this.#snapshot);
    }
  }

  #listPolicies(): void {
    this.policies = [...this.#drafts.values()].map(({ policy }) => policy).sort((a, b) => comparePolicies(a.parsed, b.parsed));
    this.errors = [...this.#networkPolicies.errors, ...this.#clusterPolicies.errors];
  }

  #drop(entry: PolicyEntry): void {
    const draft = this.#drafts.get(entry);
    if (!draft) return;
    this.#drafts.delete(entry);
    draft.subject.subjectOf.delete(draft.policy);
    for (const podClass of draft.subject.classes) this.#dirty.add(podClass);
    for (const selection of draft.selections) this.#selections.release(selection);
    this.#gates.remove(draft.policy);
  }

  #enforce(entry: PolicyEntry): void {
    const { parsed, error } = entry;
    if (!parsed) return;
    const selections: SelectionDraft[] = [];
    const dynamic: Mutable<CompiledPeer>[] = [];
    const select: (...asked: Parameters<SelectionTable['acquire']>) => SelectionDraft = (...asked) => {
      const selection = this.#selections.acquire(...asked);
      selections.push(selection);
      return selection;
    };
    const subject = select(namespacesOf(parsed, parsed.subject.namespaces), parsed.subject.pods);
    const policy: Mutable<CompiledPolicy> = { parsed, subject, ...(error && { error }) };
    for (const direction of ['ingress', 'egress'] as const) {
      const rules = parsed[direction];
      if (!rules) continue;
      policy[direction] = rules.map((rule): CompiledRule => {
        const peers = rule.peers?.map((peer): CompiledPeer => {
          if (peer.kind === 'pods') return { parsed: peer, selection: select(namespacesOf(parsed, peer.namespaces), peer.pods) };
          const compiled = { parsed: peer, ranges: peerRanges(peer, this.#snapshot) };
          if (peer.kind !== 'addresses') dynamic.push(compiled);
          return compiled;
        });
        return { policy, direction, parsed: rule, ...(peers && { peers }) };
      });
    }
    this.#drafts.set(entry, { policy, subject, selections, dynamic });
    this.#gates.add(policy);
    subject.subjectOf.add(policy);
    for (const podClass of subject.classes) this.#dirty.add(podClass);
  }
}
