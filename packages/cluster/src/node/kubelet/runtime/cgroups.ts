import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseQuantity } from '@palisade/kubernetes';

export interface ContainerLimits {
  readonly memoryBytes: number | undefined;
  /** Cores. */
  readonly cpus: number | undefined;
}

/** One container's control groups. */
export interface ContainerCgroup {
  /** Files that a process writes its pid to. */
  readonly procsFiles: readonly string[];
  /** Has the kernel killed a process of the group for memory? */
  wasOutOfMemory(): boolean;
  /** The container must be gone. Its last processes may still be dying: resolves when the groups are away, or after 3 s. */
  remove(): Promise<void>;
}

export interface Cgroups {
  /** Says what cannot be limited here, once. */
  readonly missing: readonly string[];
  create(id: string, limits: ContainerLimits): ContainerCgroup;
  /** Removes what is left of this node. */
  removeAll(): Promise<void>;
  /** Removes empty groups of any node of this machine that was killed: those nobody has entered for a minute. */
  removeStale(now: Date): void;
}

/** Two clusters on one machine must not remove each other's groups, so a node's groups carry its state folder's name. */
export function cgroupPrefix(nodeStateDir: string): string {
  return `palisade-${createHash('sha256').update(nodeStateDir).digest('hex').slice(0, 8)}`;
}

export function readLimits(limits: Readonly<Record<string, string>> = {}): ContainerLimits {
  return {
    memoryBytes: limits['memory'] === undefined ? undefined : parseQuantity(limits['memory']),
    cpus: limits['cpu'] === undefined ? undefined : parseQuantity(limits['cpu']),
  };
}

/** Where groups of one controller may be made. */
interface Place {
  readonly version: 1 | 2;
  readonly folder: string;
}

const PERIOD_US = 100_000;
/** A fork bomb in one container must not take the machine: far above what a service needs. */
const MAX_PIDS = 4096;

/**
 * Control groups below the caller's own ones, named `PREFIX-…`, version 1 or 2, whichever the machine offers for memory, cpu and pids. A
 * controller that cannot be used is left out and named in `missing`: containers then run without that limit.
 */
export function createCgroups(prefix: string, files: CgroupFiles = readCgroupFiles()): Cgroups {
  const places = findPlaces(files);
  const missing = ['memory', 'cpu', 'pids'].filter((name) => !places.has(name));
  const folders = [...new Set([...places.values()].map(({ folder }) => folder))];
  return {
    missing,
    create(id, limits) {
      const wanted: [string, [v1: string, v2: string, value1: string, value2: string][]][] = [];
      if (limits.memoryBytes !== undefined) {
        const bytes = String(Math.floor(limits.memoryBytes));
        wanted.push(['memory', [['memory.limit_in_bytes', 'memory.max', bytes, bytes]]]);
      }
      if (limits.cpus !== undefined) {
        const quota = String(Math.max(1000, Math.round(limits.cpus * PERIOD_US)));
        wanted.push(['cpu', [['cpu.cfs_quota_us', 'cpu.max', quota, `${quota} ${PERIOD_US}`]]]);
      }
      wanted.push(['pids', [['pids.max', 'pids.max', String(MAX_PIDS), String(MAX_PIDS)]]]);
      const made = new Set<string>();
      for (const [controller, settings] of wanted) {
        const place = places.get(controller);
        if (place === undefined) continue;
        const folder = join(place.folder, `${prefix}-${id}`);
        mkdirSync(folder, { recursive: true });
        made.add(folder);
        for (const [v1, v2, value1, value2] of settings)
          writeFileSync(join(folder, place.version === 1 ? v1 : v2), place.version === 1 ? value1 : value2);
      }
      const memory = places.get('memory');
      return {
        procsFiles: [...made].map((folder) => join(folder, 'cgroup.procs')),
        wasOutOfMemory: () => memory !== undefined && countOomKills(join(memory.folder, `${prefix}-${id}`), memory.version) > 0,
        remove: () => removeFolders([...made]),
      };
    },
    removeAll: () => removeFolders(listGroups(folders, `${prefix}-`)),
    removeStale(now) {
      for (const folder of listGroups(folders, NAME_PREFIX)) if (now.getTime() - statSync(folder).ctimeMs > STALE_MS) tryRemove(folder);
    },
  };
}

/** All groups of all clusters of one machine are called so. */
const NAME_PREFIX = 'palisade-';
const STALE_MS = 60_000;

function listGroups(folders: readonly string[], prefix: string): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix))
      .map((name) => join(folder, name)),
  );
}

export interface CgroupFiles {
  /** /proc/self/cgroup */
  readonly own: string;
  /** /proc/self/mountinfo */
  readonly mounts: string;
}

function readCgroupFiles(): CgroupFiles {
  return { own: readFileSync('/proc/self/cgroup', 'utf8'), mounts: readFileSync('/proc/self/mountinfo', 'utf8') };
}

function findPlaces(files: CgroupFiles): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const { controllers, path, version } of parseOwn(files.own)) {
    const mount = findMount(files.mounts, version, controllers[0]);
    if (mount === undefined) continue;
    // A container's view: the path may lie above what is mounted.
    const below = path.startsWith(mount.root) ? path.slice(mount.root === '/' ? 0 : mount.root.length) : '';
    const folder = join(mount.point, below);
    const names = version === 1 ? controllers : usableV2Controllers(mount.point);
    for (const name of names)
      if (!places.has(name) && isWritable(version === 1 ? folder : mount.point))
        places.set(name, { version, folder: version === 1 ? folder : mount.point });
  }
  return places;
}

function parseOwn(text: string): { controllers: string[]; path: string; version: 1 | 2 }[] {
  return text
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [id, names = '', path] = line.split(':', 3);
      if (path === undefined) return [];
      return [{ controllers: names.split(',').filter(Boolean), path, version: id === '0' ? (2 as const) : (1 as const) }];
    });
}

function findMount(text: string, version: 1 | 2, controller: string | undefined): { root: string; point: string } | undefined {
  for (const line of text.trim().split('\n')) {
    const [left = '', right = ''] = line.split(' - ', 2);
    const [, , , root = '/', point = ''] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (version === 2 && type === 'cgroup2') return { root, point };
    if (version === 1 && type === 'cgroup' && controller !== undefined && options.split(',').includes(controller)) return { root, point };
  }
  return undefined;
}

/** Version 2: only what the top group hands down already; switching controllers on there would change the machine. */
function usableV2Controllers(point: string): string[] {
  try {
    return readFileSync(join(point, 'cgroup.subtree_control'), 'utf8').trim().split(' ').filter(Boolean);
  } catch {
    return [];
  }
}

function isWritable(folder: string): boolean {
  const probe = join(folder, `palisade-probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

function countOomKills(folder: string, version: 1 | 2): number {
  try {
    const text = readFileSync(join(folder, version === 1 ? 'memory.oom_control' : 'memory.events'), 'utf8');
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const REMOVE_WAITS_MS = [0, 10, 50, 200, 700, 2000];

async function removeFolders(folders: readonly string[]): Promise<void> {
  let left = folders;
  for (const waitMs of REMOVE_WAITS_MS) {
    if (waitMs > 0) await sleep(waitMs);
    left = left.filter((folder) => !tryRemove(folder));
    if (left.length === 0) return;
  }
}

/** @returns false while a process is in it */
function tryRemove(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
