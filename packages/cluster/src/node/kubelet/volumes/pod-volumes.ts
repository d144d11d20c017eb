import { chmodSync, chownSync, existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { unmount } from '../../libc.ts';
import { mountTmpfs } from '../runtime/native.ts';
import { removeTree } from '../runtime/remove-tree.ts';
import { writeAtomicFolder } from './atomic-folder.ts';
import { isDirectlyBelow } from './claim.ts';
import { VolumeError } from './volume-error.ts';
import type { PlannedFile, PlannedToken, VolumePlan } from './volume-plan.ts';

export interface IssuedToken {
  readonly token: string;
  /** RFC 3339. */
  readonly expirationTimestamp: string;
}

export interface VolumeHost {
  /** tmpfs folder of the pod: what must not reach the disk. */
  readonly memoryDir: string;
  /** Folder of the pod on disk. */
  readonly diskDir: string;
  readonly fsGroup: number | undefined;
  /** hostPath volumes must lie in one of these (their real paths); none means none are allowed. */
  readonly hostPathRoots: readonly string[];
  /** Folder of the cluster's own persistent volumes. */
  readonly volumesRoot: string | undefined;
  now(): Date;
  issueToken(audience: string | undefined, expirationSeconds: number): Promise<IssuedToken>;
}

interface HeldToken {
  readonly token: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
}

/** The volumes of one pod on this machine. */
export class PodVolumes {
  readonly #host: VolumeHost;
  readonly #tokens = new Map<string, HeldToken>();
  readonly #folders = new Map<string, string>();
  readonly #mounts = new Set<string>();

  constructor(host: VolumeHost) {
    this.#host = host;
  }

  /** The folder (or hostPath file) behind a volume that `apply` has made. */
  folder(name: string): string | undefined {
    return this.#folders.get(name);
  }

  /**
   * Makes what is missing and brings files up to date; running containers see changes at once.
   *
   * @returns when to call again for the next token rotation (ms since the epoch); undefined = when objects change
   * @throws VolumeError
   */
  async apply(plans: readonly VolumePlan[]): Promise<number | undefined> {
    let renewAt: number | undefined;
    for (const plan of plans) {
      if (plan.kind === 'scratch') this.#makeScratch(plan);
      else if (plan.kind === 'local') this.#makeLocal(plan.name, plan.path);
      else if (plan.kind === 'host') this.#folders.set(plan.name, this.#checkHostPath(plan.name, plan.path, plan.type));
      else {
        const tokens = await Promise.all(plan.tokens.map((token) => this.#tokenFile(plan.name, token)));
        for (const { renewMs } of tokens) renewAt = Math.min(renewAt ?? renewMs, renewMs);
        this.#writeFiles(plan.name, [...plan.files, ...tokens.map(({ file }) => file)]);
      }
    }
    return renewAt;
  }

  /** Lets go of mounts and removes what lies on disk; the pod's containers are gone. Its folder in memory goes whole, with its place. */
  async release(): Promise<void> {
    for (const target of this.#mounts) unmount(target);
    await removeTree(join(this.#host.diskDir, 'volumes'));
  }

  #makeScratch(plan: Extract<VolumePlan, { kind: 'scratch' }>): void {
    if (this.#folders.has(plan.name)) return;
    const folder = join(plan.isMemory ? this.#host.memoryDir : this.#host.diskDir, 'volumes', plan.name);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (plan.isMemory) {
      mountTmpfs(folder, `mode=0777${plan.sizeBytes === undefined ? '' : `,size=${Math.ceil(plan.sizeBytes)}`}`);
      this.#mounts.add(folder);
    }
    this.#open(folder);
    this.#folders.set(plan.name, folder);
  }

  /** A folder directly below the cluster's own one: nobody but the kubelet can have put anything else there. */
  #makeLocal(name: string, path: string): void {
    if (this.#folders.has(name)) return;
    if (this.#host.volumesRoot === undefined || !isDirectlyBelow(this.#host.volumesRoot, path))
      throw new VolumeError(name, `MountVolume.SetUp failed for volume "${name}" : "${path}" is not a folder of the cluster's own volumes`);
    const isNew = mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
    if (isNew || this.#host.fsGroup !== undefined) this.#open(path);
    this.#folders.set(name, path);
  }

  #open(folder: string): void {
    const { fsGroup } = this.#host;
    if (fsGroup !== undefined) chownSync(folder, 0, fsGroup);
    chmodSync(folder, fsGroup === undefined ? 0o777 : 0o2777);
  }

  #writeFiles(name: string, files: readonly PlannedFile[]): void {
    const folder = join(this.#host.memoryDir, 'volumes', name);
    const stamp = this.#host.now().toISOString().replaceAll('-', '_').replaceAll(':', '_').replace('T', '_').replace('Z', '');
    writeAtomicFolder(folder, files, stamp, this.#host.fsGroup);
    this.#folders.set(name, folder);
  }

  /** A held token serves until 80 % of its life, at most 24 hours, as kubelet's token manager does. */
  async #tokenFile(volume: string, plan: PlannedToken): Promise<{ file: PlannedFile; renewMs: number }> {
    const key = `${volume}/${plan.path}`;
    const nowMs = this.#host.now().getTime();
    let held = this.#tokens.get(key);
    if (held === undefined || nowMs >= renewalMs(held)) {
      try {
        const issued = await this.#host.issueToken(plan.audience, plan.expirationSeconds);
        held = { token: issued.token, issuedMs: nowMs, expiresMs: Date.parse(issued.expirationTimestamp) };
        this.#tokens.set(key, held);
      } catch (error) {
        if (held === undefined || nowMs >= held.expiresMs) {
          throw new VolumeError(
            volume,
            `MountVolume.SetUp failed for volume "${volume}" : failed to fetch token: ${(error as Error).message}`,
          );
        }
        return { file: tokenFile(plan, held), renewMs: nowMs + 10_000 };
      }
    }
    return { file: tokenFile(plan, held), renewMs: renewalMs(held) };
  }

  #checkHostPath(volume: string, path: string, type: string): string {
    const fail = (why: string) => new VolumeError(volume, `MountVolume.SetUp failed for volume "${volume}" : hostPath ${why}`);
    const roots = this.#host.hostPathRoots;
    const isInside = (real: string) => roots.some((root) => real === root || real.startsWith(root.endsWith(sep) ? root : root + sep));
    const create = type === 'DirectoryOrCreate' || type === 'FileOrCreate';
    // Checked before anything is made, and again after links are followed.
    if (path.split('/').includes('..') || !isInside(path))
      throw fail(`"${path}" is outside the folders that may be shown to pods (${roots.join(', ') || 'none is configured'})`);
    if (!existsSync(path) && create) {
      const parent = path.slice(0, path.lastIndexOf('/'));
      if (existsSync(parent) && !isInside(realpathSync(parent)))
        throw fail(`"${path}" leads outside the folders that may be shown to pods`);
      if (type === 'DirectoryOrCreate') mkdirSync(path, { mode: 0o755 });
      else writeFileSync(path, '', { mode: 0o644, flag: 'wx' });
    }
    if (!existsSync(path)) throw fail(`type check failed: ${path} is not a ${type.startsWith('File') ? 'file' : 'directory'}`);
    const real = realpathSync(path);
    if (!isInside(real)) throw fail(`"${path}" leads to "${real}", outside the folders that may be shown to pods`);
    const stat = statSync(real);
    if (type.startsWith('Directory') && !stat.isDirectory()) throw fail(`type check failed: ${path} is not a directory`);
    if (type.startsWith('File') && !stat.isFile()) throw fail(`type check failed: ${path} is not a file`);
    if (!stat.isDirectory() && !stat.isFile()) throw fail(`"${path}" is neither a folder nor a regular file`);
    return real;
  }
}

function renewalMs(held: HeldToken): number {
  const life = held.expiresMs - held.issuedMs;
  return held.issuedMs + Math.min(life * 0.8, 24 * 3600 * 1000);
}

function tokenFile(plan: PlannedToken, held: HeldToken): PlannedFile {
  return { path: plan.path, content: Buffer.from(held.token), mode: plan.mode };
}
