import type { FlowRecord } from '@palisade/flow';
import type { KubernetesObject } from '@palisade/kubernetes';
import { compilePolicies } from '../compile/compile.ts';
import { dnsRule } from '../dns-rule.ts';
import { evaluatePacket } from '../evaluate.ts';
import type { ClusterSnapshot, Direction } from '../model.ts';
import { type Subject, selects, subjectsOf } from './subjects.ts';
import { type Seen, trafficOf } from './traffic.ts';

export interface SuggestOptions {
  /** Only workloads of these namespaces get policies; all but kube-system when absent. */
  readonly namespaces?: readonly string[];
  /** Also shuts directions in which nothing was seen. */
  readonly isStrict?: boolean;
}

export interface Suggestion {
  readonly policies: readonly { readonly policy: KubernetesObject; readonly about: readonly string[] }[];
  /** What a reader must know before applying them. */
  readonly notes: readonly string[];
  /** Every kind of connection seen, asked again with the proposal in force. */
  readonly replay: { readonly asked: number; readonly denied: readonly FlowRecord[] };
}

function peerOf(peer: Seen['peer'], namespace: string): object {
  if (peer.kind === 'address') return { ipBlock: { cidr: `${peer.address}/${peer.address.includes(':') ? 128 : 32}` } };
  const podSelector = { matchLabels: peer.subject.labels };
  if (peer.subject.namespace === namespace) return { podSelector };
  return { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': peer.subject.namespace } }, podSelector };
}

const isDns = ({ peer, port }: Seen): boolean => peer.kind === 'subject' && peer.subject.labels['k8s-app'] === 'kube-dns' && port === 53;

const describePeer = (peer: Seen['peer']): string =>
  peer.kind === 'address' ? peer.address : `${peer.subject.namespace}/${peer.subject.workload}`;

/** One rule for each set of ports, with all peers that were seen with exactly these. */
function rulesOf(seen: readonly Seen[], namespace: string, field: 'from' | 'to'): object[] {
  const byPeer = new Map<string, Seen[]>();
  for (const one of seen) byPeer.set(describePeer(one.peer), [...(byPeer.get(describePeer(one.peer)) ?? []), one]);
  const byPorts = new Map<string, { ports: object[]; peers: object[] }>();
  for (const [, list] of [...byPeer].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const ports = list
      .map(({ protocol, port }) => ({ protocol, port }))
      .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
    const key = JSON.stringify(ports);
    const rule = byPorts.get(key) ?? { ports, peers: [] };
    rule.peers.push(peerOf(list[0]!.peer, namespace));
    byPorts.set(key, rule);
  }
  return [...byPorts.values()].map(({ ports, peers }) => ({ [field]: peers, ports }));
}

function nameOf({ workload }: Subject): string {
  return `suggested-${workload.replace('/', '-').toLowerCase()}`.slice(0, 253);
}

/**
 * NetworkPolicies that allow what was seen and nothing else, one for each workload with traffic, in the directions in which there
 * was some. DNS stays allowed. Peers are named by their owners' labels, never by pod addresses. Pure: the same flows and snapshot
 * give the same proposal, and the replay is part of it.
 */
export function suggestPolicies(snapshot: ClusterSnapshot, flows: readonly FlowRecord[], options: SuggestOptions = {}): Suggestion {
  const compiled = compilePolicies(snapshot);
  const subjects = subjectsOf(compiled);
  const traffic = trafficOf(compiled, subjects, flows);
  const isWanted = ({ namespace }: Subject) => (options.namespaces ? options.namespaces.includes(namespace) : namespace !== 'kube-system');
  const notes: string[] = [];
  const policies: Suggestion['policies'][number][] = [];
  for (const subject of [...subjects.values()].filter(isWanted).sort((a, b) => (a.key < b.key ? -1 : 1))) {
    const found = traffic.seen.get(subject);
    if (!found) {
      notes.push(`${subject.key}: no traffic was seen, no policy is proposed and it stays as it is`);
      continue;
    }
    const nameless = [...found.ingress.values(), ...found.egress.values()].find(
      ({ peer }) => peer.kind === 'subject' && Object.keys(peer.subject.labels).length === 0,
    );
    if (Object.keys(subject.labels).length === 0 || nameless) {
      const who = nameless ? describePeer(nameless.peer) : subject.key;
      notes.push(`${subject.key}: no policy is proposed, because ${who} has no labels to be named by`);
      continue;
    }
    const seenIn = (direction: Direction) => [...found[direction].values()].filter((one) => direction === 'ingress' || !isDns(one));
    const isOpen = (direction: Direction) => found[direction].size === 0 && !options.isStrict;
    const types = (['ingress', 'egress'] as const).filter((direction) => !isOpen(direction));
    for (const direction of ['ingress', 'egress'] as const) {
      if (found[direction].size > 0) continue;
      const what = direction === 'ingress' ? 'nothing came in' : 'nothing went out';
      notes.push(`${subject.key}: ${what}; ${options.isStrict ? `${direction} is shut (--strict)` : `${direction} is left open`}`);
    }
    const others = compiled.pods.filter(
      (pod) => pod.class && pod.fact.namespace === subject.namespace && !subject.pods.includes(pod) && selects(subject.labels, pod),
    );
    if (others.length > 0)
      notes.push(`${subject.key}: its labels also select ${others.map(({ fact }) => fact.name).join(', ')}, which it isolates too`);
    const spec = {
      podSelector: { matchLabels: subject.labels },
      policyTypes: types.map((direction) => (direction === 'ingress' ? 'Ingress' : 'Egress')),
      ...(types.includes('ingress') && { ingress: rulesOf(seenIn('ingress'), subject.namespace, 'from') }),
      ...(types.includes('egress') && { egress: [...rulesOf(seenIn('egress'), subject.namespace, 'to'), dnsRule] }),
    };
    const about = types.flatMap((direction) =>
      seenIn(direction).map(
        ({ peer, protocol, port, connections }) =>
          `${direction} ${direction === 'ingress' ? 'from' : 'to'} ${describePeer(peer)} ${protocol} ${port}, seen ${connections} ${connections === 1 ? 'time' : 'times'}`,
      ),
    );
    const metadata = { namespace: subject.namespace, name: nameOf(subject) };
    policies.push({ policy: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec }, about });
  }
  if (traffic.unusable > 0) notes.push(`${traffic.unusable} records were of no use: ports are missing (ICMP) or their pods are gone`);
  const names = new Set(policies.map(({ policy }) => `${policy.metadata.namespace}/${policy.metadata.name}`));
  const kept = (snapshot.networkPolicies as readonly KubernetesObject[]).filter(
    ({ metadata }) => !names.has(`${metadata?.namespace}/${metadata?.name}`),
  );
  const next = compilePolicies({ ...snapshot, networkPolicies: [...kept, ...policies.map(({ policy }) => policy)] });
  const endOf = ({ pod }: (typeof traffic.packets)[number]['source'], { ip }: FlowRecord['source']) =>
    pod ? { pod: `${pod.fact.namespace}/${pod.fact.name}` } : { ip: ip! };
  const denied = traffic.packets.filter(({ flow, source, destination }) => {
    const protocol = flow.body.type === 'l4' ? flow.body.protocol : '';
    const packet = { src: endOf(source, flow.source), dst: endOf(destination, flow.destination), protocol, port: flow.destination.port! };
    return !evaluatePacket(next, packet).allowed;
  });
  return { policies, notes, replay: { asked: traffic.packets.length, denied: denied.map(({ flow }) => flow) } };
}
