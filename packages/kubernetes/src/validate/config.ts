import type { Struct } from '../defaults/value.ts';
import { equalJson } from '../patch/own-keys.ts';
import { validateCidr } from './addresses.ts';
import type { Findings } from './findings.ts';
import { checkConfigMapKey, checkLabelValue, checkQualifiedName } from './names.ts';

/** ConfigMap, Secret, Namespace, Node, Event, Lease. */

const maxDataBytes = 1024 * 1024;

const base64Bytes = (text: string): number => Buffer.byteLength(text, 'base64');

export function validateConfigMap(f: Findings, object: Struct): void {
  const text: Record<string, string> = object['data'] ?? {};
  const binary: Record<string, string> = object['binaryData'] ?? {};
  let bytes = 0;
  for (const [key, value] of Object.entries(text)) {
    f.invalidEach(`data[${key}]`, key, checkConfigMapKey(key));
    if (Object.hasOwn(binary, key)) f.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binary)) {
    f.invalidEach(`binaryData[${key}]`, key, checkConfigMapKey(key));
    bytes += base64Bytes(value);
  }
  if (bytes > maxDataBytes) f.tooLong('[]', maxDataBytes);
}

/** Keys that a type of Secret must have. */
const secretKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

export function validateSecret(f: Findings, object: Struct): void {
  const data: Record<string, string> = object['data'] ?? {};
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    f.invalidEach(`data[${key}]`, key, checkConfigMapKey(key));
    bytes += base64Bytes(value);
  }
  if (bytes > maxDataBytes) f.tooLong('data', maxDataBytes);
  const type: string = object['type'] ?? '';
  const needed = (Object.hasOwn(secretKeys, type) ? secretKeys[type] : undefined) ?? [];
  for (const key of needed) if (!Object.hasOwn(data, key)) f.required(`data[${key}]`);
  if (type === 'kubernetes.io/service-account-token' && !object['metadata']?.annotations?.['kubernetes.io/service-account.name']) {
    f.required('metadata.annotations[kubernetes.io/service-account.name]');
  }
}

/** `immutable: true` freezes the data and itself. */
export function validateFrozenData(f: Findings, object: Struct, old: Struct): void {
  if (old['immutable'] !== true) return;
  if (object['immutable'] !== true) f.forbidden('immutable', 'field is immutable when `immutable` is set');
  for (const field of ['data', 'binaryData']) {
    if (!equalJson(object[field] ?? {}, old[field] ?? {})) f.forbidden(field, 'field is immutable when `immutable` is set');
  }
}

export function validateSecretUpdate(f: Findings, object: Struct, old: Struct): void {
  if (object['type'] !== old['type']) f.invalid('type', object['type'], 'field is immutable');
  validateFrozenData(f, object, old);
}

export function validateNamespace(f: Findings, { spec = {} }: Struct): void {
  for (const [i, name] of ((spec.finalizers ?? []) as string[]).entries())
    f.invalidEach(`spec.finalizers[${i}]`, name, checkQualifiedName(name));
}

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateNode(f: Findings, { spec = {} }: Struct): void {
  const seen = new Set<string>();
  for (const [i, taint] of ((spec.taints ?? []) as Struct[]).entries()) {
    const at = `metadata.taints[${i}]`;
    f.invalidEach(`${at}.key`, taint['key'] ?? '', checkQualifiedName(taint['key'] ?? ''));
    f.invalidEach(`${at}.value`, taint['value'] ?? '', checkLabelValue(taint['value'] ?? ''));
    const effect: string = taint['effect'] ?? '';
    if (effect === '') f.required(`${at}.effect`);
    else if (!taintEffects.includes(effect)) f.notSupported(`${at}.effect`, effect, taintEffects);
    const identity = `${taint['key']}:${effect}`;
    if (seen.has(identity)) f.duplicate(at, taint);
    seen.add(identity);
  }
  for (const [i, cidr] of ((spec.podCIDRs ?? []) as string[]).entries()) validateCidr(f, `spec.podCIDRs[${i}]`, cidr);
}

export function validateEvent(f: Findings, object: Struct): void {
  const about: string = object['involvedObject']?.namespace ?? '';
  const own: string = object['metadata']?.namespace ?? '';
  // Events about cluster-scoped objects are kept in `default`.
  const fits = about === '' ? own === 'default' || own === '' : about === own;
  if (!fits) f.invalid('involvedObject.namespace', about, 'does not match event.namespace');
}

export function validateLease(f: Findings, { spec = {} }: Struct): void {
  if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0)
    f.invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0');
  if (spec.leaseTransitions !== undefined && spec.leaseTransitions < 0)
    f.invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0');
}
