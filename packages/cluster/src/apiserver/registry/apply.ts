import {
  applyConfiguration,
  badRequest,
  cloneObject,
  conflict,
  findConversionFault,
  findTypeFaults,
  formatApiVersion,
  formatTypeFaults,
  type GroupVersionKind,
  type KubernetesObject,
  notFound,
  parseApiVersion,
  plainFailure,
  requireManager,
  type Shape,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import type { Entry } from '../store/entry.ts';
import { builtinModel } from './builtin-model.ts';
import { createObject } from './create.ts';
import type { ParsedBody } from './decode-body.ts';
import { writerOf } from './managers.ts';
import type { ObjectModel } from './resource.ts';
import { type Change, updateObject } from './update.ts';

/**
 * Server-side apply (`application/apply-patch+yaml`): makes the object, or merges the configuration into it and takes over its fields.
 *
 * @returns the entry and whether it is new
 * @throws StatusError 400, 403 (who may not create), 404 (subresource of nothing), 409 (fields of other managers), 422, 500
 */
export async function applyObject(
  core: Core,
  scope: Scope,
  body: ParsedBody,
  force: boolean,
  part: Change['part'],
): Promise<{ entry: Entry; isNew: boolean }> {
  const { resource, namespace, name } = scope;
  const configuration = readConfiguration(scope, resource.gvk, resource.model.shape(), body);
  const given = configuration.metadata.name ?? name;
  if (given !== name) throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  const config = { ...configuration, metadata: { ...configuration.metadata, name } };
  const merged = (current: KubernetesObject | undefined): KubernetesObject => {
    const object = applyConfiguration(resource.model.shape(), current, config, writerOf(core, scope), force);
    refuseRepeatedKeys(scope, body);
    return decodeMerged(core, resource.gvk, configuration, object, resource.model);
  };
  if (core.store.get(resource.storeType, namespace, name) === undefined) {
    if (scope.subresource !== '') throw notFound(resource.gvr, name);
    const { uid } = config.metadata;
    if (uid) throw conflict(resource.gvr, name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
    core.requireCreate(scope);
    const made = merged(undefined);
    // What is new has no version to be compared with.
    delete made.metadata.resourceVersion;
    return { entry: await createObject(core, scope, made, { isApplied: true }), isNew: true };
  }
  return { entry: await updateObject(core, scope, { part, compute: merged, isApplied: true }), isNew: false };
}

/**
 * An applied configuration as it was sent: it says itself what it is, and all of it has a type. Nothing is decoded yet, for an empty
 * map or a null that decoding drops is owned like the rest.
 *
 * @throws StatusError 400, 422, 500 (the real server's code for what does not fit its type)
 */
export function readConfiguration(scope: Scope, gvk: GroupVersionKind, shape: Shape, body: ParsedBody): KubernetesObject {
  requireManager(scope.fieldManager);
  const config = body.value as Partial<KubernetesObject>;
  const { apiVersion = '', kind = '', metadata } = config;
  const given = parseApiVersion(apiVersion);
  if (apiVersion !== formatApiVersion(gvk.group, gvk.version) || kind !== gvk.kind)
    throw badRequest(`invalid object type: ${given.group}/${given.version}, Kind=${kind}`);
  if ((metadata?.managedFields ?? undefined) !== undefined) throw badRequest('metadata.managedFields must be nil');
  const faults = findTypeFaults(shape, config);
  if (faults.length > 0) throw plainFailure(500, `failed to create typed patch object (${named(config)}): ${formatTypeFaults(faults)}`);
  return { ...config, metadata: metadata ?? {} } as KubernetesObject;
}

/** As Go names an object in an error: `namespace/name; group/version, Kind=kind`. */
function named({ apiVersion = '', kind = '', metadata }: Partial<KubernetesObject>): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}; ${kindOf({ apiVersion, kind })}`;
}

/** `apps/v1, Kind=Deployment`. */
function kindOf({ apiVersion = '', kind = '' }: Partial<KubernetesObject>): string {
  return `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;
}

/** Keys that stand twice in the YAML are told once everything else was right. @throws StatusError 400 */
function refuseRepeatedKeys({ fieldValidation, warn }: Scope, { syntaxWarnings }: ParsedBody): void {
  if (fieldValidation === 'Ignore') return;
  for (const warning of syntaxWarnings) {
    if (fieldValidation === 'Strict') throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${warning}`);
    for (const line of warning.split('\n').slice(1)) warn(line.trim());
  }
}

/** What was merged, as an object of its kind. @throws StatusError 500 */
export function decodeMerged(
  core: Core,
  gvk: GroupVersionKind,
  config: KubernetesObject,
  merged: KubernetesObject,
  model: Pick<ObjectModel, 'decode'> = builtinModel(core.schemas, gvk),
): KubernetesObject {
  const fault = findConversionFault(core.schemas, gvk, merged);
  if (fault !== undefined)
    throw plainFailure(
      500,
      `failed to convert new object (${named(config)}) to proper version: unable to convert unstructured object to ${kindOf(config)}: ${fault}`,
    );
  return model.decode(cloneObject(merged)).object;
}
