import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { PlannedFile } from './volume-plan.ts';

const DATA = '..data';

/**
 * Makes `folder` hold exactly `files`, changed all at once: contents live in a hidden folder that the link `..data` names, and what
 * programs open are links through it (kubelet's atomic writer; programs watch `..data` for changes).
 *
 * @param group owner group and group-readable files, for `fsGroup`
 * @returns false when everything was so already
 */
export function writeAtomicFolder(folder: string, files: readonly PlannedFile[], stamp: string, group?: number): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const current = currentTarget(folder);
  if (current !== undefined && holds(join(folder, current), files)) return false;
  const fresh = freeName(folder, `..${stamp}`);
  mkdirSync(join(folder, fresh), { mode: 0o755 });
  for (const file of files) {
    const path = join(folder, fresh, file.path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, file.content);
    chmodSync(path, group === undefined ? file.mode : file.mode | 0o440);
    if (group !== undefined) chownSync(path, 0, group);
  }
  symlinkSync(fresh, join(folder, `${DATA}_tmp`));
  renameSync(join(folder, `${DATA}_tmp`), join(folder, DATA));
  linkVisible(folder, new Set(files.map(({ path }) => path.split('/')[0]!)));
  if (current !== undefined) rmSync(join(folder, current), { recursive: true, force: true });
  return true;
}

function linkVisible(folder: string, wanted: ReadonlySet<string>): void {
  const present = new Set(readdirSync(folder).filter((name) => !name.startsWith('..')));
  for (const name of wanted) if (!present.has(name)) symlinkSync(join(DATA, name), join(folder, name));
  for (const name of present) if (!wanted.has(name)) rmSync(join(folder, name), { force: true });
}

function currentTarget(folder: string): string | undefined {
  try {
    return readlinkSync(join(folder, DATA));
  } catch {
    return undefined;
  }
}

function freeName(folder: string, wanted: string): string {
  const taken = new Set(readdirSync(folder));
  let name = wanted;
  for (let number = 1; taken.has(name); number++) name = `${wanted}.${number}`;
  return name;
}

function holds(folder: string, files: readonly PlannedFile[]): boolean {
  if (countFiles(folder) !== new Set(files.map(({ path }) => path)).size) return false;
  return files.every(({ path, content, mode }) => {
    try {
      return (statSync(join(folder, path)).mode & mode) === mode && readFileSync(join(folder, path)).equals(content);
    } catch {
      return false;
    }
  });
}

function countFiles(folder: string): number {
  let count = 0;
  for (const name of readdirSync(folder)) count += lstatSync(join(folder, name)).isDirectory() ? countFiles(join(folder, name)) : 1;
  return count;
}
