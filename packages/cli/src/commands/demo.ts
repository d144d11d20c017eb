import { join } from 'node:path';
import { launchCluster, stopCluster } from '@palisade/cluster';
import { formatFlow } from '@palisade/flow';
import { renderScene } from '../demo/report.ts';
import { playScene, type SceneResult, type Stage } from '../demo/scene.ts';
import { createShell } from '../demo/shell.ts';
import { story } from '../demo/story.ts';
import { findProblems } from '../doctor/requirements.ts';
import { fetchFlows } from '../flows/fetch.ts';
import { userHome } from '../paths.ts';

const clusterName = 'demo';

/** `palisade demo`. @returns 0 only if every expectation held */
export async function demo(raw: Record<string, unknown>): Promise<number> {
  const asJson = raw['json'] === true;
  const staysUp = raw['once'] !== true && !asJson && process.stdout.isTTY === true;
  const print = asJson ? () => {} : (line: string) => console.log(line);
  const problems = findProblems();
  if (problems.length > 0) {
    for (const problem of problems) console.error(`palisade: ${problem.name}: ${problem.found}. ${problem.remedy}`);
    return 1;
  }
  await stopCluster(clusterName, { purge: true });
  const root = process.env['PALISADE_ROOT'] ?? process.cwd();
  print('Starting a cluster of three nodes on this machine …');
  const cluster = await launchCluster({
    name: clusterName,
    nodes: ['node1', 'node2', 'node3'],
    apiPort: 0,
    cacheDir: process.env['PALISADE_CACHE'] ?? join(userHome(), '.cache', 'palisade'),
    imageDirs: [],
    mesh: 'palisade',
    attached: true,
  });
  const stop = async () => void (await stopCluster(clusterName, { purge: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().then(() => process.exit(130)));
  try {
    const shell = createShell({ ...process.env, KUBECONFIG: cluster.kubeconfig }, root, print);
    await shell.show('kubectl', 'get', 'nodes');
    const results: SceneResult[] = [];
    for (const [index, scene] of story.entries()) {
      print(`\n━━ ${index + 1} of ${story.length}: ${scene.title}\n  ${scene.why}\n`);
      const since = new Date();
      const stage: Stage = {
        shell,
        say: print,
        progress: (text) => void (process.stderr.isTTY && process.stderr.write(`\r  attacks sent: ${text}   `)),
        droppedFlows: async () =>
          (await fetchFlows(cluster.kubeconfig, { verdict: 'DROPPED', since, last: 500 })).map((flow) => formatFlow(flow)),
      };
      const result = await playScene(scene, stage);
      if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
      results.push(result);
      print(`\n${renderScene(result)}`);
    }
    const expectations = results.flatMap((result) => result.expectations);
    const failed = expectations.filter(({ held }) => !held);
    if (asJson) console.log(JSON.stringify({ ok: failed.length === 0, steps: results, commands: shell.transcript }, null, 2));
    print(
      `\n${expectations.length - failed.length} of ${expectations.length} expectations held${failed.length === 0 ? '.' : `; failed: ${failed.map(({ text }) => text).join('; ')}`}`,
    );
    if (staysUp) await stayUp(cluster.kubeconfig, print);
    return failed.length === 0 ? 0 : 1;
  } finally {
    await stop();
  }
}

function stayUp(kubeconfig: string, print: (line: string) => void): Promise<never> {
  print(`\nThe cluster stays up until Ctrl-C. In another terminal:\n\n  export KUBECONFIG=${kubeconfig}`);
  print('  kubectl get pods -o wide\n  kubectl exec deploy/auth -c microsimserver -- curl -s -m 5 http://db:8080');
  print('  npx palisade flows -f --verdict DROPPED\n  kubectl apply -f examples/sidecar/network-policy.yaml');
  return new Promise(() => setInterval(() => {}, 60_000));
}
