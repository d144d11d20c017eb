import { applyConfiguration, badRequest, type KubernetesObject, notFound, requireManager } from '@palisade/kubernetes';
import type { Core, Scope } from '../core.ts';
import type { Entry } from '../store/entry.ts';
import { createObject } from './create.ts';
import type { ParsedBody } from './decode-body.ts';
import { writerOf } from './managers.ts';
import { decodePatched } from './patch.ts';
import { type Change, updateObject } from './update.ts';

/**
 * Server-side apply (`application/apply-patch+yaml`): makes the object, or merges the configuration into it and takes over its fields.
 *
 * @returns the entry and whether it is new
 * @throws StatusError 400, 404 (subresource of nothing), 409 (fields of other managers), 422
 */
export async function applyObject(
  core: Core,
  scope: Scope,
  body: ParsedBody,
  force: boolean,
  part: Change['part'],
): Promise<{ entry: Entry; isNew: boolean }> {
  requireManager(scope.fieldManager);
  const config = decodePatched(core, scope, scope.resource.gvk, body);
  if (config.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  if ((config.metadata.name ?? scope.name) !== scope.name)
    throw badRequest(`the name of the object (${config.metadata.name}) does not match the name on the URL (${scope.name})`);
  config.metadata.name = scope.name;
  const shape = scope.resource.model.shape();
  const { resource, namespace, name } = scope;
  if (core.store.get(resource.storeType, namespace, name) === undefined) {
    if (scope.subresource !== '') throw notFound(resource.gvr, name);
    if (config.metadata.uid) throw notFound(resource.gvr, name);
    const made = applyConfiguration(shape, undefined, config, writerOf(core, scope), force);
    return { entry: await createObject(core, scope, made, { isApplied: true }), isNew: true };
  }
  const compute = (current: KubernetesObject): KubernetesObject =>
    structuredClone(applyConfiguration(shape, current, config, writerOf(core, scope), force));
  return { entry: await updateObject(core, scope, { part, compute, isApplied: true }), isNew: false };
}
