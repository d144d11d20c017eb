import { closeSync, mkdirSync, openSync, readlinkSync } from 'node:fs';
import { join, normalize, sep } from 'node:path';
import { expandVariables } from '../env/expand.ts';
import { ContainerConfigError } from '../env/fields.ts';
import type { Container, VolumeMount } from '../pod-types.ts';
import { ENTRY_FOLDER, RESERVED_TARGETS } from '../runtime/entry.ts';
import { type RootEntry, throughLinks } from '../runtime/layout.ts';

/** Linux' O_PATH, which Node does not name. */
const O_PATH = 0o10000000;

export interface ContainerMounts {
  /** Outer paths before inner ones. */
  readonly entries: readonly RootEntry[];
  /** Lets go of what held sub-paths in place; call once the container runs. */
  release(): void;
}

/**
 * The binds of a container's volumeMounts.
 *
 * A subPath is looked up inside a volume that other containers may be changing at this moment. It is therefore opened once, checked where the
 * opened thing really lies, and bound through the descriptor: a link planted meanwhile cannot lead out of the volume.
 *
 * @param folderOf the folder behind a volume
 * @throws ContainerConfigError
 */
export function resolveMounts(
  container: Container,
  folderOf: (volume: string) => string | undefined,
  env: Readonly<Record<string, string>>,
): ContainerMounts {
  const held: number[] = [];
  const release = () => {
    for (const fd of held.splice(0)) closeSync(fd);
  };
  try {
    const entries = (container.volumeMounts ?? []).map((mount): RootEntry => {
      const folder = folderOf(mount.name);
      if (folder === undefined)
        throw new ContainerConfigError(`volumeMount "${mount.name}" of container "${container.name}" names no volume of the pod`);
      const subPath = mount.subPathExpr ? expandVariables(mount.subPathExpr, (name) => env[name]) : (mount.subPath ?? '');
      const source = subPath === '' ? folder : holdSubPath(folder, subPath, held);
      return { kind: 'bind', source, target: checkedTarget(mount), isReadOnly: mount.readOnly ?? false };
    });
    return { entries: entries.sort((a, b) => depth(a.target) - depth(b.target)), release };
  } catch (error) {
    release();
    throw error;
  }
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}

function checkedTarget(mount: VolumeMount): string {
  const target = throughLinks(normalize(join('/', mount.mountPath)).replace(/(.)\/$/, '$1'));
  if (RESERVED_TARGETS.includes(target) || target.startsWith(`${ENTRY_FOLDER}/`) || target.startsWith('/proc/')) {
    throw new ContainerConfigError(`volume "${mount.name}" cannot be mounted at "${mount.mountPath}"`);
  }
  return target;
}

function holdSubPath(folder: string, subPath: string, held: number[]): string {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new ContainerConfigError(`subPath "${subPath}" must be relative and must not contain ".."`);
  const fd = openIn(folder, subPath);
  held.push(fd);
  const real = readlinkSync(`/proc/self/fd/${fd}`);
  if (real !== folder && !real.startsWith(folder + sep))
    throw new ContainerConfigError(`failed to prepare subPath "${subPath}": it leads outside its volume`);
  return `/proc/${process.pid}/fd/${fd}`;
}

function openIn(folder: string, subPath: string): number {
  const path = join(folder, subPath);
  try {
    return openSync(path, O_PATH);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new ContainerConfigError(`failed to prepare subPath "${subPath}": ${(error as Error).message}`);
  }
  makeFolders(folder, subPath);
  return openSync(path, O_PATH);
}

/** One level at a time below a held parent, so that no link is followed out of the volume while making folders. */
function makeFolders(folder: string, subPath: string): void {
  let parent = openSync(folder, O_PATH);
  try {
    for (const part of subPath.split('/').filter((each) => each !== '' && each !== '.')) {
      try {
        mkdirSync(`/proc/self/fd/${parent}/${part}`, { mode: 0o755 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
          throw new ContainerConfigError(`failed to create subPath directory "${subPath}": ${(error as Error).message}`);
      }
      const next = openSync(`/proc/self/fd/${parent}/${part}`, O_PATH);
      closeSync(parent);
      parent = next;
      const real = readlinkSync(`/proc/self/fd/${parent}`);
      if (!real.startsWith(folder + sep))
        throw new ContainerConfigError(`failed to create subPath directory "${subPath}": it leads outside its volume`);
    }
  } finally {
    closeSync(parent);
  }
}
