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
import { type Answer, printAnswer } from '../output.ts';
import { readPort } from '../port.ts';
import { findEnd } from './ends.ts';
import { loadSource, type PolicySource, type SourceOptions } from './source.ts';

interface CanOptions extends SourceOptions {
  readonly port?: string;
  readonly protocol: string;
  readonly namespace: string;
  readonly output: string;
}

const nameOf = (end: PacketEnd): string => ('pod' in end ? end.pod : end.ip);

/** `palisade netpol can FROM TO`. @returns 0 yes, 1 no (or not from every pod asked about) */
export async function can(from: string, to: string, options: CanOptions): Promise<number> {
  const protocol = options.protocol.toUpperCase();
  const source = await loadSource(options);
  const sender = findEnd(source, from, options.namespace);
  const receiver = findEnd(source, to, options.namespace);
  const port = options.port === undefined ? undefined : receiver.targetPort(readPort(options.port), protocol);
  const pairs = sender.ends.flatMap((src) => receiver.ends.map((dst) => ({ src, dst })));
  const hasPorts = ['TCP', 'UDP', 'SCTP'].includes(protocol);
  const { answer, isAllowed } =
    port === undefined && hasPorts
      ? summarize(source, pairs)
      : explainPairs(source, pairs, { protocol, ...(port !== undefined && { port }) });
  printAnswer(answer, options.output);
  return isAllowed ? 0 : 1;
}

interface Pair {
  readonly src: PacketEnd;
  readonly dst: PacketEnd;
}

interface Result {
  readonly answer: Answer;
  /** From every pod asked about. */
  readonly isAllowed: boolean;
}

function explainPairs(source: PolicySource, pairs: readonly Pair[], how: { readonly protocol: string; readonly port?: number }): Result {
  const explanations = pairs.map((pair) => explainPacket(source.compiled, { ...pair, ...how }));
  const what = how.port === undefined ? how.protocol : `${how.protocol} ${how.port}`;
  const text = explanations.map((explanation) => {
    const { src, dst } = explanation.packet;
    return `${nameOf(src)} -> ${nameOf(dst)} ${what}: ${formatExplanation(explanation, source.lineOf)}`;
  });
  return {
    answer: { text: text.join(''), data: explanations.map(toJson(source)) },
    isAllowed: explanations.every(({ verdict }) => verdict.allowed),
  };
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
function summarize(source: PolicySource, pairs: readonly Pair[]): Result {
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
  const text = rows.map(({ src, dst, connections }) => {
    const summary = `${nameOf(src)} -> ${nameOf(dst)}: ${formatConnections(connections)}\n`;
    if (!isNoConnection(connections)) return summary;
    const explanation = explainPacket(compiled, { src, dst, protocol: 'TCP' });
    return `${summary}${formatExplanation(explanation, source.lineOf).replace(/^DENIED\n/, '')}`;
  });
  const data = rows.map(({ src, dst, connections }) => ({
    from: nameOf(src),
    to: nameOf(dst),
    connections: formatConnections(connections),
  }));
  return { answer: { text: text.join(''), data }, isAllowed: rows.every(({ connections }) => !isNoConnection(connections)) };
}
