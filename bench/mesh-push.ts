/** How soon a policy is in force at nine proxies: from the request to the API until the last of them has acknowledged. No peer runs here. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProxySync } from '@palisade/control-plane';
import { createHttpClient, loadKubeconfig } from '@palisade/kubernetes/client';
import { TypeUrl } from '@palisade/xds';
import { eventually, examples } from '../e2e/harness.ts';
import { startMesh } from '../e2e/mesh/kit.ts';
import type { Bench } from './bench.ts';

const rounds = 10;
/** Each look is the control plane's own work; the figures are this much too large at most. */
const lookMs = 10;
const policies = { group: 'security.istio.io', version: 'v1', resource: 'authorizationpolicies' };
const key = { namespace: 'default', name: 'bench' };
/** Selects everything in the namespace and denies nothing that is asked for. */
const policy = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: key,
  spec: { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/none'] } }] }] },
};

async function measure(): Promise<{ median: number; worst: number }> {
  const cluster = await startMesh('palisade');
  let forward: ChildProcess | undefined;
  try {
    await cluster.kubectlOk('label', 'namespace', 'default', 'istio-injection=enabled');
    await cluster.kubectlOk('apply', '-f', join(examples, 'sidecar-on-sidecar/istio-sidecar.yaml'));
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pods', '--all', '--timeout=180s');
    forward = spawn('kubectl', ['port-forward', '-n', 'istio-system', 'deploy/istiod', ':15014'], {
      env: { ...process.env, KUBECONFIG: cluster.running.kubeconfig },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const port = await portOf(forward);
    const client = createHttpClient(loadKubeconfig(cluster.running.kubeconfig), {});
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      times.push(await change(port, () => client.create(policies, policy)));
      times.push(await change(port, () => client.delete(policies, key)));
    }
    const sorted = times.sort((a, b) => a - b);
    return { median: sorted[Math.floor(sorted.length / 2)]!, worst: sorted.at(-1)! };
  } finally {
    forward?.kill();
    await cluster.stop();
  }
}

function portOf(forward: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    forward.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const found = /127\.0\.0\.1:(\d+)/.exec(text);
      if (found !== null) resolve(found[1]!);
    });
    forward.once('exit', () => reject(new Error('kubectl port-forward ended')));
  });
}

/** Listener versions of the nine application proxies. */
async function versions(port: string): Promise<Map<string, string | undefined>> {
  const answer = await fetch(`http://127.0.0.1:${port}/debug/syncz`);
  const proxies = (await answer.json()) as ProxySync[];
  const own = proxies.filter(({ proxy }) => proxy.endsWith('.default'));
  return new Map(own.map(({ proxy, types }) => [proxy, types.find(({ typeUrl }) => typeUrl === TypeUrl.listener)?.version]));
}

async function change(port: string, act: () => Promise<unknown>): Promise<number> {
  // Quiet first, so that nothing else moves the versions.
  const before = await eventually('nine proxies are in step', 60_000, async () => {
    const first = await versions(port);
    await sleep(500);
    const second = await versions(port);
    return second.size === 9 && [...second].every(([name, version]) => version !== undefined && first.get(name) === version) && second;
  });
  const started = performance.now();
  const acted = act();
  for (;;) {
    const now = await versions(port);
    if ([...before].every(([name, version]) => now.get(name) !== version)) break;
    if (performance.now() - started > 30_000) throw new Error('not acknowledged within 30 s');
    await sleep(lookMs);
  }
  const took = performance.now() - started;
  await acted;
  return took;
}

export const benches: Bench[] = [
  {
    name: 'mesh push',
    async run(emit) {
      const { median, worst } = await measure();
      const one = (name: string, ours: number) =>
        emit({ name, unit: 'ms', ours: Math.round(ours), peer: null, peerName: null, ratio: null });
      one('mesh push policy to nine proxies, acknowledged (median)', median);
      one('mesh push policy to nine proxies, acknowledged (worst)', worst);
    },
  },
];
