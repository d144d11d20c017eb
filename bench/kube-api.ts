/** The API under load: many pods created, listed and watched. The marks are absolute; the real API server is no peer of a laptop's memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeFlags } from '@palisade/cluster';
import { createHttpClient, type HttpApiClient, loadKubeconfig } from '@palisade/kubernetes/client';
import type { Bench, Measurement } from './bench.ts';

const PODS = 10_000;
const WATCHERS = 100;
const CHANGES = 1_000;
const AT_ONCE = 64;
const LISTS = 7;

const PODS_API = { group: '', version: 'v1', resource: 'pods' };
const SERVER = fileURLToPath(new URL('./kube-api-lib/server.ts', import.meta.url));

const pod = (i: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `web-${i}`, namespace: 'default', labels: { app: `app-${i % 100}`, tier: i % 2 === 0 ? 'front' : 'back' } },
  spec: { containers: [{ name: 'web', image: 'nginx:1.29', ports: [{ containerPort: 80 }] }] },
});

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function benchKubeApi(emit: (measurement: Measurement) => void): Promise<void> {
  const alone = (name: string, unit: string, ours: number) => emit({ name, unit, ours, peer: null, peerName: null, ratio: null });
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
  const child = spawn(process.execPath, [...nodeFlags, SERVER, folder], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  try {
    const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
    const client = createHttpClient(loadKubeconfig(JSON.parse(line)));
    await client.create(
      { group: '', version: 'v1', resource: 'serviceaccounts' },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } },
    );
    const cpuBefore = cpuMs(child.pid!);
    const started = performance.now();
    await spread(PODS, (i) => client.create(PODS_API, pod(i)));
    alone('kube-api creates', '1/s', Math.round(PODS / ((performance.now() - started) / 1000)));
    alone('kube-api cpu a create', 'ms', (cpuMs(child.pid!) - cpuBefore) / PODS);

    const times: number[] = [];
    for (let i = 0; i < LISTS; i++) times.push(await listOnce(client));
    alone('kube-api list of 10,000 pods', 'ms', Math.round(median(times)));

    alone('kube-api events of 1,000 changes missed by 100 watchers', 'events', await missedEvents(client));
    alone('kube-api memory, 10,000 pods and 100 watchers', 'MB PSS', Math.round(pssKb(child.pid!) / 1024));
    client.close();
  } finally {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function spread(count: number, act: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await act(next++);
    }),
  );
}

/** Until the last byte is here; what the client then does with it is not the server's time. */
async function listOnce(client: HttpApiClient): Promise<number> {
  const started = performance.now();
  const { body } = await client.request({ path: '/api/v1/pods' });
  for await (const _ of body);
  return performance.now() - started;
}

/** Every watcher reads text only: parsing a hundred times here would measure this process. */
async function missedEvents(client: HttpApiClient): Promise<number> {
  const { metadata } = await client.list(PODS_API, { limit: 1 });
  const answers = await Promise.all(
    Array.from({ length: WATCHERS }, () =>
      client.request({ path: '/api/v1/pods', query: { watch: 'true', resourceVersion: metadata.resourceVersion } }),
    ),
  );
  const counts = answers.map(() => 0);
  const readers = answers.map(async ({ body }, i) => {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) counts[i]!++;
      if (counts[i]! >= CHANGES) break;
    }
  });
  await spread(CHANGES, (i) =>
    client.patch(PODS_API, { namespace: 'default', name: `web-${i}` }, 'application/merge-patch+json', {
      metadata: { labels: { seen: 'yes' } },
    }),
  );
  const limit = new Promise((resolve) => setTimeout(resolve, 30_000).unref());
  await Promise.race([Promise.all(readers), limit]);
  for (const { body } of answers) body.destroy();
  return counts.reduce((sum, count) => sum + Math.max(0, CHANGES - count), 0);
}

/** User and system time of a process (proc_pid_stat(5), fields 14 and 15, in ticks of 10 ms). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function pssKb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

export const benches: Bench[] = [{ name: 'kube-api', run: benchKubeApi }];
