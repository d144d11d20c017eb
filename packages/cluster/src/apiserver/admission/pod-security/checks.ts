import { allContainers, type Container, named, type PodFacts, type PodSpec, quoted, type SecurityContext } from './pod.ts';

/** Pod Security Standards; each level includes the one before. */
export type Level = 'privileged' | 'baseline' | 'restricted';

/** What is wrong, undefined when nothing is: `reason (detail)`. */
type Check = (pod: PodFacts) => string | undefined;

const BASELINE_CAPABILITIES = new Set(
  'AUDIT_WRITE,CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,MKNOD,NET_BIND_SERVICE,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT'.split(','),
);
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);
const RESTRICTED_VOLUMES = new Set(
  'name,configMap,csi,downwardAPI,emptyDir,ephemeral,image,persistentVolumeClaim,projected,secret'.split(','),
);
const SELINUX_TYPES = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);
const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

const report = (reason: string, details: readonly string[]): string | undefined =>
  details.length === 0 ? undefined : `${reason} (${details.join('; ')})`;

const namesWhere = (spec: PodSpec, isBad: (context: SecurityContext, container: Container) => boolean): string[] =>
  allContainers(spec)
    .filter((container) => isBad(container.securityContext ?? {}, container))
    .map(({ name }) => name);

function containerCheck(reason: string, isBad: (context: SecurityContext) => boolean, must: string): Check {
  return ({ spec }) => {
    const names = namesWhere(spec, isBad);
    return report(reason, names.length === 0 ? [] : [`${named('container', names)} ${must}`]);
  };
}

/** The pod's own context and those of its containers, as subjects of a sentence. */
function subjects(spec: PodSpec, isBad: (context: SecurityContext) => boolean): string[] {
  const names = namesWhere(spec, isBad);
  return [...(isBad(spec.securityContext ?? {}) ? ['pod'] : []), ...(names.length > 0 ? [named('container', names)] : [])];
}

const addedBeyond = (spec: PodSpec, allowed: ReadonlySet<string>): string[] => {
  const forbidden = (context: SecurityContext) => (context.capabilities?.add ?? []).filter((capability) => !allowed.has(capability));
  const names = namesWhere(spec, (context) => forbidden(context).length > 0);
  const all = [...new Set(allContainers(spec).flatMap(({ securityContext = {} }) => forbidden(securityContext)))].sort();
  return names.length === 0 ? [] : [`${named('container', names)} must not include ${quoted(all)} in securityContext.capabilities.add`];
};

const isWindows = ({ spec }: PodFacts): boolean => spec.os?.name === 'windows';
const isSeccompGood = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';

/** Hosts that probes and handlers of a container ask. */
function hostsOf({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): string[] {
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return handlers.flatMap((handler) => [handler?.httpGet?.host ?? '', handler?.tcpSocket?.host ?? '']).filter((host) => host !== '');
}

/** By the real server's names; it reports in this order. */
const BASELINE: Readonly<Record<string, Check>> = {
  appArmorProfile({ spec, annotations }) {
    const isBad = ({ appArmorProfile }: SecurityContext) => appArmorProfile?.type === 'Unconfined';
    const byField = subjects(spec, isBad).map((who) => `${who} must not set AppArmor profile type to "Unconfined"`);
    const byAnnotation = Object.entries(annotations)
      .filter(
        ([name, value]) =>
          name.startsWith(APPARMOR_ANNOTATION) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'),
      )
      .map(([name, value]) => `annotation "${name}=${value}"`);
    return report('forbidden AppArmor profile', [...byField, ...byAnnotation]);
  },
  capabilities: ({ spec }) => report('non-default capabilities', addedBeyond(spec, BASELINE_CAPABILITIES)),
  hostNamespaces: ({ spec }) => {
    const set = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
    return report('host namespaces', set.length === 0 ? [] : [set.map((field) => `${field}=true`).join(', ')]);
  },
  hostPathVolumes: ({ spec }) => {
    const names = (spec.volumes ?? []).filter((volume) => volume['hostPath'] !== undefined).map(({ name }) => name);
    return report('hostPath volumes', names.length === 0 ? [] : [named('volume', names)]);
  },
  hostPorts: ({ spec }) => {
    const portsOf = ({ ports = [] }: Container) => ports.map(({ hostPort = 0 }) => hostPort).filter((port) => port !== 0);
    const names = namesWhere(spec, (_, container) => portsOf(container).length > 0);
    const ports = [...new Set(allContainers(spec).flatMap(portsOf))];
    const uses = `use${names.length === 1 ? 's' : ''} hostPort${ports.length === 1 ? '' : 's'} ${ports.join(', ')}`;
    return report('hostPort', names.length === 0 ? [] : [`${named('container', names)} ${uses}`]);
  },
  windowsHostProcess: ({ spec }) => {
    const who = subjects(spec, (context) => context.windowsOptions?.hostProcess === true);
    return report(
      'hostProcess',
      who.length === 0 ? [] : [`${who.join(' and ')} must not set securityContext.windowsOptions.hostProcess=true`],
    );
  },
  hostProbesAndHostLifecycle: ({ spec }) => {
    const names = [...new Set(namesWhere(spec, (_, container) => hostsOf(container).length > 0))].sort();
    const hosts = [...new Set(allContainers(spec).flatMap(hostsOf))].sort();
    const uses = `use${names.length === 1 ? 's' : ''} probe or lifecycle host${hosts.length === 1 ? '' : 's'} ${quoted(hosts)}`;
    return report('probe or lifecycle host', names.length === 0 ? [] : [`${named('container', names)} ${uses}`]);
  },
  privileged: containerCheck('privileged', (context) => context.privileged === true, 'must not set securityContext.privileged=true'),
  procMount: ({ spec }) => {
    const names = namesWhere(spec, ({ procMount }) => procMount !== undefined && procMount !== 'Default');
    const values = [...new Set(allContainers(spec).map((container) => container.securityContext?.procMount))].filter(
      (value): value is string => value !== undefined && value !== 'Default',
    );
    return report(
      'procMount',
      names.length === 0 ? [] : [`${named('container', names)} must not set securityContext.procMount to ${quoted(values)}`],
    );
  },
  seLinuxOptions: ({ spec }) => {
    const isBad = ({ seLinuxOptions: { type = '', user = '', role = '' } = {} }: SecurityContext) =>
      !SELINUX_TYPES.has(type) || user !== '' || role !== '';
    const who = subjects(spec, isBad);
    return report('seLinuxOptions', who.length === 0 ? [] : [`${who.join(' and ')} set forbidden securityContext.seLinuxOptions`]);
  },
  seccompProfile: ({ spec }) => {
    const who = subjects(spec, ({ seccompProfile }) => seccompProfile?.type === 'Unconfined');
    return report(
      'seccompProfile',
      who.length === 0 ? [] : [`${who.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined"`],
    );
  },
  sysctls: ({ spec }) => {
    const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !SAFE_SYSCTLS.has(name));
    return report('forbidden sysctls', names.length === 0 ? [] : [names.join(', ')]);
  },
};

/** Checks of the same name replace those of baseline. */
const RESTRICTED: Readonly<Record<string, Check>> = {
  allowPrivilegeEscalation: (pod) =>
    isWindows(pod)
      ? undefined
      : containerCheck(
          'allowPrivilegeEscalation != false',
          (context) => context.allowPrivilegeEscalation !== false,
          'must set securityContext.allowPrivilegeEscalation=false',
        )(pod),
  capabilities: (pod) => {
    if (isWindows(pod)) return undefined;
    const { spec } = pod;
    const names = namesWhere(spec, (context) => !context.capabilities?.drop?.includes('ALL'));
    return report('unrestricted capabilities', [
      ...(names.length > 0 ? [`${named('container', names)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...addedBeyond(spec, new Set(['NET_BIND_SERVICE'])),
    ]);
  },
  restrictedVolumes: ({ spec }) => {
    const typeOf = (volume: object) => Object.keys(volume).find((field) => !RESTRICTED_VOLUMES.has(field));
    const bad = (spec.volumes ?? []).filter((volume) => typeOf(volume) !== undefined);
    const types = [...new Set(bad.map((volume) => typeOf(volume)!))].sort();
    const uses = `use${bad.length === 1 ? 's' : ''} restricted volume type${types.length === 1 ? '' : 's'} ${quoted(types)}`;
    return report(
      'restricted volume types',
      bad.length === 0
        ? []
        : [
            `${named(
              'volume',
              bad.map(({ name }) => name),
            )} ${uses}`,
          ],
    );
  },
  runAsNonRoot: ({ spec }) => {
    const ofPod = spec.securityContext?.runAsNonRoot;
    const refusing = namesWhere(spec, ({ runAsNonRoot }) => runAsNonRoot === false);
    const silent = ofPod === true ? [] : namesWhere(spec, ({ runAsNonRoot }) => runAsNonRoot === undefined);
    return report('runAsNonRoot != true', [
      ...(ofPod === false ? ['pod must not set securityContext.runAsNonRoot=false'] : []),
      ...(refusing.length > 0 ? [`${named('container', refusing)} must not set securityContext.runAsNonRoot=false`] : []),
      ...(silent.length > 0 && ofPod === undefined
        ? [`pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true`]
        : []),
    ]);
  },
  runAsUser: ({ spec }) => {
    const who = subjects(spec, ({ runAsUser }) => runAsUser === 0);
    return report('runAsUser=0', who.length === 0 ? [] : [`${who.join(' and ')} must not set runAsUser=0`]);
  },
  seccompProfile: (pod) => {
    const { spec } = pod;
    if (isWindows(pod)) return undefined;
    const ofPod = spec.securityContext?.seccompProfile?.type;
    const bad = namesWhere(spec, ({ seccompProfile }) => seccompProfile?.type !== undefined && !isSeccompGood(seccompProfile.type));
    const silent = isSeccompGood(ofPod) ? [] : namesWhere(spec, ({ seccompProfile }) => seccompProfile?.type === undefined);
    const wrong = [...(ofPod !== undefined && !isSeccompGood(ofPod) ? ['pod'] : []), ...(bad.length > 0 ? [named('container', bad)] : [])];
    return report('seccompProfile', [
      ...(wrong.length > 0 ? [`${wrong.join(' and ')} must not set securityContext.seccompProfile.type to "Unconfined"`] : []),
      ...(silent.length > 0 && ofPod === undefined
        ? [`pod or ${named('container', silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`]
        : []),
    ]);
  },
};

/** Baseline checks that a restricted one includes. */
const INCLUDED = new Set([...Object.keys(RESTRICTED), 'hostPathVolumes']);

const BY_LEVEL: Readonly<Record<Level, readonly Check[]>> = {
  privileged: [],
  baseline: inOrder(BASELINE),
  restricted: [...inOrder(BASELINE, INCLUDED), ...inOrder(RESTRICTED)],
};

function inOrder(checks: Readonly<Record<string, Check>>, without: ReadonlySet<string> = new Set()): Check[] {
  return Object.keys(checks)
    .filter((name) => !without.has(name))
    .sort()
    .map((name) => checks[name]!);
}

/** Everything a pod does that the level forbids, in the words of the real server; empty when it may run. */
export function podViolations(level: Level, pod: PodFacts): string[] {
  return BY_LEVEL[level].map((check) => check(pod)).filter((text) => text !== undefined);
}
