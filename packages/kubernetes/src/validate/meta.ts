import type { ObjectMeta } from '../object.ts';
import type { Findings } from './findings.ts';
import {
  checkDns1035Label,
  checkDns1123Label,
  checkDns1123Subdomain,
  checkLabelValue,
  checkPathSegment,
  checkQualifiedName,
} from './names.ts';

type NameCheck = (name: string) => string[];

/** Name syntax by `group/kind`; every other kind takes a DNS subdomain. */
const nameChecks: Readonly<Record<string, NameCheck>> = {
  '/Namespace': checkDns1123Label,
  '/Service': checkDns1035Label,
  'apps/StatefulSet': checkDns1123Label,
  'rbac.authorization.k8s.io/Role': checkPathSegment,
  'rbac.authorization.k8s.io/ClusterRole': checkPathSegment,
  'rbac.authorization.k8s.io/RoleBinding': checkPathSegment,
  'rbac.authorization.k8s.io/ClusterRoleBinding': checkPathSegment,
  'apiregistration.k8s.io/APIService': checkPathSegment,
  'certificates.k8s.io/CertificateSigningRequest': checkPathSegment,
};

export function nameCheckOf(group: string, kind: string): NameCheck {
  const key = `${group}/${kind}`;
  return (Object.hasOwn(nameChecks, key) ? nameChecks[key] : undefined) ?? checkDns1123Subdomain;
}

/** All annotations of an object together, keys and values. */
const maxAnnotationBytes = 256 * 1024;

export function validateLabels(f: Findings, field: string, labels: Readonly<Record<string, string>> | undefined): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    f.invalidEach(field, key, checkQualifiedName(key));
    f.invalidEach(field, value, checkLabelValue(value));
  }
}

export function validateAnnotations(f: Findings, field: string, annotations: Readonly<Record<string, string>> | undefined): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    f.invalidEach(field, key, checkQualifiedName(key.toLowerCase()));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxAnnotationBytes) f.tooLong(field, maxAnnotationBytes);
}

function validateOwners(f: Findings, owners: ObjectMeta['ownerReferences']): void {
  for (const owner of owners ?? []) {
    const at = 'metadata.ownerReferences';
    if (!owner.apiVersion) f.invalid(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty');
    if (!owner.kind) f.invalid(`${at}.kind`, owner.kind ?? '', 'must not be empty');
    if (!owner.name) f.invalid(`${at}.name`, owner.name ?? '', 'must not be empty');
    if (!owner.uid) f.invalid(`${at}.uid`, owner.uid ?? '', 'must not be empty');
  }
  const [first, second] = (owners ?? []).filter((owner) => owner.controller === true).map(({ kind, name }) => `${kind}/${name}`);
  if (second !== undefined) {
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`;
    f.invalid('metadata.ownerReferences', owners, why);
  }
}

function validateFinalizers(f: Findings, finalizers: readonly string[] | undefined): void {
  for (const finalizer of finalizers ?? []) f.invalidEach('metadata.finalizers', finalizer, checkQualifiedName(finalizer));
  const both = (finalizers ?? []).includes('orphan') && (finalizers ?? []).includes('foregroundDeletion');
  if (both) f.invalid('metadata.finalizers', finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
}

/** Object metadata on create (apimachinery `api/validation`); the namespace is checked only where one is given. */
export function validateMeta(f: Findings, meta: ObjectMeta, namespaced: boolean, checkName: NameCheck): void {
  // A prefix may end in a hyphen: the random part follows.
  if (meta.generateName) f.invalidEach('metadata.generateName', meta.generateName, checkName(meta.generateName.replace(/-$/, 'a')));
  if (meta.name) f.invalidEach('metadata.name', meta.name, checkName(meta.name));
  else if (!meta.generateName) f.required('metadata.name', 'name or generateName is required');
  if (meta.namespace) {
    if (namespaced) f.invalidEach('metadata.namespace', meta.namespace, checkDns1123Label(meta.namespace));
    else f.forbidden('metadata.namespace', 'not allowed on this type');
  }
  f.nonNegative('metadata.generation', meta.generation);
  validateLabels(f, 'metadata.labels', meta.labels);
  validateAnnotations(f, 'metadata.annotations', meta.annotations);
  validateOwners(f, meta.ownerReferences);
  validateFinalizers(f, meta.finalizers);
}

const STANDARD_FINALIZERS = new Set(['kubernetes', 'foregroundDeletion', 'orphan']);

/** Built-in kinds take no finalizer that nobody owns; custom ones may, for compatibility. */
export function validateFinalizerOwners(f: Findings, finalizers: readonly string[] | undefined): void {
  for (const [i, name] of (finalizers ?? []).entries()) {
    if (name.includes('/') || STANDARD_FINALIZERS.has(name)) continue;
    f.invalid(`metadata.finalizers[${i}]`, name, 'name is neither a standard finalizer name nor is it fully qualified');
  }
}

/** What an update may not change. */
export function validateMetaUpdate(f: Findings, meta: ObjectMeta, old: ObjectMeta): void {
  // The real server looks twice, once for every kind and once more for its own kinds, and says so.
  for (let i = 0; i < 2; i++) validateUnchangedMeta(f, meta, old);
  validateLabels(f, 'metadata.labels', meta.labels);
  validateAnnotations(f, 'metadata.annotations', meta.annotations);
  validateOwners(f, meta.ownerReferences);
  validateFinalizers(f, meta.finalizers);
}

function validateUnchangedMeta(f: Findings, meta: ObjectMeta, old: ObjectMeta): void {
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp'] as const) {
    if ((meta[field] ?? '') !== (old[field] ?? '')) f.invalid(`metadata.${field}`, meta[field] ?? '', 'field is immutable');
  }
  if (meta.deletionTimestamp === undefined && old.deletionTimestamp !== undefined)
    f.invalid('metadata.deletionTimestamp', null, 'field is immutable');
  if (old.deletionTimestamp !== undefined) {
    const added = (meta.finalizers ?? []).filter((name) => !(old.finalizers ?? []).includes(name));
    if (added.length > 0)
      f.forbidden(
        'metadata.finalizers',
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((a) => JSON.stringify(a)).join(', ')}}`,
      );
  }
}
