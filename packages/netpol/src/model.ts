import type { PolicyRef } from '@palisade/flow';
import type { AddressRange, Family } from './address.ts';
import type { AddressSet } from './compile/address-set.ts';
import type { PolicyError } from './errors.ts';
import type { Labels, Selector } from './selector.ts';

/** Transport protocols a policy can name. Anything else (ICMP, GRE) is matched only by rules without ports. */
export const portProtocols = ['TCP', 'UDP', 'SCTP'] as const;
export type PortProtocol = (typeof portProtocols)[number];

export type Direction = 'ingress' | 'egress';

export interface NamespaceFact {
  readonly name: string;
  readonly labels: Labels;
}

export interface NamedPort {
  readonly name: string;
  readonly protocol: PortProtocol;
  readonly port: number;
}

export interface PodFact {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly labels: Labels;
  /** Empty until the pod has its addresses. */
  readonly ips: readonly string[];
  /** Only ports with a name matter to policies. */
  readonly ports: readonly NamedPort[];
  readonly node?: string;
  /** Such a pod speaks with its node's address: no policy selects it, neither as subject nor as peer. */
  readonly hostNetwork?: boolean;
  /** `Deployment/db`, for reports only. */
  readonly workload?: string;
}

export interface NodeFact {
  readonly name: string;
  readonly labels?: Labels;
  readonly addresses: readonly string[];
}

/** Everything a verdict depends on. Policies are wire objects; what they say is checked by the compiler. */
export interface ClusterSnapshot {
  readonly namespaces: readonly NamespaceFact[];
  readonly pods: readonly PodFact[];
  readonly networkPolicies: readonly unknown[];
  /** ClusterNetworkPolicy, AdminNetworkPolicy and BaselineAdminNetworkPolicy objects. */
  readonly clusterPolicies?: readonly unknown[];
  /** Addresses that DNS has answered for a name (lower case, no final dot): what `domainNames` peers stand for. */
  readonly domainAddresses?: ReadonlyMap<string, readonly string[]>;
  readonly nodes?: readonly NodeFact[];
  /**
   * Addresses of a cluster DNS that is no pod. They count as those of a pod `kube-system/kube-dns` with the label
   * `k8s-app: kube-dns`, so that policies written for CoreDNS mean the same here.
   */
  readonly dnsServiceIPs?: readonly string[];
}

export type RuleAction = 'Accept' | 'Deny' | 'Pass';

/** Inclusive range of one protocol, or a port name looked up on the destination pod (any protocol when none is given). */
export type PortMatch =
  | { readonly protocol: PortProtocol; readonly from: number; readonly to: number }
  | { readonly protocol?: PortProtocol; readonly name: string };

/** Where a rule's peers may be. Several in one rule: any of them. */
export type ParsedPeer =
  | {
      readonly path: string;
      readonly kind: 'pods';
      /** absent: the policy's own namespace */
      readonly namespaces?: Selector;
      readonly pods: Selector;
    }
  | { readonly path: string; readonly kind: 'addresses'; readonly ranges: readonly AddressRange[]; readonly text: string }
  | { readonly path: string; readonly kind: 'nodes'; readonly nodes: Selector }
  /** Lower case, no final dot; `*.example.com` means every name below. */
  | { readonly path: string; readonly kind: 'domainNames'; readonly domains: readonly string[] };

export interface ParsedRule {
  readonly path: string;
  readonly index: number;
  readonly name?: string;
  readonly action: RuleAction;
  /** absent: every peer, inside and outside of the cluster */
  readonly peers?: readonly ParsedPeer[];
  /** absent: every port of every protocol */
  readonly ports?: readonly PortMatch[];
}

export type Tier = 'admin' | 'networkPolicy' | 'baseline';

export interface ParsedPolicy {
  readonly ref: PolicyRef;
  readonly tier: Tier;
  /** Lower is decided first inside a tier; 0 for NetworkPolicy, which has no order. */
  readonly priority: number;
  /** Namespace of the policy object; absent for cluster-wide kinds. */
  readonly namespace?: string;
  /** Annotation `palisade.dev/audit: "true"`: it only records what it would deny. */
  readonly isAudit: boolean;
  readonly subject: { readonly namespaces?: Selector; readonly pods: Selector };
  /** absent: the policy says nothing in this direction; empty: it isolates (NetworkPolicy) or says nothing (other tiers). */
  readonly ingress?: readonly ParsedRule[];
  readonly egress?: readonly ParsedRule[];
}

/** Pods that no policy of the snapshot can tell apart. Verdicts are computed for classes, never for single pods. */
export interface PodClass {
  readonly id: number;
  readonly namespace: string;
  /** Labels and ports that any policy names; the members differ in others alone. */
  readonly labels: Labels;
  readonly ports: readonly NamedPort[];
  readonly pods: readonly CompiledPod[];
  readonly gates: Readonly<Record<Direction, Gate>>;
}

export interface CompiledPod {
  readonly fact: PodFact;
  /** absent with hostNetwork */
  readonly class?: PodClass;
  /** Those that are its alone, in one spelling; none with hostNetwork. */
  readonly addresses: readonly string[];
  /** Another pod claims one of its addresses too. */
  readonly hasConflict: boolean;
}

/** The classes a pair of selectors picks; shared by all rules that use the same pair. */
export interface Selection {
  readonly key: string;
  readonly classes: ReadonlySet<PodClass>;
  /** Of the compiled policies when these classes, or the addresses of their pods, changed last. */
  readonly version: number;
  /** Addresses of the classes' pods. Kept up from the first time it is asked for. */
  addresses(family: Family): AddressSet;
}

export interface CompiledPeer {
  readonly parsed: ParsedPeer;
  readonly selection?: Selection;
  readonly ranges?: readonly AddressRange[];
}

export interface CompiledRule {
  readonly policy: CompiledPolicy;
  readonly direction: Direction;
  readonly parsed: ParsedRule;
  readonly peers?: readonly CompiledPeer[];
}

export interface CompiledPolicy {
  readonly parsed: ParsedPolicy;
  readonly subject: Selection;
  readonly ingress?: readonly CompiledRule[];
  readonly egress?: readonly CompiledRule[];
  /** Set when the object could not be read: it isolates what it selects and allows nothing. */
  readonly error?: PolicyError;
}

/** What stands before the pods of a class in one direction, in the order of decision. Equal gates are one value. */
export interface Gate {
  readonly key: string;
  readonly admin: readonly CompiledRule[];
  /** NetworkPolicies that select the class, those in audit mode left out; none means not isolated. */
  readonly isolating: readonly CompiledPolicy[];
  readonly baseline: readonly CompiledRule[];
  /** The gate as it would be if the policies in audit mode were enforced; absent without such policies. */
  readonly audited?: Gate;
}

export interface CompiledPolicies {
  /** Grows with each change (PolicyCompiler). */
  readonly version: number;
  readonly namespaces: ReadonlyMap<string, NamespaceFact>;
  readonly nodes: ReadonlyMap<string, NodeFact>;
  readonly policies: readonly CompiledPolicy[];
  readonly classes: readonly PodClass[];
  readonly pods: readonly CompiledPod[];
  /** Key `namespace/name`. */
  readonly podByName: ReadonlyMap<string, CompiledPod>;
  /** Key: canonical address. `conflict`: two pods claim it, so nobody is believed and its traffic is denied. */
  readonly podByAddress: ReadonlyMap<string, CompiledPod | 'conflict'>;
  /** Addresses that several pods claim. */
  readonly conflicts: Iterable<string>;
  /** Key: canonical address; value: node name. */
  readonly nodeByAddress: ReadonlyMap<string, string>;
  /** Policies that were refused; they isolate the pods they select (README, "Refused policies"). */
  readonly errors: readonly PolicyError[];
}
