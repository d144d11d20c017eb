import type { FlowRecord } from '@palisade/flow';
import { formatAddress, parseAddress } from '../address.ts';
import { type ResolvedEnd, resolveEnd } from '../evaluate.ts';
import type { CompiledPolicies, Direction, PortProtocol } from '../model.ts';
import { type Subject, subjectKey } from './subjects.ts';

/** The other end of seen traffic. */
export type SeenPeer = { readonly kind: 'subject'; readonly subject: Subject } | { readonly kind: 'address'; readonly address: string };

/** What was seen of one subject in one direction: peers with ports. Key: peer and port. */
export interface Seen {
  readonly peer: SeenPeer;
  readonly protocol: PortProtocol;
  readonly port: number;
  connections: number;
}

export interface Traffic {
  readonly seen: ReadonlyMap<Subject, Readonly<Record<Direction, ReadonlyMap<string, Seen>>>>;
  /** One packet for each kind of connection that was let through, with one record of it. */
  readonly packets: readonly { readonly flow: FlowRecord; readonly source: ResolvedEnd; readonly destination: ResolvedEnd }[];
  /** Records that name no pod of now or have no port: nothing can be made of them. */
  readonly unusable: number;
}

const PROTOCOLS: readonly string[] = ['TCP', 'UDP', 'SCTP'];

function resolve(compiled: CompiledPolicies, { pod, namespace, ip }: FlowRecord['source']): ResolvedEnd | undefined {
  const name = `${namespace ?? 'default'}/${pod}`;
  if (pod !== undefined && compiled.podByName.has(name)) return resolveEnd(compiled, { pod: name });
  // A pod that has gone: its address may be another's by now.
  if (pod !== undefined || ip === undefined || parseAddress(ip) === undefined) return undefined;
  return resolveEnd(compiled, { ip });
}

/** Sorts the records of connections that were let through by subject and direction. */
export function trafficOf(compiled: CompiledPolicies, subjects: ReadonlyMap<string, Subject>, flows: readonly FlowRecord[]): Traffic {
  const seen = new Map<Subject, Record<Direction, Map<string, Seen>>>();
  const packets = new Map<string, Traffic['packets'][number]>();
  let unusable = 0;
  const subjectAt = ({ pod }: ResolvedEnd): Subject | undefined =>
    pod?.class && subjects.get(subjectKey(pod.fact.namespace, pod.fact.workload ?? `Pod/${pod.fact.name}`));
  for (const flow of flows) {
    if (flow.verdict !== 'FORWARDED' || flow.body.type !== 'l4') continue;
    const source = resolve(compiled, flow.source);
    const destination = resolve(compiled, flow.destination);
    const { port } = flow.destination;
    if (!source || !destination || port === undefined || !PROTOCOLS.includes(flow.body.protocol)) {
      unusable++;
      continue;
    }
    const protocol = flow.body.protocol as PortProtocol;
    const note = (own: ResolvedEnd, other: ResolvedEnd, direction: Direction) => {
      const subject = subjectAt(own);
      if (!subject || own.pod === other.pod) return;
      const peerSubject = subjectAt(other);
      const address = other.address && formatAddress(other.address);
      if (!peerSubject && address === undefined) return;
      const peer: SeenPeer = peerSubject ? { kind: 'subject', subject: peerSubject } : { kind: 'address', address: address! };
      const key = `${peerSubject?.key ?? address} ${protocol} ${port}`;
      let both = seen.get(subject);
      if (!both) {
        both = { ingress: new Map(), egress: new Map() };
        seen.set(subject, both);
      }
      const known = both[direction].get(key);
      if (known) known.connections++;
      else both[direction].set(key, { peer, protocol, port, connections: 1 });
    };
    note(source, destination, 'egress');
    // A pod's own node reaches it whatever the policies say.
    if (source.node === undefined || source.node !== destination.pod?.fact.node) note(destination, source, 'ingress');
    const nameOf = (end: ResolvedEnd) => (end.pod ? `${end.pod.fact.namespace}/${end.pod.fact.name}` : formatAddress(end.address!));
    packets.set(`${nameOf(source)} ${nameOf(destination)} ${protocol} ${port}`, { flow, source, destination });
  }
  return { seen, packets: [...packets.values()], unusable };
}
