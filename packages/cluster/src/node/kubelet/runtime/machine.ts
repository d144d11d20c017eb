import { execFileSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { unmount } from '../../libc.ts';
import { BUSYBOX_SCRIPTS } from './busybox.ts';
import { installEntry } from './entry.ts';
import { type MachineFacts, type RootEntry, SENSITIVE_PROC, SHARED_ETC, USR_LINKS } from './layout.ts';
import { keepInheritedFiles, mountTmpfs, remountReadOnly } from './native.ts';

/** What containers of one node are made with. */
export interface Machine {
  readonly facts: MachineFacts;
  /** A copy on a read-only mount: the container's pid 1 is bwrap, and uid 0 inside could otherwise write to /proc/1/exe. */
  readonly bwrap: string;
  /** Environment for the programs of this machine that start containers; nothing of the pod's is in it. */
  readonly launchEnv: Readonly<Record<string, string>>;
  /** tmpfs of this node for what must not survive: secrets, tokens, synthetic files. */
  readonly runDir: string;
  /** What every container's root ends with: the node's way in. */
  readonly entry: readonly RootEntry[];
  /** Read-only folders shown in every container, in order. */
  readonly sharedBinds: readonly { readonly source: string; readonly target: string }[];
  /** An empty folder nobody can write to. */
  readonly emptyFolder: string;
}

export class MissingToolError extends Error {
  readonly code = 'MISSING_TOOL';
  override readonly name = 'MissingToolError';
}

export interface MachineOptions {
  readonly runDir: string;
  /** Unpacked packages (`ImagePaths.toolsRoot`). */
  readonly toolsRoot: string;
}

/** Folder of scripts that make cached tools runnable, last on every container's PATH. */
export const CONTAINER_BIN = '/opt/palisade/bin';
export const CONTAINER_BUSYBOX_BIN = '/opt/palisade/busybox';

/**
 * Looks at the machine and lays out the node's private tmpfs. The caller must be root in a mount namespace of its own, with private
 * propagation (the supervisor's), because it mounts.
 *
 * @throws MissingToolError naming the program to install
 */
export function prepareMachine(options: MachineOptions): Machine {
  const { runDir, toolsRoot } = options;
  for (const tool of ['nsenter', 'setpriv', 'ldd', 'sh', 'env']) if (findProgram(tool) === undefined) throw missing(tool);
  keepInheritedFiles();
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  mountTmpfs(runDir, 'mode=0700');
  const fixed = join(runDir, 'fixed');
  mkdirSync(fixed);
  mountTmpfs(fixed, 'mode=0755');
  try {
    const bwrap = installBwrap(fixed, toolsRoot);
    const entry = installEntry(fixed);
    mkdirSync(join(fixed, 'empty'));
    installTools(join(fixed, 'bin'), toolsRoot);
    installBusybox(join(fixed, 'busybox'), toolsRoot);
    remountReadOnly(fixed);
    return {
      facts: readFacts(),
      bwrap,
      launchEnv: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LD_LIBRARY_PATH: libraryPath(toolsRoot) },
      runDir,
      entry,
      emptyFolder: join(fixed, 'empty'),
      sharedBinds: [
        ...(existsSync(toolsRoot) ? [{ source: toolsRoot, target: '/opt/palisade/tools' }] : []),
        { source: join(fixed, 'bin'), target: CONTAINER_BIN },
        { source: join(fixed, 'busybox'), target: CONTAINER_BUSYBOX_BIN },
      ],
    };
  } catch (error) {
    releaseMachine(runDir);
    throw error;
  }
}

/** Undoes `prepareMachine`. */
export function releaseMachine(runDir: string): void {
  for (const target of [join(runDir, 'fixed'), runDir]) {
    try {
      unmount(target);
    } catch {
      // Not mounted (any more): that is what was wanted.
    }
  }
}

function missing(tool: string): MissingToolError {
  return new MissingToolError(`Cannot run containers: program "${tool}" not found on PATH; install it or run "npm run setup"`);
}

function findProgram(name: string, path = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function libraryPath(root: string): string {
  return ['usr/lib', 'lib'].flatMap((folder) => [join(root, folder, libraryFolder()), join(root, folder)]).join(':');
}

function libraryFolder(): string {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}

/** The machine's own bwrap, else the cached one: the real program, never a script around it. */
function installBwrap(fixed: string, toolsRoot: string): string {
  const source = [join(toolsRoot, 'usr/bin/bwrap'), '/usr/bin/bwrap', '/usr/local/bin/bwrap'].find(isExecutable);
  if (source === undefined) throw missing('bwrap');
  const target = join(fixed, 'bwrap');
  cpSync(realpathSync(source), target, { mode: constants.COPYFILE_EXCL });
  return target;
}

/** curl must work in every container, also on machines that lack it. */
function installTools(folder: string, toolsRoot: string): void {
  mkdirSync(folder);
  const libraries = libraryPath('/opt/palisade/tools');
  for (const tool of ['curl']) {
    if (!existsSync(join(toolsRoot, 'usr/bin', tool))) continue;
    const script = `#!/bin/sh\nLD_LIBRARY_PATH=${libraries} exec /opt/palisade/tools/usr/bin/${tool} "$@"\n`;
    writeFileSync(join(folder, tool), script, { mode: 0o755 });
  }
}

/** One link for each program that busybox can be. */
function installBusybox(folder: string, toolsRoot: string): void {
  mkdirSync(folder);
  const source = [join(toolsRoot, 'bin/busybox'), join(toolsRoot, 'usr/bin/busybox'), '/bin/busybox'].find(isExecutable);
  if (source === undefined) return;
  cpSync(realpathSync(source), join(folder, 'busybox'));
  const applets = execFileSync(source, ['--list'], { encoding: 'utf8' }).split('\n');
  for (const applet of applets) {
    if (applet === '' || applet === 'busybox') continue;
    const script = BUSYBOX_SCRIPTS[applet];
    // busybox's own shell runs its own programs whatever PATH says: the scripts would not be found.
    if (applet === 'sh' || applet === 'ash')
      symlinkSync(existsSync('/usr/bin/bash') ? '/usr/bin/bash' : '/usr/bin/sh', join(folder, applet));
    else if (script === undefined) symlinkSync('busybox', join(folder, applet));
    else writeFileSync(join(folder, applet), script, { mode: 0o755 });
  }
}

function readFacts(): MachineFacts {
  return {
    usrLinks: USR_LINKS.filter((path) => isLink(path) && readlinkSync(path).replace(/^\//, '') === `usr${path}`),
    sharedEtc: SHARED_ETC.filter((path) => existsSync(path)),
    sensitiveProc: SENSITIVE_PROC.filter((path) => existsSync(path)).map((path) => ({ path, isFolder: statSync(path).isDirectory() })),
  };
}

function isLink(path: string): boolean {
  return existsSync(path) && lstatSync(path).isSymbolicLink();
}
