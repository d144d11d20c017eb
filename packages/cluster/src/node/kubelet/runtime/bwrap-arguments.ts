import type { RootEntry } from './layout.ts';
import { SETUP_CAPABILITIES } from './security.ts';

export interface Sandbox {
  readonly hostname: string;
  readonly root: readonly RootEntry[];
  readonly isRootReadOnly: boolean;
  /** Descriptor that bwrap writes `{"child-pid": N}` and `{"exit-code": N}` to. */
  readonly statusFd: number;
  /** Descriptor of a PID namespace to join; without, the container gets one of its own. */
  readonly pidNamespaceFd?: number;
}

/**
 * Options of bubblewrap(1) for one container: own PID, IPC, UTS and mount namespaces in the network namespace of the caller. They travel
 * through `--args FD`, so that the machine's paths do not stand in the container's /proc/1/cmdline.
 *
 * In a joined PID namespace `--sync-fd` keeps bubblewrap's own init above the program, as everything that looks for the program expects; it also
 * closes the descriptor before the program begins.
 */
export function renderBwrapArguments(sandbox: Sandbox): string[] {
  return [
    ...(sandbox.pidNamespaceFd === undefined
      ? ['--unshare-pid']
      : ['--pidns', String(sandbox.pidNamespaceFd), '--sync-fd', String(sandbox.pidNamespaceFd)]),
    '--unshare-ipc',
    '--unshare-uts',
    '--hostname',
    sandbox.hostname,
    '--die-with-parent',
    '--cap-drop',
    'ALL',
    ...SETUP_CAPABILITIES.flatMap((name) => ['--cap-add', `CAP_${name.toUpperCase()}`]),
    '--unsetenv',
    'LD_LIBRARY_PATH',
    '--json-status-fd',
    String(sandbox.statusFd),
    ...withParents(sandbox.root).flatMap(renderEntry),
    ...(sandbox.isRootReadOnly ? ['--remount-ro', '/'] : []),
    '--chdir',
    '/',
  ];
}

/** Folders above a target are made by bubblewrap for root only: they are asked for by name, open to all. */
function withParents(entries: readonly RootEntry[]): RootEntry[] {
  const known = new Set<string>();
  return entries.flatMap((entry) => {
    const parts = entry.target.split('/').slice(1, -1);
    const parents = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`).filter((path) => !known.has(path));
    for (const path of [...parents, entry.target]) known.add(path);
    return [...parents.map((target): RootEntry => ({ kind: 'folder', target, mode: 0o755 })), entry];
  });
}

function renderEntry(entry: RootEntry): string[] {
  switch (entry.kind) {
    case 'bind':
      return [entry.isReadOnly ? '--ro-bind' : '--bind', entry.source, entry.target];
    case 'link':
      return ['--symlink', entry.to, entry.target];
    case 'folder':
      return ['--perms', renderMode(entry.mode), '--dir', entry.target];
    case 'tmpfs':
      return ['--perms', renderMode(entry.mode), '--tmpfs', entry.target];
    case 'dev':
      return ['--dev', '/dev'];
    case 'proc':
      return ['--proc', '/proc'];
    default:
      entry satisfies never;
      throw new Error('unknown root entry');
  }
}

function renderMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
