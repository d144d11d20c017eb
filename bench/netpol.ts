/** Segmentation at scale: 10,000 pods in 100 namespaces, 1,000 NetworkPolicies with both directions, named ports and ipBlocks. */
import {
  analyzeConnectivity,
  type ClusterSnapshot,
  compilePolicies,
  isNoConnection,
  type NodeView,
  renderNftables,
} from '@palisade/netpol';
import type { Bench, Measurement } from './bench.ts';

const PODS = 10_000;
const POLICIES = 1_000;
const NAMESPACES = 100;

function clusterOf(podCount: number, policyCount: number): ClusterSnapshot {
  const namespaces = Array.from({ length: NAMESPACES }, (_, n) => ({ name: `ns${n}`, labels: { team: `t${n % 10}` } }));
  const pods = Array.from({ length: podCount }, (_, n) => {
    const app = Math.floor(n / NAMESPACES) % 20;
    return {
      namespace: `ns${n % NAMESPACES}`,
      name: `p${n}`,
      uid: `uid-${n}`,
      labels: { app: `app${app}`, 'statefulset.kubernetes.io/pod-name': `p${n}` },
      ips: [`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, `fd00:244::${(n + 1).toString(16)}`],
      ports: [{ name: 'http', protocol: 'TCP' as const, port: 8080 }],
      node: `node${n % 100}`,
    };
  });
  const networkPolicies = Array.from({ length: policyCount }, (_, n) => {
    const k = Math.floor(n / NAMESPACES);
    const from = [
      { podSelector: { matchLabels: { app: `app${(k * 2 + 1) % 20}` } } },
      { namespaceSelector: { matchLabels: { team: `t${k}` } }, podSelector: { matchLabels: { app: `app${k}` } } },
    ];
    const egress = [
      { to: [{ namespaceSelector: {} }], ports: [{ port: 53, protocol: 'UDP' }] },
      { to: [{ ipBlock: { cidr: `203.0.${k}.0/24` } }] },
    ];
    return {
      metadata: { namespace: `ns${n % NAMESPACES}`, name: `policy${n}` },
      spec: {
        podSelector: { matchLabels: { app: `app${k * 2}` } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from, ports: [{ port: 'http' }, { port: 9000 + k }] }],
        egress,
      },
    };
  });
  return { namespaces, pods, networkPolicies };
}

const viewOf = (snapshot: ClusterSnapshot, nodeName: string): NodeView => ({
  nodeName,
  nodeAddresses: [],
  pods: snapshot.pods.map((pod) => {
    const isLocal = pod.node === nodeName;
    return { uid: pod.uid!, namespace: pod.namespace, name: pod.name, ips: pod.ips, isLocal, ifname: isLocal ? `v${pod.name}` : null };
  }),
});

function countReachablePairs(snapshot: ClusterSnapshot): number {
  const connectivity = analyzeConnectivity(compilePolicies(snapshot));
  let count = 0;
  for (const from of connectivity.peers.keys())
    for (const to of connectivity.peers.keys()) if (!isNoConnection(connectivity.between(from, to))) count++;
  return count;
}

async function run(emit: (measurement: Measurement) => void): Promise<void> {
  const timed = <T>(name: string, work: () => T): T => {
    const start = performance.now();
    const result = work();
    emit({ name, unit: 'ms', ours: Math.round(performance.now() - start), peer: null, peerName: null, ratio: null });
    return result;
  };
  const snapshot = clusterOf(PODS, POLICIES);
  const size = `${PODS} pods, ${POLICIES} policies`;
  const compiled = timed(`compile, ${size}`, () => compilePolicies(snapshot));
  timed(`all pairs, ${size}`, () => countReachablePairs(snapshot));
  const view = viewOf(snapshot, 'node1');
  const rendered = timed(`render one node, ${size}`, () => renderNftables(compiled, view));
  const fewer = { ...snapshot, networkPolicies: snapshot.networkPolicies.slice(1) };
  const change = timed('one policy less: compile and render the change', () =>
    renderNftables(compilePolicies(fewer), view, rendered.ruleset),
  );
  emit({ name: 'one policy less: text for nft', unit: 'bytes', ours: change.text.length, peer: null, peerName: null, ratio: null });
  emit({
    name: `resident memory after all pairs, ${size}`,
    unit: 'MB',
    ours: Math.round(process.memoryUsage().rss / 1e6),
    peer: null,
    peerName: null,
    ratio: null,
  });
}

export const benches: Bench[] = [{ name: 'netpol', run }];
