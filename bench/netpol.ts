/** Segmentation at scale: 10,000 pods in 100 namespaces, 1,000 NetworkPolicies with both directions, named ports and ipBlocks. */
import { analyzeConnectivity, type ClusterSnapshot, isNoConnection, type NodeView, PolicyCompiler, renderNftables } from '@palisade/netpol';
import type { Bench, Measurement } from './bench.ts';
import { openKernel } from './netpol-lib/kernel.ts';

const PODS = 10_000;
const POLICIES = 1_000;
const NAMESPACES = 100;
const NODES = 100;
/** Single changes differ by what they hit; the median of several is given. */
const CHANGES = 20;

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
      // Spread so that a node has pods of every namespace and of every application.
      node: `node${(7 * (n % NAMESPACES) + Math.floor(n / NAMESPACES)) % NODES}`,
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
  pods: snapshot.pods
    .filter((pod) => pod.node === nodeName)
    .map(({ uid, namespace, name }) => ({ uid: uid!, namespace, name, ifname: `v${name}` })),
});

function countReachablePairs(snapshot: ClusterSnapshot): number {
  const connectivity = analyzeConnectivity(new PolicyCompiler().update(snapshot));
  let count = 0;
  for (const from of connectivity.peers.keys())
    for (const to of connectivity.peers.keys()) if (!isNoConnection(connectivity.between(from, to))) count++;
  return count;
}

/** The cluster before and after one change, over and over: a policy that loses a rule, a pod that is replaced. */
function changesOf(snapshot: ClusterSnapshot): Record<string, (n: number) => ClusterSnapshot> {
  return {
    'one policy changed': (n) => {
      const changed = structuredClone(snapshot.networkPolicies[n * 7]) as { spec: { ingress: unknown[] } };
      changed.spec.ingress = [{ ports: [{ port: 9999 }] }];
      return { ...snapshot, networkPolicies: snapshot.networkPolicies.with(n * 7, changed) };
    },
    'one pod replaced': (n) => {
      const pod = snapshot.pods[n * 11]!;
      return { ...snapshot, pods: snapshot.pods.with(n * 11, { ...pod, name: `${pod.name}-next`, ips: [`10.200.0.${n}`] }) };
    },
  };
}

async function run(emit: (measurement: Measurement) => void): Promise<void> {
  const told = (name: string, unit: string, ours: number) =>
    emit({ name, unit, ours: Number(ours.toPrecision(3)), peer: null, peerName: null, ratio: null });
  const timed = <T>(name: string, work: () => T): T => {
    const start = performance.now();
    const result = work();
    told(name, 'ms', performance.now() - start);
    return result;
  };
  const snapshot = clusterOf(PODS, POLICIES);
  const size = `${PODS} pods, ${POLICIES} policies`;
  const compiler = timed(`compile, ${size}`, () => new PolicyCompiler().update(snapshot));
  timed(`all pairs, ${size}`, () => countReachablePairs(snapshot));
  told(`resident memory after all pairs, ${size}`, 'MB', process.memoryUsage().rss / 1e6);

  const view = viewOf(snapshot, 'node1');
  let table = timed(`render one node, ${size}`, () => renderNftables(compiler, view));
  const kernel = openKernel();
  if (typeof kernel === 'string') console.error(`  kernel times: skipped, ${kernel}`);
  else told(`load one node's table into the kernel, ${size}`, 'ms', kernel.apply(table.text));

  for (const [name, change] of Object.entries(changesOf(snapshot))) {
    const times = { update: [] as number[], render: [] as number[], apply: [] as number[], bytes: [] as number[] };
    for (let n = 1; n <= CHANGES; n++) {
      // There and back: every second change undoes the one before.
      for (const next of [change(n), snapshot]) {
        const start = performance.now();
        compiler.update(next);
        const updated = performance.now();
        table = renderNftables(compiler, view, table.ruleset);
        times.update.push(updated - start);
        times.render.push(performance.now() - updated);
        if (table.text === '') continue;
        times.bytes.push(table.text.length);
        if (typeof kernel !== 'string') times.apply.push(kernel.apply(table.text));
      }
    }
    told(`${name}: compiled again, ${size}`, 'ms', median(times.update));
    told(`${name}: one node's table rendered again`, 'ms', median(times.render));
    told(`${name}: text for nft, where there is any`, 'bytes', median(times.bytes));
    if (times.apply.length > 0) told(`${name}: in force in the kernel, nft started and ended`, 'ms', median(times.apply));
  }
  if (typeof kernel !== 'string') kernel.close();
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

export const benches: Bench[] = [{ name: 'netpol', run }];
