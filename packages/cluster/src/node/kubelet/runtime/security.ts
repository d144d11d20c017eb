import type { ImageUser } from '../../../images/index.ts';
import type { Container, PodSpec } from '../pod-types.ts';
import { ENTRY_WORDS } from './entry.ts';

/** How a container's first process may act. */
export interface ProcessCredentials {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, sorted; fsGroup is among them. */
  readonly groups: readonly number[];
  /** Lower case without `cap_`: the bounding set, and for uid 0 the effective one. */
  readonly capabilities: readonly string[];
  readonly isRootReadOnly: boolean;
}

/** A securityContext that cannot be honoured; becomes CreateContainerConfigError. */
export class SecurityContextError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SecurityContextError';
  }
}

/** containerd's default capabilities (`oci.defaultUnixCaps`). */
const DEFAULT_CAPABILITIES = [
  'audit_write',
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'mknod',
  'net_bind_service',
  'net_raw',
  'setfcap',
  'setgid',
  'setpcap',
  'setuid',
  'sys_chroot',
] as const;

/** Confined to the pod's own namespaces, so that they may be added. */
const ADDABLE_CAPABILITIES = ['net_admin', 'net_broadcast', 'ipc_lock', 'ipc_owner', 'lease', 'sys_nice', 'dac_read_search'] as const;

const CONFINED = new Set<string>([...DEFAULT_CAPABILITIES, ...ADDABLE_CAPABILITIES]);

/**
 * What a container is set up with, until setpriv leaves the pod's share: enough for setpriv, and one that does no harm and no container can have, so that
 * nobody in a process namespace that is joined may trace what still holds them.
 */
export const SETUP_CAPABILITIES: readonly string[] = [...CONFINED, 'wake_alarm'];

/**
 * Containers are processes of this machine without a user namespace. A capability that reaches past the pod's namespaces
 * (SYS_ADMIN, SYS_PTRACE, SYS_MODULE, SYS_TIME …) would be the machine's own: it is refused when asked for by name. `privileged`
 * and `ALL` give everything that stays inside the pod.
 *
 * @param imageUser who runs when the pod does not say
 */
export function resolveCredentials(pod: PodSpec, container: Container, imageUser: ImageUser): ProcessCredentials {
  const own = container.securityContext ?? {};
  const shared = pod.securityContext ?? {};
  const uid = own.runAsUser ?? shared.runAsUser ?? imageUser.uid;
  const gid = own.runAsGroup ?? shared.runAsGroup ?? (own.runAsUser === undefined && shared.runAsUser === undefined ? imageUser.gid : 0);
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) && uid === 0) {
    throw new SecurityContextError(
      own.runAsUser === undefined && shared.runAsUser === undefined
        ? 'container has runAsNonRoot and image will run as root'
        : "container's runAsUser breaks non-root policy",
    );
  }
  const profile = own.seccompProfile ?? shared.seccompProfile;
  if (profile?.type === 'Localhost') {
    throw new SecurityContextError(
      `Cannot load seccomp profile "${profile.localhostProfile ?? ''}" for container "${container.name}": nodes here have no profiles`,
    );
  }
  const groups = new Set(shared.supplementalGroups ?? []);
  if (shared.fsGroup !== undefined) groups.add(shared.fsGroup);
  return {
    uid,
    gid,
    groups: [...groups].sort((a, b) => a - b),
    capabilities: resolveCapabilities(container),
    isRootReadOnly: own.readOnlyRootFilesystem ?? false,
  };
}

function resolveCapabilities(container: Container): string[] {
  const { privileged = false, capabilities = {} } = container.securityContext ?? {};
  const drop = (capabilities.drop ?? []).map(normalise);
  const add = (capabilities.add ?? []).map(normalise);
  const wantsAll = privileged || add.includes('all');
  const held = new Set<string>(drop.includes('all') ? [] : DEFAULT_CAPABILITIES);
  if (wantsAll) for (const name of CONFINED) held.add(name);
  for (const name of drop) held.delete(name);
  for (const name of add) {
    if (name === 'all') continue;
    if (!CONFINED.has(name)) {
      throw new SecurityContextError(
        `Cannot add capability "${name.toUpperCase()}" to container "${container.name}": on one machine it would reach outside the pod; ` +
          `can be added: ${ADDABLE_CAPABILITIES.map((each) => each.toUpperCase()).join(', ')}`,
      );
    }
    held.add(name);
  }
  return [...held].sort();
}

function normalise(name: string): string {
  return name.toLowerCase().replace(/^cap_/, '');
}

/**
 * The words that make a command run with these credentials (util-linux `setpriv`). They come before anything that the pod
 * chose, its variables included: LD_PRELOAD must not meet the capabilities that are being given up.
 */
export function renderSetpriv(credentials: ProcessCredentials): string[] {
  const bounding = ['-all', ...credentials.capabilities.map((name) => `+${name}`)].join(',');
  return [
    ...ENTRY_WORDS,
    '--no-new-privs',
    `--bounding-set=${bounding}`,
    '--inh-caps=-all',
    '--ambient-caps=-all',
    `--reuid=${credentials.uid}`,
    `--regid=${credentials.gid}`,
    ...(credentials.groups.length === 0 ? ['--clear-groups'] : [`--groups=${credentials.groups.join(',')}`]),
    '--',
  ];
}
