/** Segmentation at scale: 10,000 pods in 100 namespaces, 1,000 NetworkPolicies. */
import { analyzeConnectivity, type ClusterSnapshot, isNoConnection, type NodeView, PolicyCompiler, renderNftables } from '@palisade/netpol';
import type { Bench, Measurement } from './bench.ts';
import { clusterOf } from './netpol-lib/cluster.ts';
import { pairwiseProbe } from './netpol-lib/cyclonus.ts';
import { measureForwarding } from './netpol-lib/forwarding.ts';
import { openKernel } from './netpol-lib/kernel.ts';

const PODS = 10_000;
const POLICIES = 1_000;
/** Single changes differ by what they hit; the median of several is given. */
const CHANGES = 20;
/** What cyclonus can walk pair by pair in some seconds. */
const PROBED_PODS = 300;
const PROBED_POLICIES = 100;

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

  const small = clusterOf(PROBED_PODS, PROBED_POLICIES);
  const start = performance.now();
  countReachablePairs(small);
  const ours = performance.now() - start;
  const peer = pairwiseProbe(small);
  if (typeof peer === 'string') console.error(`  cyclonus: skipped, ${peer}`);
  emit({
    name: `all pairs, ${PROBED_PODS} pods, ${PROBED_POLICIES} policies (ours: every port, started already; cyclonus: one port, its start included)`,
    unit: 'ms',
    ours: Math.round(ours),
    peer: typeof peer === 'string' ? null : Math.round(peer),
    peerName: typeof peer === 'string' ? null : 'cyclonus analyze --mode probe',
    ratio: typeof peer === 'string' ? null : Number((ours / peer).toPrecision(3)),
  });

  const forwarding = await measureForwarding();
  if (typeof forwarding === 'string') console.error(`  forwarding: skipped, ${forwarding}`);
  else for (const measurement of forwarding) emit(measurement);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

export const benches: Bench[] = [{ name: 'netpol', run }];
