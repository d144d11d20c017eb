// Runs as the first process of namespaces of its own (forwarding.ts): everything it makes dies with it. Prints measurements.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { connectIn, createFabric, createNodeNetwork, listenIn, netnsPath, udpIn } from '@palisade/cluster/network';
import { compilePolicies, netpolTable, type PodFact, renderNftables } from '@palisade/netpol';
import type { Measurement } from '../bench.ts';
import { clusterOf } from './cluster.ts';

const ROUNDS = 7;
const ROUND_MS = 600;
const PORT = 9000;
const BATCH = 64;

const fabric = await createFabric(['node1', 'node2']);
const networks = fabric.nodes.map((node) => createNodeNetwork({ node }));
const add = (index: number, namespace: string, name: string) =>
  networks[index]!.addPod({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, uid: name }, spec: {} });
// The policies of the measured cluster let app0 of team t0's namespaces into app0, on port 9000 among others.
const sender = await add(0, 'ns10', 'sender');
const receiver = await add(1, 'ns0', 'receiver');

const cluster = clusterOf(10_000, 1_000);
const fact = (namespace: string, name: string, ips: readonly string[], node: string): PodFact => ({
  ...{ namespace, name, uid: name, labels: { app: 'app0' }, ips, ports: [], node },
});
const mayLeave = {
  metadata: { namespace: 'ns10', name: 'out' },
  spec: {
    podSelector: { matchLabels: { app: 'app0' } },
    policyTypes: ['Egress'],
    egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: PORT }, { port: PORT, protocol: 'UDP' }] }],
  },
};
const mayEnter = {
  metadata: { namespace: 'ns0', name: 'in' },
  spec: {
    podSelector: { matchLabels: { app: 'app0' } },
    policyTypes: ['Ingress'],
    ingress: [{ ports: [{ port: PORT, protocol: 'UDP' }] }],
  },
};
const pods = [...cluster.pods, fact('ns10', 'sender', sender.podIPs, 'node1'), fact('ns0', 'receiver', receiver.podIPs, 'node2')];

function nft(node: number, text: string): void {
  const { status, stderr } = spawnSync('ip', ['netns', 'exec', fabric.nodes[node]!.netnsName, 'nft', '-f', '-'], { input: text });
  if (status !== 0) throw new Error(stderr.toString());
}
const tablesFor = (networkPolicies: typeof cluster.networkPolicies) => {
  const compiled = compilePolicies({ ...cluster, pods, networkPolicies });
  return networks.map((network, index) => {
    const view = { nodeName: fabric.nodes[index]!.name, pods: [...network.pods.values()] };
    return `table ${netpolTable} {}\ndelete table ${netpolTable}\n${renderNftables(compiled, view).text}`;
  });
};
const tables = { enforced: tablesFor([...cluster.networkPolicies, mayLeave, mayEnter]), without: tablesFor([]) };
/** Without policies a node has a table too: the one that knows its pods and lets everything pass. */
function apply(isEnforced: boolean): void {
  for (const [index, text] of (isEnforced ? tables.enforced : tables.without).entries()) nft(index, text);
}

/** Bytes that arrive in one round. */
async function tcp(): Promise<number> {
  let count = 0;
  const server = await listenIn(netnsPath(receiver.netns), receiver.podIPs[0], PORT, (socket) =>
    socket.on('data', (bytes) => {
      count += bytes.length;
    }),
  );
  const client = await connectIn(netnsPath(sender.netns), receiver.podIPs[0], PORT, 5_000);
  const chunk = Buffer.alloc(256 * 1024);
  const end = Date.now() + ROUND_MS;
  while (Date.now() < end) if (!client.write(chunk)) await once(client, 'drain');
  client.destroy();
  server.close();
  return count;
}

/** Small datagrams that arrive in one round. */
async function udp(): Promise<number> {
  let count = 0;
  const server = await udpIn(netnsPath(receiver.netns), receiver.podIPs[0], PORT);
  server.on('message', () => count++);
  const client = await udpIn(netnsPath(sender.netns), sender.podIPs[0], 0);
  const datagram = Buffer.alloc(64);
  const end = Date.now() + ROUND_MS;
  for (let sent = 0; Date.now() < end; sent += BATCH) {
    for (let n = 0; n < BATCH; n++) client.send(datagram, PORT, receiver.podIPs[0]);
    // Not faster than the receiver, which runs in this thread too: what its buffer cannot hold would be lost.
    while (count < sent && Date.now() < end) await nextTurn();
  }
  await sleep(50);
  client.close();
  server.close();
  return count;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const measurements: Measurement[] = [];
for (const [name, unit, round, scale] of [
  ['forwarding TCP between nodes, 1,000 policies', 'MB/s', tcp, 1e6],
  ['forwarding UDP between nodes, 1,000 policies', 'packets/s', udp, 1],
] as const) {
  const counts = { true: [] as number[], false: [] as number[] };
  for (let n = 0; n < 2 * ROUNDS; n++) {
    const isEnforced = n % 2 === 0;
    apply(isEnforced);
    counts[`${isEnforced}`].push(await round());
  }
  const [ours, peer] = [counts.true, counts.false].map((list) => Math.round(median(list) / scale / (ROUND_MS / 1000)));
  measurements.push({
    name,
    unit,
    ours: ours!,
    peer: peer!,
    peerName: 'without any policy',
    ratio: Number((ours! / peer!).toPrecision(3)),
  });
}
process.stdout.write(JSON.stringify(measurements), () => process.exit());
