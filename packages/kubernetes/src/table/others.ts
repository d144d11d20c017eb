import type { KubernetesObject } from '../object.ts';
import { age, formatSelector, formatSome, nameOf, none, type RowPrinter, unset } from './cells.ts';
import { loadBalancerAddresses } from './core.ts';

/** Rows of networking, rbac, storage, scheduling, coordination, admission and certificates. */

export const printNetworkPolicy: RowPrinter = (o, now) => [nameOf(o), formatSelector(o['spec']?.podSelector), age(o, now)];

export const printIngress: RowPrinter = (o, now) => {
  const spec = o['spec'] ?? {};
  const hosts = (spec.rules ?? []).map((r: { host?: string }) => r.host || '*');
  const ports = (spec.tls ?? []).length > 0 ? '80, 443' : '80';
  return [nameOf(o), spec.ingressClassName ?? none, formatSome(hosts, '*'), loadBalancerAddresses(o['status']), ports, age(o, now)];
};

export const printIngressClass: RowPrinter = (o, now) => {
  const parameters = o['spec']?.parameters;
  const group = parameters?.apiGroup ? `.${parameters.apiGroup}` : '';
  return [nameOf(o), o['spec']?.controller ?? '', parameters ? `${parameters.kind}${group}/${parameters.name}` : none, age(o, now)];
};

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** RoleBinding and ClusterRoleBinding. */
export const printRoleBinding: RowPrinter = (o, now) => {
  const subjects: readonly Subject[] = o['subjects'] ?? [];
  const named = (kind: string): string =>
    subjects
      .filter((s) => s.kind === kind)
      .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
      .join(', ');
  return [nameOf(o), `${o['roleRef']?.kind}/${o['roleRef']?.name}`, age(o, now), named('User'), named('Group'), named('ServiceAccount')];
};

const createdAt = (o: KubernetesObject): string => o.metadata.creationTimestamp ?? '';

/** Kinds without a printer in the real server: Role, ClusterRole, CustomResourceDefinition. */
export const printCreatedAt: RowPrinter = (o) => [nameOf(o), createdAt(o)];

export const printStorageClass: RowPrinter = (o, now) => {
  const isDefault = o.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
  const name = isDefault ? `${nameOf(o)} (default)` : nameOf(o);
  return [
    name,
    o['provisioner'] ?? '',
    o['reclaimPolicy'] ?? 'Delete',
    o['volumeBindingMode'] ?? unset,
    o['allowVolumeExpansion'] ?? false,
    age(o, now),
  ];
};

export const printLease: RowPrinter = (o, now) => [nameOf(o), o['spec']?.holderIdentity ?? '', age(o, now)];
export const printRuntimeClass: RowPrinter = (o, now) => [nameOf(o), o['handler'] ?? '', age(o, now)];
export const printWebhooks: RowPrinter = (o, now) => [nameOf(o), (o['webhooks'] ?? []).length, age(o, now)];

export const printPriorityClass: RowPrinter = (o, now) => [
  nameOf(o),
  o['value'] ?? 0,
  o['globalDefault'] ?? false,
  age(o, now),
  o['preemptionPolicy'] ?? '',
];

function requestState(request: KubernetesObject): string {
  const conditions: readonly { type: string }[] = request['status']?.conditions ?? [];
  const has = (type: string): boolean => conditions.some((c) => c.type === type);
  const states = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'];
  if (has('Failed')) states.push('Failed');
  if (request['status']?.certificate) states.push('Issued');
  return states.join(',');
}

export const printCertificateSigningRequest: RowPrinter = (o, now) => {
  const spec = o['spec'] ?? {};
  const duration = spec.expirationSeconds === undefined ? none : `${spec.expirationSeconds}s`;
  return [nameOf(o), age(o, now), spec.signerName ?? none, spec.username ?? '', duration, requestState(o)];
};

export const printApiService: RowPrinter = (o, now) => {
  const available = (o['status']?.conditions ?? []).find((c: { type: string }) => c.type === 'Available');
  const service = o['spec']?.service ? `${o['spec'].service.namespace}/${o['spec'].service.name}` : 'Local';
  const state = available === undefined ? 'Unknown' : available.status === 'True' ? 'True' : `${available.status} (${available.reason})`;
  return [nameOf(o), service, state, age(o, now)];
};
