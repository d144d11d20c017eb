import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where a cluster keeps what must survive it. One folder a cluster, readable by root only except the kubeconfig. */
export interface ClusterPaths {
  readonly stateDir: string;
  readonly kubeconfig: string;
  readonly log: string;
  /** Written by the launcher: who runs it. */
  readonly lock: string;
}

/** What the supervisor is told at start. Everything else it reads from its state folder. */
export interface SupervisorConfig {
  readonly name: string;
  readonly stateDir: string;
  readonly cacheDir: string;
  readonly nodes: readonly string[];
  /** Preferred port of the API server on 127.0.0.1; another free one is taken when it is busy. 0 = any. */
  readonly apiPort: number;
  /** Folders with image definitions, later ones win. */
  readonly imageDirs: readonly string[];
  /** When the launcher was asked, in ms since the epoch: the figure that `up` shows counts from there. */
  readonly launchedAt: number;
  /** hostPath volumes must lie below this folder; undefined refuses them all. */
  readonly hostPathRoot?: string;
  /** Installs the mesh with this data plane for its sidecars; undefined leaves it out. */
  readonly mesh?: 'palisade' | 'envoy';
}

/** What the supervisor answers when it is ready. */
export interface ReadyMessage {
  readonly ready: true;
  readonly server: string;
  readonly kubeconfig: string;
  readonly readyMs: number;
}

export function userHome(): string {
  return process.env['PALISADE_HOME'] ?? homedir();
}

export function clusterPaths(name: string): ClusterPaths {
  const base = process.env['PALISADE_STATE'] ?? join(userHome(), '.local', 'state', 'palisade');
  const stateDir = join(base, name);
  return {
    stateDir,
    kubeconfig: join(stateDir, 'kubeconfig'),
    log: join(stateDir, 'supervisor.log'),
    lock: join(stateDir, 'supervisor.json'),
  };
}

interface Lock {
  /** pid of the outermost process in the caller's pid namespace */
  readonly pid: number;
  /** field 22 of /proc/PID/stat: tells a reused pid from ours */
  readonly startTime: string;
}

export function writeLock(paths: ClusterPaths, pid: number): void {
  writeFileSync(paths.lock, JSON.stringify({ pid, startTime: startTimeOf(pid) ?? '' } satisfies Lock));
}

/** @returns the pid of the running cluster's outermost process, or undefined */
export function runningPid(paths: ClusterPaths): number | undefined {
  if (!existsSync(paths.lock)) return undefined;
  const lock: Lock = JSON.parse(readFileSync(paths.lock, 'utf8'));
  return startTimeOf(lock.pid) === lock.startTime && lock.startTime !== '' ? lock.pid : undefined;
}

export function removeLock(paths: ClusterPaths): void {
  rmSync(paths.lock, { force: true });
}

/** Creates the folder for root alone, below folders of the calling user. */
export function makeStateDir(paths: ClusterPaths): void {
  const base = dirname(paths.stateDir);
  const first = mkdirSync(base, { recursive: true });
  if (first !== undefined) for (let path = base; path.length >= first.length; path = dirname(path)) giveToUser(path);
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o711 });
}

/** Under sudo, files meant for the user belong to the user. */
export function giveToUser(path: string): void {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (SUDO_UID && SUDO_GID && process.getuid?.() === 0) chownSync(path, Number(SUDO_UID), Number(SUDO_GID));
}

/** undefined for a process that is gone or waits only to be reaped. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
