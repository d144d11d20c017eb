import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { RootEntry } from './layout.ts';

/**
 * The way into a container. What runs there first still holds the machine's privileges, and everything a dynamic program loads is the container's to
 * change: /usr may lie under a volume, /lib64 is a link that root inside can replace, /etc/ld.so.preload a file it can write. So setpriv is started by
 * a loader and with libraries of the node's own, from a mount point that no pod can cover or move; the program after it has the pod's privileges only.
 *
 * At the top of the root: a folder with a mount point further down could be renamed from inside.
 */
export const ENTRY_FOLDER = '/.palisade';
/** A loader reads this however it is called. */
const PRELOAD = '/etc/ld.so.preload';
/** Where no volume may be mounted; other files and folders below /etc may be. */
export const RESERVED_TARGETS: readonly string[] = ['/', '/proc', '/etc', PRELOAD, ENTRY_FOLDER];

const SETPRIV = '/usr/bin/setpriv';
const NO_PRELOAD = 'no-preload';

/** Words in front of setpriv's own. */
export const ENTRY_WORDS: readonly string[] = [
  `${ENTRY_FOLDER}/loader`,
  '--inhibit-cache',
  '--library-path',
  ENTRY_FOLDER,
  `${ENTRY_FOLDER}/setpriv`,
];

/**
 * Copies setpriv with its loader and libraries.
 *
 * @param fixed folder that becomes read-only after this
 * @returns what every container's root must show, after all volumes
 */
export function installEntry(fixed: string): RootEntry[] {
  const folder = join(fixed, 'entry');
  mkdirSync(folder);
  const { loader, libraries } = parseLdd(execFileSync('ldd', [SETPRIV], { encoding: 'utf8' }));
  cpSync(realpathSync(SETPRIV), join(folder, 'setpriv'));
  cpSync(realpathSync(loader), join(folder, 'loader'));
  for (const library of libraries) cpSync(realpathSync(library), join(folder, basename(library)));
  writeFileSync(join(fixed, NO_PRELOAD), '', { mode: 0o444 });
  return [
    { kind: 'bind', source: folder, target: ENTRY_FOLDER, isReadOnly: true },
    { kind: 'bind', source: join(fixed, NO_PRELOAD), target: PRELOAD, isReadOnly: true },
  ];
}

/** @param text what ldd(1) says about one program */
export function parseLdd(text: string): { readonly loader: string; readonly libraries: readonly string[] } {
  const loader = /^\s*(\/\S+) \(0x/m.exec(text)?.[1];
  if (loader === undefined) throw new Error(`Cannot run containers: ldd names no loader for ${SETPRIV}: ${text.trim()}`);
  return { loader, libraries: [...text.matchAll(/ => (\/\S+) \(0x/g)].map((match) => match[1]!) };
}

/**
 * A link inside a volume can lead the mount point of another volume elsewhere, over the entry too. Nobody in a container can mount, so its mounts stay
 * as they are once its program began.
 *
 * @param mountInfo /proc/PID/mountinfo of the container
 * @param entry what `installEntry` returned
 * @throws Error when what stands at the entry is not the node's
 */
export function checkEntry(mountInfo: string, entry: readonly RootEntry[]): void {
  const mounts = mountInfo.split('\n').map((line) => {
    const [id, parent, device, root, target] = line.split(' ');
    return { id, parent, device, root, target };
  });
  const only = (target: string) => {
    const found = mounts.filter((each) => each.target === target);
    if (found.length !== 1) throw new Error(`the container cannot be entered: ${found.length} mounts at ${target}, expected 1`);
    return found[0]!;
  };
  for (const each of entry) {
    if (each.kind !== 'bind') throw new Error(`entry ${each.target} is no mount`);
    const mount = only(each.target);
    const isBelow = mount.parent === only(dirname(each.target)).id;
    if (!isBelow || mount.device !== deviceName(statSync(each.source).dev) || mount.root !== `/${basename(each.source)}`)
      throw new Error(`the container cannot be entered: something else is mounted at ${each.target}`);
  }
}

/** MAJOR:MINOR as the kernel writes it, from the number that stat(2) gives. */
function deviceName(dev: number): string {
  return `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`;
}
