import {
  analyzeConnectivity,
  type ConnectivityPeer,
  type Explanation,
  explainPacket,
  formatConnections,
  formatExplanation,
  isNoConnection,
  type PacketEnd,
  parseAddress,
} from '@palisade/netpol';
import { findEnd } from './ends.ts';
import { loadSource, type PolicySource, type SourceOptions } from './source.ts';

interface CanOptions extends SourceOptions {
  readonly port?: string;
  readonly protocol: string;
  readonly namespace: string;
  readonly output: string;
}

const nameOf = (end: PacketEnd): string => ('pod' in end ? end.pod : end.ip);

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new Error(`Cannot use --port "${text}": expected a number from 1 to 65535`);
  return port;
}

/** `palisade netpol can FROM TO`. @returns 0 yes, 1 no (or not from every pod asked about) */
export async function can(from: string, to: string, options: CanOptions): Promise<number> {
  if (!['text', 'json'].includes(options.output)) throw new Error(`Cannot print as "${options.output}": expected text or json`);
  const protocol = options.protocol.toUpperCase();
  const source = await loadSource(options);
  const sender = findEnd(source, from, options.namespace);
  const receiver = findEnd(source, to, options.namespace);
  const port = options.port === undefined ? undefined : receiver.targetPort(readPort(options.port), protocol);
  const pairs = sender.ends.flatMap((src) => receiver.ends.map((dst) => ({ src, dst })));
  const hasPorts = ['TCP', 'UDP', 'SCTP'].includes(protocol);
  if (port === undefined && hasPorts) return summarize(source, pairs, options);
  const explanations = pairs.map((pair) => explainPacket(source.compiled, { ...pair, protocol, ...(port !== undefined && { port }) }));
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(explanations.map(toJson(source)), null, 2)}\n`);
  else {
    for (const explanation of explanations) {
      const { src, dst } = explanation.packet;
      const what = port === undefined ? protocol : `${protocol} ${port}`;
      process.stdout.write(`${nameOf(src)} -> ${nameOf(dst)} ${what}: ${formatExplanation(explanation, source.lineOf)}`);
    }
  }
  return explanations.every(({ verdict }) => verdict.allowed) ? 0 : 1;
}

const toJson =
  (source: PolicySource) =>
  ({ packet, verdict, egress, ingress }: Explanation) => {
    const end = ({ verdict: { allowed, kind, reason, policy, passedBy }, decidedAt, nearMisses }: Explanation['egress']) => ({
      allowed,
      kind,
      reason,
      ...(policy && { policy }),
      ...(passedBy && { passedBy: { ...passedBy, line: source.lineOf(passedBy.policy, passedBy.path) } }),
      ...(decidedAt && { field: decidedAt.path, line: source.lineOf(decidedAt.policy, decidedAt.path) }),
      nearMisses: nearMisses.map((miss) => ({ ...miss, line: source.lineOf(miss.policy, miss.path) })),
    });
    return { ...packet, allowed: verdict.allowed, egress: end(egress), ingress: end(ingress) };
  };

/** Without a port: all that may pass. */
function summarize(source: PolicySource, pairs: readonly { src: PacketEnd; dst: PacketEnd }[], options: CanOptions): number {
  const { compiled } = source;
  const connectivity = analyzeConnectivity(compiled);
  const indexOf = (end: PacketEnd): number => {
    const address = 'ip' in end ? parseAddress(end.ip)! : undefined;
    const owner = 'pod' in end ? compiled.podByName.get(end.pod) : compiled.podByAddress.get(end.ip);
    const holds = (peer: ConnectivityPeer) =>
      peer.kind === 'pods'
        ? owner !== undefined && owner !== 'conflict' && peer.pods.includes(owner)
        : owner === undefined &&
          address !== undefined &&
          peer.range.family === address.family &&
          peer.range.first <= address.value &&
          address.value <= peer.range.last;
    return connectivity.peers.findIndex(holds);
  };
  const rows = pairs.map(({ src, dst }) => {
    const [i, j] = [indexOf(src), indexOf(dst)];
    if (i < 0 || j < 0)
      throw new Error(`Cannot sum up ${nameOf(src)} -> ${nameOf(dst)}: hostNetwork pods speak with their node's address; give --port`);
    return { src, dst, connections: connectivity.between(i, j) };
  });
  if (options.output === 'json') {
    const json = rows.map(({ src, dst, connections }) => ({
      from: nameOf(src),
      to: nameOf(dst),
      connections: formatConnections(connections),
    }));
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  } else {
    for (const { src, dst, connections } of rows) {
      process.stdout.write(`${nameOf(src)} -> ${nameOf(dst)}: ${formatConnections(connections)}\n`);
      if (!isNoConnection(connections)) continue;
      const explanation = explainPacket(compiled, { src, dst, protocol: 'TCP' });
      process.stdout.write(formatExplanation(explanation, source.lineOf).replace(/^DENIED\n/, ''));
    }
  }
  return rows.every(({ connections }) => !isNoConnection(connections)) ? 0 : 1;
}
