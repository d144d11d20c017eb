/** A cluster of its own for a story, and kubectl against it. Attached: it dies with the test process, whatever happens. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterIsRunning, launchCluster, type RunningCluster, stopCluster } from '@palisade/cluster';
import { noData } from '../conformance/suite.ts';
import { startInTerminal, type TerminalSession } from './terminal.ts';

export const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
export const examples = join(root, 'examples');
const conformanceFolder = process.env['CONFORMANCE_DIR'] ?? join(root, '../shared/conformance');

/** A file or folder of the conformance data; `skip` says why what needs it cannot run here, or is false. */
export function conformanceData(name: string): { readonly path: string; readonly skip: string | false } {
  const path = join(conformanceFolder, name);
  return { path, skip: existsSync(path) ? false : noData(path) };
}

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestCluster {
  readonly running: RunningCluster;
  /** Kills the supervisor as a crash would, and starts the cluster again on the same state. */
  crash(): Promise<void>;
  /** Resolves with whatever exit code. */
  kubectl(...args: string[]): Promise<Output>;
  /** Standard output; rejects when the exit code is not 0. */
  kubectlOk(...args: string[]): Promise<string>;
  /** kubectl in a terminal of its own, to type in. */
  kubectlWithTerminal(args: readonly string[]): Promise<TerminalSession>;
  /** `kubectl apply -f -` of this text. */
  apply(manifest: string): Promise<string>;
  /** `kubectl create -f -`: unlike apply it sends the text as it is, nulls included. */
  create(manifest: string): Promise<string>;
  /** The cluster's own folder of network namespaces, as seen from here: pods (`pod-UID`), nodes (`node-NAME`), `outside`. */
  netnsFolder(): string;
  /** The `palisade` command against this cluster. */
  palisade(...args: string[]): Promise<Output>;
  stop(): Promise<void>;
}

/** Why whole-cluster tests cannot run here, or false. Pass as node:test's `skip`. */
export function cannotRunClusters(): string | false {
  if (process.platform !== 'linux') return 'needs Linux: sudo npm test there';
  if (process.getuid?.() !== 0) return 'needs root: sudo npm test';
  return false;
}

/** The same for tests that make certificates. */
export function cannotUseOpenssl(): string | false {
  return spawnSync('openssl', ['version']).status === 0 ? false : 'needs openssl: apt install openssl';
}

let counter = 0;

export async function startCluster(
  options: { nodes?: readonly string[]; hostPathRoot?: string; mesh?: 'palisade' | 'envoy'; imageDirs?: readonly string[] } = {},
): Promise<TestCluster> {
  const state = mkdtempSync(join(tmpdir(), 'palisade-e2e-'));
  process.env['PALISADE_STATE'] = state;
  const name = `e2e-${process.pid}-${counter++}`;
  const launch = () =>
    launchCluster({
      name,
      nodes: options.nodes ?? ['node1', 'node2', 'node3'],
      apiPort: 0,
      cacheDir: process.env['PALISADE_CACHE'] ?? join(homedir(), '.cache', 'palisade'),
      imageDirs: options.imageDirs ?? [],
      ...(options.hostPathRoot === undefined ? {} : { hostPathRoot: options.hostPathRoot }),
      ...(options.mesh === undefined ? {} : { mesh: options.mesh }),
      attached: true,
    });
  let running = await launch().catch((error: unknown) => {
    rmSync(state, { recursive: true, force: true });
    throw error;
  });
  const env = { ...process.env, KUBECONFIG: running.kubeconfig };
  const kubectl = (...args: string[]) => run('kubectl', args, env);
  const send = async (verb: string, manifest: string) => {
    const result = await run('kubectl', [verb, '-f', '-'], env, manifest);
    if (result.code !== 0) throw new Error(`kubectl ${verb}: exit code ${result.code}\n${result.stderr}`);
    return result.stdout;
  };
  return {
    get running() {
      return running;
    },
    async crash() {
      const { pid } = JSON.parse(readFileSync(running.paths.lock, 'utf8')) as { pid: number };
      // unshare, then the shell that reaps, then the supervisor.
      for (const supervisor of childrenOf(pid).flatMap(childrenOf)) process.kill(supervisor, 'SIGKILL');
      while (clusterIsRunning(name)) await sleep(10);
      running = await launch();
    },
    kubectl,
    async kubectlOk(...args) {
      const result = await kubectl(...args);
      if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit code ${result.code}\n${result.stderr}${result.stdout}`);
      return result.stdout;
    },
    netnsFolder() {
      const { pid } = JSON.parse(readFileSync(running.paths.lock, 'utf8')) as { pid: number };
      // As in `crash`: the supervisor sees its own /run.
      const [supervisor] = childrenOf(pid).flatMap(childrenOf);
      return join('/proc', String(supervisor), 'root', 'run/netns');
    },
    kubectlWithTerminal: async (args) => startInTerminal('kubectl', args, env),
    apply: (manifest) => send('apply', manifest),
    create: (manifest) => send('create', manifest),
    palisade: (...args) =>
      run(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'packages/cli/src/main.ts'), ...args], env),
    async stop() {
      await stopCluster(name, { purge: true });
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** How many processes of this machine have exactly this command line. */
export function programsOf(args: string): number {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ').trim() === args;
    } catch {
      return false;
    }
  }).length;
}

/** Empty when the process is gone. */
function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** No command of a story takes longer; one that hangs is ended and fails by its exit code. */
const COMMAND_LIMIT_MS = 240_000;

export async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env, input?: string): Promise<Output> {
  const child = spawn(command, args, {
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: root,
    timeout: COMMAND_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { code: code ?? 1, stdout, stderr };
}

/** Tries after each other: soon first, then seldom, since a command costs more than it waits for. */
const firstPauseMs = 100;
const longestPauseMs = 1000;

/** Tries until `check` returns something other than undefined or false; rejects with the last answer after `timeoutMs`. */
export async function eventually<T>(what: string, timeoutMs: number, check: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  let pauseMs = firstPauseMs;
  do {
    try {
      const answer = await check();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
  } while (Date.now() < deadline);
  throw new Error(`${what}: not within ${timeoutMs} ms${last instanceof Error ? `: ${last.message}` : ''}`);
}
