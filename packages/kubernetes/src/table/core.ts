import type { KubernetesObject } from '../object.ts';
import { age, formatLabels, formatSome, nameOf, none, type RowPrinter, since, unknown, unset } from './cells.ts';

/** Rows of the core group, discovery and events. */

const sizeOf = (map: object | undefined): number => Object.keys(map ?? {}).length;

export const printNamespace: RowPrinter = (o, now) => [nameOf(o), o['status']?.phase ?? '', age(o, now)];
export const printConfigMap: RowPrinter = (o, now) => [nameOf(o), sizeOf(o['data']) + sizeOf(o['binaryData']), age(o, now)];
export const printSecret: RowPrinter = (o, now) => [nameOf(o), o['type'] ?? '', sizeOf(o['data']), age(o, now)];
export const printServiceAccount: RowPrinter = (o, now) => [nameOf(o), (o['secrets'] ?? []).length, age(o, now)];

const rolePrefix = 'node-role.kubernetes.io/';

function nodeRoles(node: KubernetesObject): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value);
  }
  return roles.size === 0 ? none : [...roles].sort().join(',');
}

export const printNode: RowPrinter = (node, now) => {
  const status = node['status'] ?? {};
  const info = status.nodeInfo ?? {};
  const ready = (status.conditions ?? []).find((c: { type: string }) => c.type === 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  const address = (type: string): string => (status.addresses ?? []).find((a: { type: string }) => a.type === type)?.address ?? none;
  return [
    nameOf(node),
    node['spec']?.unschedulable ? `${state},SchedulingDisabled` : state,
    nodeRoles(node),
    age(node, now),
    info.kubeletVersion ?? '',
    address('InternalIP'),
    address('ExternalIP'),
    info.osImage || unknown,
    info.kernelVersion || unknown,
    info.containerRuntimeVersion || unknown,
  ];
};

interface ServicePort {
  readonly port: number;
  readonly nodePort?: number;
  readonly protocol?: string;
}

const formatPort = ({ port, nodePort, protocol }: ServicePort): string => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`;

export function loadBalancerAddresses(status: KubernetesObject['status']): string {
  return (status?.loadBalancer?.ingress ?? []).map((i: { ip?: string; hostname?: string }) => i.ip || i.hostname || '').join(',');
}

function externalAddress(service: KubernetesObject): string {
  const spec = service['spec'] ?? {};
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  const external: readonly string[] = spec.externalIPs ?? [];
  if (spec.type !== 'LoadBalancer') return external.join(',') || none;
  const balancer = loadBalancerAddresses(service['status']);
  return [...(balancer ? [balancer] : []), ...external].join(',') || '<pending>';
}

export const printService: RowPrinter = (service, now) => {
  const spec = service['spec'] ?? {};
  const ports: readonly ServicePort[] = spec.ports ?? [];
  return [
    nameOf(service),
    spec.type ?? '',
    spec.clusterIPs?.[0] || spec.clusterIP || none,
    externalAddress(service),
    ports.map(formatPort).join(',') || none,
    age(service, now),
    formatLabels(spec.selector),
  ];
};

/** IPv6 addresses take brackets before a port. */
const joinHostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

export const printEndpoints: RowPrinter = (endpoints, now) => {
  const list: string[] = [];
  for (const subset of endpoints['subsets'] ?? []) {
    const addresses: readonly string[] = (subset.addresses ?? []).map((a: { ip: string }) => a.ip);
    const ports: readonly { port: number }[] = subset.ports ?? [];
    if (ports.length === 0) list.push(...addresses);
    for (const { port } of ports) list.push(...addresses.map((a) => joinHostPort(a, port)));
  }
  return [nameOf(endpoints), formatSome(list, none), age(endpoints, now)];
};

export const printEndpointSlice: RowPrinter = (slice, now) => {
  const ports = (slice['ports'] ?? []).map((p: { port?: number; name?: string }) => (p.port === undefined ? p.name || '*' : `${p.port}`));
  const addresses = (slice['endpoints'] ?? []).flatMap((e: { addresses?: string[] }) => e.addresses ?? []);
  return [nameOf(slice), slice['addressType'] ?? '', formatSome(ports, unset), formatSome(addresses, unset), age(slice, now)];
};

/** Both Event kinds: events.k8s.io renames fields of the core one. */
export const printEvent: RowPrinter = (event, now) => {
  const about = event['involvedObject'] ?? event['regarding'] ?? {};
  const first: string | undefined = event['firstTimestamp'] ?? event['deprecatedFirstTimestamp'] ?? event['eventTime'];
  const last: string | undefined = event['series']?.lastObservedTime ?? event['lastTimestamp'] ?? event['deprecatedLastTimestamp'] ?? first;
  const source = event['source'] ?? event['deprecatedSource'] ?? {};
  const component: string = source.component || event['reportingComponent'] || event['reportingController'] || '';
  const host: string = source.host || (source.component ? '' : event['reportingInstance'] || '');
  const target = [String(about.kind ?? '').toLowerCase(), about.name].filter(Boolean).join('/');
  const count: number = event['series']?.count ?? (event['count'] || event['deprecatedCount'] || 1);
  const message: string = event['message'] ?? event['note'] ?? '';
  return [
    since(last, now),
    event['type'] ?? '',
    event['reason'] ?? '',
    target,
    about.fieldPath ?? '',
    [component, host].filter(Boolean).join(', '),
    message.trim(),
    since(first, now),
    count,
    nameOf(event),
  ];
};

const accessModeNames: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const formatAccessModes = (modes: readonly string[] | undefined): string =>
  [...new Set(modes ?? [])].map((m) => accessModeNames[m] ?? m).join(',');

export const printPersistentVolumeClaim: RowPrinter = (claim, now) => {
  const [spec, status] = [claim['spec'] ?? {}, claim['status'] ?? {}];
  const bound = Boolean(spec.volumeName);
  return [
    nameOf(claim),
    claim.metadata.deletionTimestamp ? 'Terminating' : (status.phase ?? ''),
    spec.volumeName ?? '',
    bound ? (status.capacity?.storage ?? '') : '',
    bound ? formatAccessModes(status.accessModes) : '',
    spec.storageClassName ?? '',
    spec.volumeAttributesClassName ?? unset,
    age(claim, now),
    spec.volumeMode ?? unset,
  ];
};

export const printPersistentVolume: RowPrinter = (volume, now) => {
  const [spec, status] = [volume['spec'] ?? {}, volume['status'] ?? {}];
  return [
    nameOf(volume),
    spec.capacity?.storage ?? '',
    formatAccessModes(spec.accessModes),
    spec.persistentVolumeReclaimPolicy ?? '',
    volume.metadata.deletionTimestamp ? 'Terminating' : (status.phase ?? ''),
    spec.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '',
    spec.storageClassName ?? '',
    spec.volumeAttributesClassName ?? unset,
    status.reason ?? '',
    age(volume, now),
    spec.volumeMode ?? unset,
  ];
};

export const printResourceQuota: RowPrinter = (quota, now) => {
  const [requests, limits]: [string[], string[]] = [[], []];
  for (const [key, hard] of Object.entries(quota['status']?.hard ?? {}).sort()) {
    const text = `${key}: ${quota['status']?.used?.[key] ?? '0'}/${hard}`;
    (key.startsWith('limits') ? limits : requests).push(text);
  }
  return [nameOf(quota), requests.join(', '), limits.join(', '), age(quota, now)];
};
