import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { removeLeftovers } from './leftovers.ts';
import {
  type ClusterPaths,
  clusterPaths,
  makeStateDir,
  type ReadyMessage,
  removeLock,
  runningPid,
  type SupervisorConfig,
  writeLock,
} from './state.ts';

export interface LaunchOptions extends Omit<SupervisorConfig, 'stateDir' | 'launchedAt'> {
  /** The cluster dies with the calling process (tests, `demo --once`); otherwise it stays until `palisade down`. */
  readonly attached: boolean;
}

export interface RunningCluster extends ReadyMessage {
  readonly paths: ClusterPaths;
  /** False when it was running already. */
  readonly started: boolean;
}

export class LaunchError extends Error {
  readonly code = 'CLUSTER_NOT_STARTED';
  override readonly name = 'LaunchError';
}

/**
 * For the process that holds the API server. Its requests leave much short-lived garbage, and V8 would let the space for that grow to
 * 134 MB for objects of 93 MB; with 16 MB a half it is 34 MB, and a request costs the same time.
 */
export const nodeFlags: readonly string[] = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16'];

// Pid 1 of the cluster is a shell that reaps; everything below dies with it. /run becomes private so that named network
// namespaces exist for this cluster only.
const prologue = 'mount --make-rprivate / && mount -t tmpfs -o mode=755 palisade /run && mkdir -p /run/netns && "$@" & wait $!; exit $?';

/**
 * Start the embedded cluster in namespaces of its own (pid, mount, uts, ipc), or find it running.
 *
 * @throws LaunchError when it cannot start; nothing is left behind
 */
export async function launchCluster(options: LaunchOptions): Promise<RunningCluster> {
  const paths = clusterPaths(options.name);
  if (runningPid(paths) !== undefined) return { ...readReady(paths), paths, started: false };
  makeStateDir(paths);
  removeLeftovers(paths);
  rmSync(readyFile(paths), { force: true });
  const config: SupervisorConfig = { ...withoutAttached(options), stateDir: paths.stateDir, launchedAt: Date.now() };
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const log = openSync(paths.log, 'a');
  const command = [
    ...(options.attached ? ['setpriv', '--pdeathsig', 'KILL'] : []),
    ...['unshare', '--pid', '--mount', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', prologue, 'palisade'],
    ...[process.execPath, ...nodeFlags, main, JSON.stringify(config)],
  ];
  const child = spawn(command[0]!, command.slice(1), { detached: !options.attached, stdio: ['ignore', log, log, 'pipe'], cwd: '/' });
  closeSync(log);
  if (child.pid === undefined) throw new LaunchError(`Cannot start "${command[0]}": is util-linux installed? See "palisade doctor".`);
  writeLock(paths, child.pid);
  const answer = await readAnswer(child.stdio[3] as NodeJS.ReadableStream, paths);
  if (!answer.ready) {
    child.kill('SIGKILL');
    removeLock(paths);
    throw new LaunchError(`The cluster did not start: ${answer.error}\nIts log: ${paths.log}`);
  }
  child.unref();
  (child.stdio[3] as unknown as { destroy(): void }).destroy();
  return { ...answer, paths, started: true };
}

/** Stop the cluster if it runs: SIGTERM inside, then the whole process tree. Objects stay; `purge` removes them too. */
export async function stopCluster(name: string, options: { purge: boolean; graceMs?: number }): Promise<{ wasRunning: boolean }> {
  const paths = clusterPaths(name);
  const pid = runningPid(paths);
  if (pid !== undefined) {
    for (const supervisor of supervisorsBelow(pid)) signal(supervisor, 'SIGTERM');
    const deadline = Date.now() + (options.graceMs ?? 5000);
    while (runningPid(paths) !== undefined && Date.now() < deadline) await sleep(20);
    if (runningPid(paths) !== undefined) signal(pid, 'SIGKILL');
    while (runningPid(paths) !== undefined) await sleep(10);
  }
  removeLock(paths);
  removeLeftovers(paths);
  if (options.purge) rmSync(paths.stateDir, { recursive: true, force: true });
  return { wasRunning: pid !== undefined };
}

export function clusterIsRunning(name: string): boolean {
  return runningPid(clusterPaths(name)) !== undefined;
}

function withoutAttached({ attached: _, ...config }: LaunchOptions): Omit<LaunchOptions, 'attached'> {
  return config;
}

const readyFile = (paths: ClusterPaths) => `${paths.stateDir}/ready.json`;

function readReady(paths: ClusterPaths): ReadyMessage {
  return JSON.parse(readFileSync(readyFile(paths), 'utf8')) as ReadyMessage;
}

async function readAnswer(pipe: NodeJS.ReadableStream, paths: ClusterPaths): Promise<ReadyMessage | { ready: false; error: string }> {
  let text = '';
  for await (const chunk of pipe) {
    text += String(chunk);
    if (text.includes('\n')) return JSON.parse(text) as ReadyMessage | { ready: false; error: string };
  }
  const tail = readFileSync(paths.log, 'utf8').trim().split('\n').slice(-5).join('\n');
  return { ready: false, error: tail || 'it ended without a word' };
}

/** unshare → sh → node: the process to ask for a graceful end. */
function supervisorsBelow(pid: number): number[] {
  return childrenOf(pid).flatMap(childrenOf);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself in the meantime.
  }
}
