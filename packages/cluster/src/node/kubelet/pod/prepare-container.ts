import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundImage, ImageFile, PreparedImage } from '../../../images/index.ts';
import { expandAll } from '../env/environment.ts';
import { ContainerConfigError } from '../env/fields.ts';
import type { Container, Pod, Volume } from '../pod-types.ts';
import type { Sandbox } from '../runtime/bwrap-arguments.ts';
import { DEFAULT_PATH, type ProcessSetting } from '../runtime/command.ts';
import { openReadOnlyFolders, type RootEntry, renderBaseRoot, renderKernelFolders, throughLinks } from '../runtime/layout.ts';
import { CONTAINER_BIN, CONTAINER_BUSYBOX_BIN, type Machine } from '../runtime/machine.ts';
import { resolveCredentials } from '../runtime/security.ts';
import { resolveMounts } from '../volumes/mounts.ts';
import { type PodFiles, writeEtc } from './pod-files.ts';

export interface PrepareInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly image: FoundImage;
  readonly machine: Machine;
  /** tmpfs folder of this container; must not exist. */
  readonly folder: string;
  readonly podFiles: PodFiles;
  readonly hostname: string;
  readonly volumeFolder: (volume: string) => string | undefined;
  /** The pod's variables for this container (`resolveEnvironment`). */
  readonly podEnv: Readonly<Record<string, string>>;
}

export interface PreparedContainer {
  readonly sandbox: Omit<Sandbox, 'statusFd' | 'pidNamespaceFd'>;
  readonly setting: Omit<ProcessSetting, 'hasTerminal'>;
  readonly command: readonly string[];
  /** On this machine. */
  readonly terminationLog: string;
  readonly flowLog: string | undefined;
  release(): void;
}

const DEFAULT_TERMINATION_LOG = '/dev/termination-log';

/**
 * Everything about a container that must be known before it starts; writes its synthetic files.
 *
 * @throws ContainerConfigError, SecurityContextError, ImageConfigError
 */
export function prepareContainer(input: PrepareInput): PreparedContainer {
  const { pod, container, image, machine, folder } = input;
  const { definition } = image;
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const credentials = resolveCredentials(pod.spec, container, definition.user ?? { uid: 0, gid: 0 });
  const imageEnv = { PATH: DEFAULT_PATH, ...definition.env };
  const prepared: PreparedImage =
    definition.prepare?.({
      image: container.image,
      podName: pod.metadata.name ?? '',
      podNamespace: pod.metadata.namespace ?? '',
      containerName: container.name,
      annotations: pod.metadata.annotations ?? {},
      env: { ...imageEnv, ...input.podEnv },
    }) ?? {};
  const env = withTools({
    HOSTNAME: input.hostname,
    HOME: credentials.uid === 0 ? '/root' : '/',
    ...imageEnv,
    ...prepared.env,
    ...input.podEnv,
    ...(container.tty ? { TERM: 'xterm' } : {}),
  });
  const command = commandOf(container, input.podEnv, prepared.entrypoint ?? definition.entrypoint, prepared.args ?? definition.args);
  const workingDir = container.workingDir || definition.workingDir || '/';

  const etc = join(folder, 'etc');
  writeEtc(etc, definition, machine.facts, (path) => statSync(path).isDirectory());
  const mounts = resolveMounts(withReadOnlyVolumes(container, pod), input.volumeFolder, input.podEnv);
  const flowLog = definition.flowLog === undefined ? undefined : join(folder, 'flow.log');
  if (flowLog !== undefined) writeWith(flowLog, '', 0o666);
  const terminationLog = join(folder, 'termination-log');
  writeWith(terminationLog, '', 0o666);
  const files = [...(definition.files ?? []), ...(prepared.files ?? [])].map((file, index) => writeFile(folder, file, index));
  const binds = [...machine.sharedBinds, ...(definition.binds ?? []), ...(prepared.binds ?? [])];
  const isReadOnly = credentials.isRootReadOnly;
  const added: RootEntry[] = [
    ...binds.map(({ source, target }): RootEntry => ({ kind: 'bind', source, target, isReadOnly: true })),
    ...files,
    ...podFileEntries(container, input.podFiles),
    ...(flowLog === undefined ? [] : [{ kind: 'bind', source: flowLog, target: definition.flowLog!.path, isReadOnly: false } as const]),
    ...mounts.entries,
    {
      kind: 'bind',
      source: terminationLog,
      target: throughLinks(container.terminationMessagePath || DEFAULT_TERMINATION_LOG),
      isReadOnly: false,
    },
  ];
  const base = {
    etc,
    isReadOnly,
    ...(definition.binFolder === undefined ? {} : { binFolder: join(machine.runDir, 'fixed', definition.binFolder) }),
  };
  const targets = added.map(({ target }) => target);
  return {
    sandbox: {
      hostname: input.hostname,
      isRootReadOnly: isReadOnly,
      root: [
        ...renderBaseRoot(machine.facts, base),
        ...renderKernelFolders(machine.facts, machine.emptyFolder),
        ...openReadOnlyFolders(targets, readFolder, existsSync),
        ...(isCovered(workingDir, targets) ? [] : [{ kind: 'folder', target: workingDir, mode: 0o755 } as const]),
        ...added,
        ...machine.entry,
      ],
    },
    setting: { credentials, env, workingDir },
    command,
    terminationLog,
    flowLog,
    release: mounts.release,
  };
}

/** Kubernetes, "Define a command and arguments": `command` replaces both ENTRYPOINT and CMD, `args` alone only CMD. */
function commandOf(
  container: Container,
  env: Readonly<Record<string, string>>,
  entrypoint: readonly string[] = [],
  cmd: readonly string[] = [],
): string[] {
  const command = expandAll(container.command?.length ? container.command : undefined, env);
  const args = expandAll(container.args?.length ? container.args : undefined, env);
  const words = command === undefined ? [...entrypoint, ...(args ?? cmd)] : [...command, ...(args ?? [])];
  if (words.length === 0) throw new ContainerConfigError(`no command specified for container "${container.name}": its image names none`);
  return words;
}

/** curl is promised in every container, whatever PATH its image or pod sets. */
function withTools(env: Record<string, string>): Record<string, string> {
  return { ...env, PATH: `${env['PATH'] ?? DEFAULT_PATH}:${CONTAINER_BIN}` };
}

/**
 * `readOnly` of a claim's volume holds for every mount of it. What the node goes on writing to is never a container's to change, as in Kubernetes: a link
 * planted there would lead the node's writes out of the volume.
 */
function withReadOnlyVolumes(container: Container, pod: Pod): Container {
  const isReadOnly = (volume: Volume) =>
    volume.persistentVolumeClaim?.readOnly || volume.configMap || volume.secret || volume.projected || volume.downwardAPI;
  const readOnly = new Set((pod.spec.volumes ?? []).filter(isReadOnly).map(({ name }) => name));
  if (readOnly.size === 0 || container.volumeMounts === undefined) return container;
  return {
    ...container,
    volumeMounts: container.volumeMounts.map((each) => (readOnly.has(each.name) ? { ...each, readOnly: true } : each)),
  };
}

function podFileEntries(container: Container, files: PodFiles): RootEntry[] {
  const mounted = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath.replace(/\/+$/, '')));
  return [
    { target: '/etc/hosts', source: files.hosts },
    { target: '/etc/hostname', source: files.hostname },
    { target: '/etc/resolv.conf', source: files.resolvConf },
  ]
    .filter(({ target }) => !mounted.has(target))
    .map(({ target, source }) => ({ kind: 'bind', source, target, isReadOnly: false }));
}

function writeFile(folder: string, file: ImageFile, index: number): RootEntry {
  const source = join(folder, `file-${index}`);
  writeWith(source, file.content, file.mode ?? 0o644);
  return { kind: 'bind', source, target: throughLinks(file.path), isReadOnly: !file.isWritable };
}

/** Modes exactly as given, whatever the process's umask. */
function writeWith(path: string, content: string | Uint8Array, mode: number): void {
  writeFileSync(path, content);
  chmodSync(path, mode);
}

/** Does the folder come with something that is mounted, or with the machine's /usr? */
function isCovered(path: string, targets: readonly string[]): boolean {
  return [...targets, '/usr', '/proc', '/dev', '/bin', '/lib', '/sbin', '/etc', CONTAINER_BUSYBOX_BIN].some(
    (target) => path === target || path.startsWith(`${target}/`),
  );
}

function readFolder(folder: string): ReadonlyMap<string, string | undefined> | undefined {
  if (!statSync(folder).isDirectory()) return undefined;
  return new Map(
    readdirSync(folder).map((name) => [
      name,
      lstatSync(join(folder, name)).isSymbolicLink() ? readlinkSync(join(folder, name)) : undefined,
    ]),
  );
}
