/** The embedded cluster: how soon it answers, how soon pods run, how soon a policy holds, and what it weighs. No peer runs here. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { examples, startCluster, type TestCluster } from '../e2e/harness.ts';
import type { Bench, Measurement } from './bench.ts';

const rounds = 5;

const alone = (name: string, unit: string, ours: number): Measurement => ({ name, unit, ours, peer: null, peerName: null, ratio: null });

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function benchCluster(emit: (measurement: Measurement) => void): Promise<void> {
  const ready: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    const cluster = await startCluster();
    await cluster.kubectlOk('get', '--raw', '/readyz');
    ready.push(performance.now() - started);
    await cluster.stop();
  }
  emit(alone('cluster api ready', 'ms', Math.round(median(ready))));

  const cluster = await startCluster();
  try {
    const started = performance.now();
    await cluster.kubectlOk('apply', '-f', join(examples, 'sidecar/app.yaml'));
    await cluster.kubectlOk('wait', '--for=condition=Ready', 'pods', '--all', '--timeout=60s');
    emit(alone('cluster nine pods ready', 'ms', Math.round(performance.now() - started)));
    emit(alone('cluster supervisor and api memory, nine pods', 'MB PSS', Math.round(supervisorPssKb(cluster) / 1024)));
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) times.push(await policyToEnforcement(cluster));
    emit(alone('cluster policy to enforcement', 'ms', Math.round(median(times))));
  } finally {
    await cluster.stop();
  }
}

/** From the API's answer to the policy until the last connection that still got through. */
async function policyToEnforcement(cluster: TestCluster): Promise<number> {
  const pod = (await cluster.kubectlOk('get', 'pods', '-l', 'app=auth', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
  const target = (await cluster.kubectlOk('get', 'pods', '-l', 'app=db', '-o', 'jsonpath={.items[0].status.podIP}')).trim();
  // A new connection every few milliseconds; each success prints its time.
  const script = `const net=require('node:net');setInterval(()=>{const s=net.connect(8080,'${target}',()=>{console.log(Date.now());s.destroy()});s.on('error',()=>{});s.setTimeout(500,()=>s.destroy())},5);setTimeout(()=>process.exit(0),3000)`;
  const probe = spawn('kubectl', ['exec', pod, '-c', 'microsimserver', '--', '/opt/palisade/node/bin/node', '-e', script], {
    env: { ...process.env, KUBECONFIG: cluster.running.kubeconfig },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let successes: number[] = [];
  probe.stdout.setEncoding('utf8').on('data', (text: string) => {
    successes = successes.concat(text.trim().split('\n').map(Number));
  });
  const ended = new Promise((resolve) => probe.on('close', resolve));
  while (successes.length < 20) await new Promise((resolve) => setTimeout(resolve, 20));
  await cluster.kubectlOk('apply', '-f', join(examples, 'sidecar/network-policy.yaml'));
  const acknowledged = Date.now();
  await ended;
  await cluster.kubectlOk('delete', '-f', join(examples, 'sidecar/network-policy.yaml'));
  return Math.max(0, successes.at(-1)! - acknowledged);
}

function supervisorPssKb(cluster: TestCluster): number {
  const lock = JSON.parse(readFileSync(cluster.running.paths.lock, 'utf8')) as { pid: number };
  const childOf = (pid: number) => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
  const supervisor = childOf(childOf(lock.pid));
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${supervisor}/smaps_rollup`, 'utf8'))?.[1]);
}

export const benches: Bench[] = [{ name: 'cluster', run: benchCluster }];
