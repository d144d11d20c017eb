import {
  applyConfiguration,
  badRequest,
  conflict,
  findShapeFault,
  formatApiVersion,
  type KubernetesObject,
  notFound,
  parseApiVersion,
  plainFailure,
  requireManager,
} from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import type { Entry } from '../store/entry.ts';
import { createObject } from './create.ts';
import { decodeBody, type ParsedBody } from './decode-body.ts';
import { writerOf } from './managers.ts';
import { type Change, updateObject } from './update.ts';

/**
 * Server-side apply (`application/apply-patch+yaml`): makes the object, or merges the configuration into it and takes over its fields.
 *
 * @returns the entry and whether it is new
 * @throws StatusError 400, 403 (who may not create), 404 (subresource of nothing), 409 (fields of other managers), 422
 */
export async function applyObject(
  core: Core,
  scope: Scope,
  body: ParsedBody,
  force: boolean,
  part: Change['part'],
): Promise<{ entry: Entry; isNew: boolean }> {
  requireManager(scope.fieldManager);
  const config = decodeConfiguration(core, scope, body);
  if (config.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  if ((config.metadata.name ?? scope.name) !== scope.name)
    throw badRequest(`the name of the object (${config.metadata.name}) does not match the name on the URL (${scope.name})`);
  config.metadata.name = scope.name;
  const shape = scope.resource.model.shape();
  const { resource, namespace, name } = scope;
  if (core.store.get(resource.storeType, namespace, name) === undefined) {
    if (scope.subresource !== '') throw notFound(resource.gvr, name);
    const { uid } = config.metadata;
    if (uid) throw conflict(resource.gvr, name, `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`);
    core.requireCreate(scope);
    // What is new has no version to be compared with.
    delete config.metadata.resourceVersion;
    const made = applyConfiguration(shape, undefined, config, writerOf(core, scope), force);
    return { entry: await createObject(core, scope, made, { isApplied: true }), isNew: true };
  }
  const compute = (current: KubernetesObject): KubernetesObject =>
    structuredClone(applyConfiguration(shape, current, config, writerOf(core, scope), force));
  return { entry: await updateObject(core, scope, { part, compute, isApplied: true }), isNew: false };
}

/**
 * An applied configuration says itself what it is, and nothing in it may be unknown: what nobody knows nobody can own.
 *
 * @throws StatusError 400, 500 (the real server's code for what its typed objects cannot hold)
 */
function decodeConfiguration(core: Core, scope: Scope, body: ParsedBody): KubernetesObject {
  const { gvk } = scope.resource;
  const { apiVersion = '', kind = '', metadata } = body.value as Partial<KubernetesObject>;
  const given = parseApiVersion(apiVersion);
  const named = (group: string, version: string, what: string) => `${group}/${version}, Kind=${what}`;
  if (apiVersion !== formatApiVersion(gvk.group, gvk.version) || kind !== gvk.kind)
    throw badRequest(`invalid object type: ${named(given.group, given.version, kind)}`);
  const subject = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}; ${gvk.group === '' ? '/' : ''}${apiVersion}, Kind=${kind}`;
  const fault = (why: string) => plainFailure(500, `failed to create typed patch object (${subject}): ${why}`);
  const found = findShapeFault(scope.resource.model.shape(), body.value);
  if (found !== undefined) throw fault(found);
  const { unknownFields } = scope.resource.model.decode(body.value);
  const [unknown] = unknownFields.map((text) => /^unknown field "(.*)"$/.exec(text)?.[1]).filter((path) => path !== undefined);
  if (unknown !== undefined) throw fault(`.${unknown}: field not declared in schema`);
  return decodeBody(core, scope, gvk, body);
}
