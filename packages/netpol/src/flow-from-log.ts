import { type Endpoint, type FlowRecord, type PacketHeader, type PolicyRef, Verdict } from '@palisade/flow';
import { canonicalAddress } from './address.ts';
import { type EndVerdict, evaluatePacket, type ResolvedEnd, resolveEnd } from './evaluate.ts';
import type { CompiledPolicies, Direction } from './model.ts';
import { type LogIds, parseLogPrefix } from './nft/log-prefix.ts';

export interface LoggedPacket {
  readonly prefix: string;
  readonly packet: PacketHeader;
  /** RFC 3339. */
  readonly time: string;
  /** Name of the node that logged it. */
  readonly nodeName: string;
}

/**
 * The flow record of one logged packet. A denial was named by the rule that dropped it; which policies let an accepted
 * packet through is evaluated here, from the snapshot the table was rendered from.
 *
 * @returns undefined when the prefix is not of this table, or when another node's record says more
 */
export function flowFromLog(logged: LoggedPacket, compiled: CompiledPolicies, logIds: LogIds): FlowRecord | undefined {
  const event = parseLogPrefix(logged.prefix);
  if (!event) return undefined;
  const { packet } = logged;
  const source = resolveEnd(compiled, { ip: packet.source });
  const destination = resolveEnd(compiled, { ip: packet.destination });
  const decision = event.kind === 'denied' ? denied(logIds, event.id) : accepted(compiled, logged, destination);
  if (!decision) return undefined;
  return {
    time: logged.time,
    reporter: `node/${logged.nodeName}`,
    ...decision,
    source: endpoint(packet.source, packet.sourcePort, source),
    destination: endpoint(packet.destination, packet.destinationPort, destination),
    body: {
      type: 'l4',
      protocol: packet.protocol,
      ...(packet.tcpFlags && { tcpFlags: packet.tcpFlags }),
      ...(packet.icmpType !== undefined && { icmpType: packet.icmpType }),
    },
  };
}

type Decision = Pick<FlowRecord, 'verdict' | 'reason'> & { direction?: Direction; policy?: PolicyRef };

function denied(logIds: LogIds, id: string): Decision {
  const meaning = logIds.get(id);
  if (!meaning) return { verdict: Verdict.dropped, reason: `denied by a rule that has been replaced since (${id})` };
  const { verdict, direction, reason, policy } = meaning;
  return { verdict, direction, reason, ...(policy && { policy }) };
}

/**
 * Each node reports the end that it guards: the receiver's when the receiver runs there, else the sender's.
 *
 * @returns undefined for what the receiver's node will drop: that one says so
 */
function accepted(compiled: CompiledPolicies, { packet, nodeName }: LoggedPacket, destination: ResolvedEnd): Decision | undefined {
  const direction: Direction = destination.pod?.fact.node === nodeName ? 'ingress' : 'egress';
  const verdict = evaluatePacket(compiled, {
    src: { ip: packet.source },
    dst: { ip: packet.destination },
    protocol: packet.protocol,
    ...(packet.destinationPort !== undefined && { port: packet.destinationPort }),
  });
  const here = verdict[direction];
  const other = verdict[direction === 'ingress' ? 'egress' : 'ingress'];
  if (direction === 'egress' && !other.allowed && destination.pod?.fact.node !== undefined) return undefined;
  const named = here.policy ? here : other;
  return {
    verdict: Verdict.forwarded,
    direction,
    reason: reasonOf(here, other),
    ...(named.policy && named.allowed && { policy: named.policy }),
  };
}

function reasonOf(here: EndVerdict, other: EndVerdict): string {
  if (!here.allowed || !other.allowed) return 'allowed by policies that have been replaced since';
  return other.kind === 'rule' && here.kind === 'rule'
    ? `${here.reason}; ${other.direction} ${other.reason}`
    : (here.kind === 'rule' ? here : other.kind === 'rule' ? other : here).reason;
}

function endpoint(ip: string, port: number | undefined, { pod, node }: ResolvedEnd): Endpoint {
  const base = { ip: canonicalAddress(ip) ?? ip, ...(port !== undefined && { port }) };
  if (pod) {
    const { namespace, name, labels, workload, node: podNode } = pod.fact;
    return {
      ...base,
      namespace,
      pod: name,
      labels,
      ...(workload !== undefined && { workload }),
      ...(podNode !== undefined && { node: podNode }),
    };
  }
  return node === undefined ? { ...base, reserved: 'world' } : { ...base, reserved: 'host', node };
}
