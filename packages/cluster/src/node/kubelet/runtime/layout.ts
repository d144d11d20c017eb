/** One thing that appears in a container's root. Order matters: later ones cover earlier ones. */
export type RootEntry =
  | { readonly kind: 'bind'; readonly source: string; readonly target: string; readonly isReadOnly: boolean }
  | { readonly kind: 'link'; readonly target: string; readonly to: string }
  | { readonly kind: 'folder'; readonly target: string; readonly mode: number }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly mode: number }
  | { readonly kind: 'dev' | 'proc'; readonly target: '/dev' | '/proc' };

export interface MachineFacts {
  /** Which of /bin, /sbin, /lib, /lib64 … are links into /usr here. */
  readonly usrLinks: readonly string[];
  /** Paths under /etc that exist here and hold no secrets. */
  readonly sharedEtc: readonly string[];
  /** Of `SENSITIVE_PROC`, those that exist here. */
  readonly sensitiveProc: readonly { readonly path: string; readonly isFolder: boolean }[];
}

export const USR_LINKS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
export const SHARED_ETC = [
  '/etc/alternatives',
  '/etc/ca-certificates',
  '/etc/debian_version',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/magic',
  '/etc/mime.types',
  '/etc/os-release',
  '/etc/protocols',
  '/etc/services',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/terminfo',
];
/** What runc makes read-only (first group) or empty (second). bwrap alone leaves /proc/sys writable for uid 0. */
export const READ_ONLY_PROC = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
export const MASKED_PROC = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
];
export const SENSITIVE_PROC = [...READ_ONLY_PROC, ...MASKED_PROC];

const EMPTY_FOLDERS: readonly [path: string, mode: number][] = [
  ['/root', 0o700],
  ['/home', 0o755],
  ['/opt', 0o755],
  ['/srv', 0o755],
  ['/mnt', 0o755],
  ['/media', 0o755],
  ['/var', 0o755],
  ['/var/cache', 0o755],
  ['/var/lib', 0o755],
  ['/var/log', 0o755],
  ['/var/spool', 0o755],
];

export interface BaseRoot {
  /** Folder of this machine that becomes /etc. */
  readonly etc: string;
  /** The program folder of a busybox image stands at /bin instead of the link into /usr. */
  readonly binFolder?: string;
  /** readOnlyRootFilesystem: then nothing but volumes can be written, /tmp included. */
  readonly isReadOnly: boolean;
}

/** What every container sees before its image and volumes add to it. */
export function renderBaseRoot(facts: MachineFacts, base: BaseRoot): RootEntry[] {
  const scratch = (target: string, mode: number): RootEntry => ({ kind: base.isReadOnly ? 'folder' : 'tmpfs', target, mode });
  const links = facts.usrLinks.filter((target) => target !== '/bin' || base.binFolder === undefined);
  return [
    { kind: 'bind', source: '/usr', target: '/usr', isReadOnly: true },
    ...links.map((target): RootEntry => ({ kind: 'link', target, to: `usr${target}` })),
    ...(base.binFolder === undefined ? [] : [{ kind: 'bind', source: base.binFolder, target: '/bin', isReadOnly: true } as const]),
    ...EMPTY_FOLDERS.map(([target, mode]): RootEntry => ({ kind: 'folder', target, mode })),
    { kind: 'bind', source: base.etc, target: '/etc', isReadOnly: base.isReadOnly },
    ...facts.sharedEtc.map((path): RootEntry => ({ kind: 'bind', source: path, target: path, isReadOnly: true })),
    scratch('/tmp', 0o1777),
    scratch('/var/tmp', 0o1777),
    scratch('/run', 0o755),
    { kind: 'link', target: '/var/run', to: '/run' },
    { kind: 'folder', target: '/run/lock', mode: 0o1777 },
  ];
}

/** /dev and /proc with what must be covered there. `emptyFolder` is a read-only empty folder of this machine. */
export function renderKernelFolders(facts: MachineFacts, emptyFolder: string): RootEntry[] {
  return [
    { kind: 'dev', target: '/dev' },
    { kind: 'proc', target: '/proc' },
    ...facts.sensitiveProc.map(({ path, isFolder }): RootEntry => {
      const source = READ_ONLY_PROC.includes(path) ? path : isFolder ? emptyFolder : '/dev/null';
      return { kind: 'bind', source, target: path, isReadOnly: true };
    }),
  ];
}

/**
 * /usr is the machine's, read-only, so that nothing can be mounted where no file or folder is. For a target that is missing there, the deepest
 * existing folder above it becomes a tmpfs with all its former content bound back, which takes new mount points.
 *
 * @param read what the folder holds: names of links with where they lead, others without; undefined when it is no folder
 */
export function openReadOnlyFolders(
  targets: readonly string[],
  read: (folder: string) => ReadonlyMap<string, string | undefined> | undefined,
  exists: (path: string) => boolean,
): RootEntry[] {
  const opened = new Set<string>();
  return targets.flatMap((target): RootEntry[] => {
    if (!target.startsWith('/usr/') || exists(target)) return [];
    let folder = target;
    while (!exists(folder)) folder = folder.slice(0, folder.lastIndexOf('/'));
    const content = opened.has(folder) || folder === '/usr' ? undefined : read(folder);
    if (content === undefined) return [];
    opened.add(folder);
    const children = [...content].map(([name, link]): RootEntry => {
      const path = `${folder}/${name}`;
      return link === undefined ? { kind: 'bind', source: path, target: path, isReadOnly: true } : { kind: 'link', target: path, to: link };
    });
    return [{ kind: 'tmpfs', target: folder, mode: 0o755 }, ...children];
  });
}

/** `/var/run` is a link to /run in every container: what is mounted below it must be named below /run. */
export function throughLinks(path: string): string {
  return path === '/var/run' || path.startsWith('/var/run/') ? path.slice('/var'.length) : path;
}
