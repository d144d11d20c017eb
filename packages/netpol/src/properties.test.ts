import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compilePolicies, PolicyCompiler } from './compile/compile.ts';
import { connectionsOf, intersectConnections, isNoConnection } from './connectivity/connections.ts';
import { analyzeConnectivity } from './connectivity/connectivity.ts';
import { evaluatePacket, type Packet } from './evaluate.ts';
import type { ClusterSnapshot } from './model.ts';
import { NftInterpreter, type NftOutcome, type NftPacket } from './nft/interpreter.ts';
import { renderNftables } from './nft/render-nftables.ts';
import { clusterArbitrary, historyArbitrary, packetArbitrary } from './testing/arbitraries.ts';
import { viewOf } from './testing/fixtures.ts';

const ipOf = (end: Packet['src']): string => ('ip' in end ? end.ip : '');

/** Which node an address is on, and its interface there. */
function placeOf(snapshot: ClusterSnapshot, ip: string): { node?: string; ifname?: string } {
  const pod = snapshot.pods.find((candidate) => candidate.ips.includes(ip));
  if (pod) return { node: pod.node!, ifname: `v${pod.name}` };
  const node = snapshot.nodes?.find((candidate) => candidate.addresses.includes(ip));
  return node ? { node: node.name } : {};
}

const l4protos: Record<string, string> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp', ICMPv4: 'icmp' };

/** The hooks that a first packet passes, node by node, as the routed pod network sends it. */
function pathOf(snapshot: ClusterSnapshot, packet: Packet): { node: string; packet: NftPacket }[] {
  const saddr = ipOf(packet.src);
  const daddr = ipOf(packet.dst);
  const source = placeOf(snapshot, saddr);
  const destination = placeOf(snapshot, daddr);
  const base = {
    saddr,
    daddr,
    l4proto: l4protos[packet.protocol]!,
    ...(packet.port !== undefined && { dport: packet.port }),
    ctState: 'new',
    ctDirection: 'original',
  } as const;
  const isSameNode = source.node === destination.node;
  const hops: { node: string; packet: NftPacket }[] = [];
  if (source.node !== undefined) {
    const oifname = !isSameNode ? 'up0' : (destination.ifname ?? 'lo');
    const hook = source.ifname === undefined ? 'output' : isSameNode && destination.ifname === undefined ? 'input' : 'forward';
    hops.push({ node: source.node, packet: { ...base, hook, iifname: source.ifname ?? '', oifname } });
  }
  if (destination.node !== undefined && !isSameNode) {
    const hook = destination.ifname === undefined ? 'input' : 'forward';
    hops.push({ node: destination.node, packet: { ...base, hook, iifname: 'up0', oifname: destination.ifname ?? '' } });
  }
  return hops;
}

function interpretersFor(snapshot: ClusterSnapshot): Map<string, NftInterpreter> {
  const compiled = compilePolicies(snapshot);
  return new Map(
    ['node1', 'node2'].map((node) => {
      const interpreter = new NftInterpreter();
      interpreter.load(renderNftables(compiled, viewOf(snapshot, node)).text);
      return [node, interpreter];
    }),
  );
}

const withPackets = clusterArbitrary.chain((snapshot) =>
  fc.tuple(fc.constant(snapshot), fc.array(packetArbitrary(snapshot), { minLength: 5, maxLength: 20 })),
);

describe('properties', () => {
  it('the rendered tables decide as evaluatePacket does', () => {
    let denied = 0;
    let allowed = 0;
    let audited = 0;
    fc.assert(
      fc.property(withPackets, ([snapshot, packets]) => {
        const compiled = compilePolicies(snapshot);
        const tables = interpretersFor(snapshot);
        for (const packet of packets) {
          const expected = evaluatePacket(compiled, packet);
          const outcomes: NftOutcome[] = [];
          for (const hop of pathOf(snapshot, packet)) {
            outcomes.push(tables.get(hop.node)!.run(hop.packet));
            if (outcomes.at(-1)!.verdict !== 'accept') break;
          }
          assert.equal(outcomes.at(-1)!.verdict === 'accept', expected.allowed, JSON.stringify(packet));
          if (expected.allowed) allowed++;
          else denied++;
          if (expected.allowed) {
            const recorded = outcomes.flatMap((outcome) => outcome.prefixes).some((prefix) => prefix.startsWith('U|'));
            assert.equal(recorded, Boolean(expected.egress.audit ?? expected.ingress.audit), JSON.stringify(packet));
            if (recorded) audited++;
          }
          if (!expected.allowed) assert.match(outcomes.at(-1)!.prefixes.at(-1) ?? '', expected.egress.allowed ? /^D\|I\|/ : /^D\|E\|/);
        }
      }),
      { numRuns: 500 },
    );
    // The generator is only worth something while both answers are common.
    assert.ok(denied > 300 && allowed > 300 && audited > 30, `${denied} denied, ${allowed} allowed, ${audited} audited`);
  });

  it('a change renders to the same table as a fresh start', () => {
    fc.assert(
      fc.property(historyArbitrary, fc.boolean(), (snapshots, isKept) => {
        const interpreter = new NftInterpreter();
        const compiler = new PolicyCompiler();
        let previous: Parameters<typeof renderNftables>[2];
        for (const snapshot of snapshots) {
          const compiled = isKept ? compiler.update(snapshot) : compilePolicies(snapshot);
          const rendered = renderNftables(compiled, viewOf(snapshot, 'node1'), previous);
          interpreter.load(rendered.text);
          previous = rendered.ruleset;
          const fresh = new NftInterpreter();
          fresh.load(renderNftables(compilePolicies(snapshot), viewOf(snapshot, 'node1')).text);
          const parts = ({ sets, maps, chains }: NftInterpreter) => [sets, maps, chains];
          assert.deepEqual(parts(interpreter), parts(fresh));
        }
        const last = snapshots.at(-1)!;
        assert.equal(renderNftables(compilePolicies(last), viewOf(last, 'node1'), previous).text, '');
      }),
      { numRuns: 200 },
    );
  });

  it('the order of objects never changes a verdict or its reason', () => {
    fc.assert(
      fc.property(withPackets, ([snapshot, packets]) => {
        const reversed: ClusterSnapshot = {
          ...snapshot,
          namespaces: snapshot.namespaces.toReversed(),
          pods: snapshot.pods.toReversed(),
          networkPolicies: snapshot.networkPolicies.toReversed(),
          clusterPolicies: snapshot.clusterPolicies!.toReversed(),
        };
        const [one, other] = [compilePolicies(snapshot), compilePolicies(reversed)];
        const answer = (compiled: typeof one, packet: Packet) => {
          const { allowed, egress, ingress } = evaluatePacket(compiled, packet);
          return [allowed, egress.kind, egress.reason, egress.policy, ingress.kind, ingress.reason, ingress.policy];
        };
        for (const packet of packets) assert.deepEqual(answer(one, packet), answer(other, packet));
      }),
      { numRuns: 100 },
    );
  });

  it('classes answer as single packets do', () => {
    fc.assert(
      fc.property(withPackets, ([snapshot, packets]) => {
        const compiled = compilePolicies(snapshot);
        const connectivity = analyzeConnectivity(compiled);
        const peerOf = (name: string) =>
          connectivity.peers.findIndex(
            (peer) => peer.kind === 'pods' && peer.pods.some(({ fact }) => `${fact.namespace}/${fact.name}` === name),
          );
        const nameOf = (ip: string) => snapshot.pods.filter((pod) => pod.ips.includes(ip)).map((pod) => `${pod.namespace}/${pod.name}`)[0];
        for (const packet of packets) {
          const [src, dst] = [nameOf(ipOf(packet.src)), nameOf(ipOf(packet.dst))];
          const { protocol, port } = packet;
          if (src === undefined || dst === undefined || src === dst || port === undefined) continue;
          const found = connectivity.between(peerOf(src), peerOf(dst));
          const asked = connectionsOf([{ protocol: protocol as 'TCP', from: port, to: port }]);
          // Two pods reach one another if they do in either address family.
          const ends = (name: string) => snapshot.pods.find((pod) => `${pod.namespace}/${pod.name}` === name)!.ips;
          const expected = [0, 1].some(
            (family) => evaluatePacket(compiled, { ...packet, src: { ip: ends(src)[family]! }, dst: { ip: ends(dst)[family]! } }).allowed,
          );
          assert.equal(!isNoConnection(intersectConnections(found, asked)), expected);
        }
      }),
      { numRuns: 300 },
    );
  });
});
