import { isIP } from 'node:net';
import type { Struct } from '../defaults/value.ts';
import { compareQuantity } from '../quantity.ts';
import type { Findings } from './findings.ts';
import { validateLabelSelector } from './label-selector.ts';
import { checkDns1123Subdomain, checkPortNumber, checkWildcardSubdomain } from './names.ts';
import { validateHostPath } from './volumes.ts';

/** Ingress, PodDisruptionBudget, HorizontalPodAutoscaler, PersistentVolumeClaim, PriorityClass. */

function validateBackend(f: Findings, at: string, backend: Struct): void {
  const { service, resource } = backend;
  if (service && resource) f.invalid(at, '', 'cannot set both resource and service backends');
  else if (service) {
    if (!service.name) f.required(`${at}.service.name`);
    const { name, number } = service.port ?? {};
    if (!name && !number) f.required(`${at}.service`, 'port name or number is required');
    else if (name && number) f.invalid(`${at}.service`, '', 'cannot set both port name & port number');
    else if (number) f.invalidEach(`${at}.service.port.number`, number, checkPortNumber(number));
  } else if (!resource) f.invalid(at, '', 'resource or service backend is required');
}

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];

function validatePath(f: Findings, at: string, path: Struct): void {
  if (path['pathType'] === undefined) f.required(`${at}.pathType`, 'pathType must be specified');
  else if (!pathTypes.includes(path['pathType'])) f.notSupported(`${at}.pathType`, path['pathType'], pathTypes);
  else if (path['pathType'] !== 'ImplementationSpecific' && !String(path['path'] ?? '').startsWith('/'))
    f.invalid(`${at}.path`, path['path'] ?? '', 'must be an absolute path');
  validateBackend(f, `${at}.backend`, path['backend'] ?? {});
}

export function validateIngress(f: Findings, { metadata = {}, spec = {} }: Struct): void {
  const annotated: string | undefined = metadata.annotations?.['kubernetes.io/ingress.class'];
  if (annotated !== undefined && spec.ingressClassName !== undefined && annotated !== spec.ingressClassName)
    f.invalid('annotations.kubernetes.io/ingress.class', annotated, 'must match `ingressClassName` when both are specified');
  const rules: readonly Struct[] = spec.rules ?? [];
  if (rules.length === 0 && !spec.defaultBackend) f.invalid('spec', null, 'either `defaultBackend` or `rules` must be specified');
  if (spec.defaultBackend) validateBackend(f, 'spec.defaultBackend', spec.defaultBackend);
  for (const [i, rule] of rules.entries()) {
    const host: string = rule['host'] ?? '';
    if (isIP(host) !== 0) f.invalid(`spec.rules[${i}].host`, host, 'must be a DNS name, not an IP address');
    if (host !== '')
      f.invalidEach(`spec.rules[${i}].host`, host, host.includes('*') ? checkWildcardSubdomain(host) : checkDns1123Subdomain(host));
    if (rule['http'] && (rule['http'].paths ?? []).length === 0) f.required(`spec.rules[${i}].http.paths`);
    for (const [j, path] of ((rule['http']?.paths ?? []) as Struct[]).entries()) validatePath(f, `spec.rules[${i}].http.paths[${j}]`, path);
  }
}

/** How Go's internal type prints. */
const printedBudget = (spec: Struct): Struct => ({
  MinAvailable: spec['minAvailable'] ?? null,
  Selector: spec['selector'] ?? null,
  MaxUnavailable: spec['maxUnavailable'] ?? null,
  UnhealthyPodEvictionPolicy: spec['unhealthyPodEvictionPolicy'] ?? null,
});

export function validatePodDisruptionBudget(f: Findings, { spec = {} }: Struct): void {
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined)
    f.invalid('spec', printedBudget(spec), 'minAvailable and maxUnavailable cannot be both set');
  for (const name of ['minAvailable', 'maxUnavailable']) {
    if (typeof spec[name] === 'number') f.nonNegative(`spec.${name}`, spec[name]);
    else if (Number.parseInt(spec[name], 10) > 100) f.invalid(`spec.${name}`, spec[name], 'must not be greater than 100%');
  }
  validateLabelSelector(f, 'spec.selector', spec.selector);
}

export function validateAutoscaler(f: Findings, { spec = {} }: Struct): void {
  if ((spec.minReplicas ?? 1) < 1) f.invalid('spec.minReplicas', spec.minReplicas, 'must be greater than or equal to 1');
  if ((spec.maxReplicas ?? 0) < 1) f.invalid('spec.maxReplicas', spec.maxReplicas ?? 0, 'must be greater than 0');
  if (spec.minReplicas !== undefined && (spec.maxReplicas ?? 0) < spec.minReplicas)
    f.invalid('spec.maxReplicas', spec.maxReplicas ?? 0, 'must be greater than or equal to `minReplicas`');
  for (const name of ['kind', 'name']) if (!spec.scaleTargetRef?.[name]) f.required(`spec.scaleTargetRef.${name}`);
  if (!spec.scaleTargetRef?.apiVersion) f.invalid('spec.scaleTargetRef.apiVersion', '', 'apiVersion must specify API group');
}

export function validateStorageClass(f: Findings, object: Struct): void {
  if (!object['provisioner']) f.required('provisioner');
  f.oneOf('reclaimPolicy', object['reclaimPolicy'], ['Delete', 'Retain']);
}

const volumePlumbing = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

export function validatePersistentVolume(f: Findings, { spec = {} }: Struct): void {
  const modes: readonly string[] = spec.accessModes ?? [];
  if (modes.length === 0) f.required('spec.accessModes');
  for (const mode of modes) if (!accessModes.includes(mode)) f.notSupported('spec.accessModes', mode, accessModes.toSorted());
  if (modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod' && accessModes.includes(mode)))
    f.forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes');
  if (Object.keys(spec.capacity ?? {}).length === 0) {
    f.required('spec.capacity');
    f.notSupported('spec.capacity', null, ['storage']);
  }
  const policy = spec.persistentVolumeReclaimPolicy;
  f.oneOf('spec.persistentVolumeReclaimPolicy', policy, ['Delete', 'Recycle', 'Retain']);
  const [source, ...further] = Object.keys(spec).filter((name) => !volumePlumbing.has(name));
  if (spec.hostPath !== undefined && source === 'hostPath') validateHostPath(f, 'spec.hostPath', spec.hostPath);
  for (const name of further) f.forbidden(`spec.${name}`, 'may not specify more than 1 volume type');
  if (source === undefined) f.required('spec', 'must specify a volume type');
  if (policy === 'Recycle' && /^\/+$/.test(spec.hostPath?.path ?? ''))
    f.forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'");
  f.oneOf('spec.volumeMode', spec.volumeMode, ['Block', 'Filesystem']);
}

const accessModes = ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'];

export function validatePersistentVolumeClaim(f: Findings, { spec = {} }: Struct): void {
  const modes: readonly string[] = spec.accessModes ?? [];
  if (modes.length === 0) f.required('spec.accessModes', 'at least 1 access mode is required');
  for (const mode of modes) if (!accessModes.includes(mode)) f.notSupported('spec.accessModes', mode, [...accessModes].sort());
  const storage: string | undefined = spec.resources?.requests?.storage;
  if (storage === undefined) f.required('spec.resources[storage]');
  else if (compareQuantity(storage, '0') <= 0) f.invalid('spec.resources[storage]', storage, 'must be greater than zero');
}

/** Above this only the system's own classes may be. */
const maxUserPriority = 1_000_000_000;

export function validatePriorityClass(f: Findings, object: Struct): void {
  const name: string = object['metadata']?.name ?? '';
  const system = ['system-node-critical', 'system-cluster-critical'].includes(name);
  if (name.startsWith('system-') && !system)
    f.forbidden(
      'metadata.name',
      "priority class names with 'system-' prefix are reserved for system use only. error: " +
        `${name} is not a known system priority class`,
    );
  if (!system && (object['value'] ?? 0) > maxUserPriority)
    f.forbidden('value', `maximum allowed value of a user defined priority is ${maxUserPriority}`);
  f.oneOf('preemptionPolicy', object['preemptionPolicy'], ['Never', 'PreemptLowerPriority']);
}

export function validatePriorityClassUpdate(f: Findings, object: Struct, old: Struct): void {
  if ((object['value'] ?? 0) !== (old['value'] ?? 0)) f.forbidden('value', 'may not be changed in an update.');
}
