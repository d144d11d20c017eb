import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchCluster, stopCluster } from '@palisade/cluster';
import { formatFlow } from '@palisade/flow';
import { bookinfo } from '../demo/chapters/bookinfo.ts';
import { type Chapter, type PlayedChapter, playChapter } from '../demo/chapters/chapter.ts';
import { escapes } from '../demo/chapters/escapes.ts';
import { catalogImage, findMongoImages, fruitsCatalog } from '../demo/chapters/fruits-catalog.ts';
import { wafEngines } from '../demo/chapters/waf-engines.ts';
import { renderScene } from '../demo/report.ts';
import { playScene, type SceneResult, type Stage } from '../demo/scene.ts';
import { createShell } from '../demo/shell.ts';
import { story } from '../demo/story.ts';
import { canStartCluster } from '../doctor/requirements.ts';
import { fetchFlows } from '../flows/fetch.ts';
import { userHome } from '../paths.ts';

const clusterName = 'demo';

/** `palisade demo`. @returns 0 only if every expectation held */
export async function demo(raw: Record<string, unknown>): Promise<number> {
  const asJson = raw['json'] === true;
  const staysUp = raw['once'] !== true && !asJson && process.stdout.isTTY === true;
  const print = asJson ? () => {} : (line: string) => console.log(line);
  if (!canStartCluster()) return 1;
  await stopCluster(clusterName, { purge: true });
  const root = process.env['PALISADE_ROOT'] ?? process.cwd();
  const cacheDir = process.env['PALISADE_CACHE'] ?? join(userHome(), '.cache', 'palisade');
  const mongoImages = findMongoImages(cacheDir);
  const images = mkdtempSync(join(tmpdir(), 'palisade-demo-'));
  process.once('exit', () => rmSync(images, { recursive: true, force: true }));
  writeFileSync(join(images, 'fruits-catalog.yaml'), JSON.stringify(catalogImage(root)));
  const chapters = [
    bookinfo,
    fruitsCatalog(mongoImages === undefined ? 'set-up could fetch no MongoDB server: it needs Java and Maven' : undefined),
    escapes,
    wafEngines,
  ];
  print('Starting a cluster of three nodes on this machine …');
  const cluster = await launchCluster({
    name: clusterName,
    nodes: ['node1', 'node2', 'node3'],
    apiPort: 0,
    cacheDir,
    imageDirs: [images, ...(mongoImages === undefined ? [] : [mongoImages])],
    mesh: 'palisade',
    attached: true,
  });
  const over = new AbortController();
  const stop = async () => {
    over.abort();
    await stopCluster(clusterName, { purge: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().then(() => process.exit(130)));
  try {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
    const shell = createShell(env, root, print);
    const beside = playBeside(chapters, env, root, over.signal);
    await shell.show('kubectl', 'get', 'nodes');
    const results: SceneResult[] = [];
    const steps = story.length + chapters.length;
    for (const [index, scene] of story.entries()) {
      print(`\n━━ ${index + 1} of ${steps}: ${scene.title}\n  ${scene.why}\n`);
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
    const played = await beside;
    for (const [index, { lines, result }] of played.entries()) {
      print(`\n━━ ${story.length + index + 1} of ${steps}: ${result.title}\n  ${chapters[index]!.why}\n`);
      for (const line of lines) print(line);
      results.push(result);
      print(`\n${renderScene(result)}`);
    }
    const transcript = [...shell.transcript, ...played.flatMap((chapter) => chapter.transcript)];
    const expectations = results.flatMap((result) => result.expectations);
    const failed = expectations.filter(({ held }) => !held);
    if (asJson) console.log(JSON.stringify({ ok: failed.length === 0, steps: results, commands: transcript }, null, 2));
    print(
      `\n${expectations.length - failed.length} of ${expectations.length} expectations held${failed.length === 0 ? '.' : `; failed: ${failed.map(({ text }) => text).join('; ')}`}`,
    );
    if (staysUp) await stayUp(cluster.kubeconfig, print);
    return failed.length === 0 ? 0 : 1;
  } finally {
    await stop();
  }
}

/** One after the other, at the side of the main story: most of that is waiting. */
async function playBeside(
  chapters: readonly Chapter[],
  env: NodeJS.ProcessEnv,
  root: string,
  signal: AbortSignal,
): Promise<PlayedChapter[]> {
  const palisade = [process.execPath, '--disable-warning=ExperimentalWarning', process.argv[1]!];
  const played: PlayedChapter[] = [];
  await createShell(env, root, () => {}).run('kubectl', 'rollout', 'status', '-n', 'istio-system', 'deployment/istiod', '--timeout=120s');
  for (const chapter of chapters) played.push(await playChapter(chapter, env, root, palisade, signal));
  return played;
}

function stayUp(kubeconfig: string, print: (line: string) => void): Promise<never> {
  print(`\nThe cluster stays up until Ctrl-C. In another terminal:\n\n  export KUBECONFIG=${kubeconfig}`);
  print('  kubectl get pods -o wide\n  kubectl exec deploy/auth -c microsimserver -- curl -s -m 5 http://db:8080');
  print('  npx palisade flows -f --verdict DROPPED\n  kubectl apply -f examples/sidecar/network-policy.yaml');
  return new Promise(() => setInterval(() => {}, 60_000));
}
