import { isDeepStrictEqual } from 'node:util';
import {
  badRequest,
  conflict,
  invalid,
  type KubernetesObject,
  type ManagedFieldsEntry,
  notFound,
  type StatusCause,
} from '@palisade/kubernetes';
import { admitNode } from '../admission/node-restriction.ts';
import { admitPodSecurity } from '../admission/pod-security/admit.ts';
import { admitQuota } from '../admission/quota.ts';
import type { Core, Scope } from '../core.ts';
import { Entry } from '../store/entry.ts';
import { StoreConflict } from '../store/object-store.ts';
import { fromStored, toStored } from './catalog.ts';
import { refuseOtherNamespace } from './decode-body.ts';
import { isFinished } from './delete.ts';
import { dropDisabledFields } from './disabled-fields.ts';
import { checkEphemeralContainers } from './ephemeral-containers.ts';
import { recordManagers, setManagers } from './managers.ts';
import { composePart, type Part } from './parts.ts';
import { checkResize } from './pod-resize.ts';
import type { ServedResource } from './resource.ts';
import { hasGeneration, strategyFor } from './strategy.ts';

export interface Change {
  /** Makes the wanted object from the current one; both in the version of the request. The result is a fresh copy. */
  readonly compute: (current: KubernetesObject) => KubernetesObject | Promise<KubernetesObject>;
  /** Which part of the object this writes; the rest is taken from the current one. */
  readonly part: Part;
  /** `compute` has set `metadata.managedFields`. */
  readonly isApplied?: boolean;
  /** `compute` has asked the webhooks, about something else than the whole object. */
  readonly isAdmitted?: boolean;
  /** `compute` patches: what it says of the object's identity is a change of it, not a condition. */
  readonly isPatch?: boolean;
}

/**
 * Replaces one stored object by what `change` makes of it.
 *
 * @returns the stored entry; unchanged objects keep their resourceVersion. An object whose last finalizer goes is removed.
 * @throws StatusError 400, 404, 409 Conflict, 422
 */
export async function updateObject(core: Core, scope: Scope, change: Change): Promise<Entry> {
  const { resource, namespace, name } = scope;
  // When somebody else has written the object meanwhile, the change is computed again, as the real server's storage does: each time
  // one of them got on.
  for (;;) {
    const entry = core.store.get(resource.storeType, namespace, name);
    if (entry === undefined) throw notFound(resource.gvr, name);
    const current = fromStored(resource, entry).object;
    const wanted = await change.compute(current);
    checkIdentity(scope, change, wanted, current);
    let charge = () => {};
    const isOwn = change.part === 'whole-unchecked';
    const isAsked = !isOwn && change.isAdmitted !== true;
    const admitted = isAsked ? await core.admission.mutate(scope, 'UPDATE', wanted, current) : wanted;
    const prepared = prepare(core, scope, change, admitted, current, wanted.metadata.managedFields);
    const causes = validate(resource, change.part, prepared, current);
    if (causes.length > 0) throw invalid(resource.gvk, name, causes);
    if (!isOwn) {
      core.restrict(scope, prepared, current);
      admitPodSecurity(core, scope, prepared, current);
      admitNode(core, scope, 'UPDATE', prepared, current);
      strategyFor(resource.storeType).admitUpdate?.(prepared, current, core, scope);
      if (isAsked) await core.admission.validate(scope, 'UPDATE', prepared, current);
      charge = admitQuota(core, scope, prepared, current);
    }
    try {
      return await write(core, scope, change, entry, current, prepared, charge);
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
      if (error.kind === 'missing') throw notFound(resource.gvr, name);
    }
  }
}

function checkIdentity(scope: Scope, { part, isPatch, isApplied }: Change, wanted: KubernetesObject, current: KubernetesObject): void {
  const { resource, name, namespace } = scope;
  const meta = wanted.metadata;
  meta.name ??= name;
  if (meta.name !== name) throw badRequest(`the name of the object (${meta.name}) does not match the name on the URL (${name})`);
  if (resource.info.namespaced) {
    refuseOtherNamespace(scope, wanted);
    meta.namespace = namespace;
  } else delete meta.namespace;
  const version = meta.resourceVersion;
  if (resource.isCustom === true && part !== 'whole-unchecked' && isPatch !== true && isApplied !== true && (!version || version === '0')) {
    const cause = {
      reason: 'FieldValueInvalid',
      message: 'Invalid value: 0: must be specified for an update',
      field: 'metadata.resourceVersion',
    };
    throw invalid({ group: resource.gvr.group, kind: resource.gvr.resource }, name, [cause]);
  }
  if (version !== undefined && version !== '' && version !== '0' && version !== current.metadata.resourceVersion) {
    throw conflict(resource.gvr, name);
  }
  if (meta.uid === undefined || meta.uid === '' || meta.uid === current.metadata.uid) return;
  if (isPatch === true || isApplied === true) {
    const cause = {
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify(meta.uid)}: field is immutable`,
      field: 'metadata.uid',
    };
    throw invalid(resource.gvk, name, [cause, cause]);
  }
  throw otherObject(scope, 'UID', meta.uid, current.metadata.uid);
}

/** What the real server's storage says of an object that is not the one that was meant. */
export function otherObject({ resource, namespace, name }: Scope, what: 'UID' | 'ResourceVersion', wanted: string, found = ''): Error {
  const key = ['/registry', ...(resource.isCustom === true ? [resource.gvr.group] : []), resource.gvr.resource, namespace, name];
  const why = `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`;
  const storage = `StorageError: invalid object, Code: 4, Key: ${key.filter((part) => part !== '').join('/')}, ResourceVersion: 0`;
  return conflict(resource.gvr, name, `${storage}, AdditionalErrorMsg: ${why}`);
}

/** Server-owned metadata back in place, the other half of the object from the current one, defaults, generation. */
function prepare(
  core: Core,
  scope: Scope,
  change: Change,
  wanted: KubernetesObject,
  current: KubernetesObject,
  given: readonly ManagedFieldsEntry[] | undefined,
): KubernetesObject {
  const before = current.metadata;
  const { resource } = scope;
  let object = composePart(change.part, resource, wanted, current);
  const meta = object.metadata as Record<string, unknown>;
  for (const field of [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'resourceVersion',
    'generateName',
  ] as const) {
    if (before[field] === undefined) delete meta[field];
    else meta[field] = before[field];
  }
  delete meta['selfLink'];
  delete meta['managedFields'];
  object = resource.model.applyDefaults(object);
  if (change.part === 'whole-unchecked') setManagers(object, before.managedFields);
  else if (change.isApplied === true) setManagers(object, given);
  else recordManagers(core, scope, current, object, given);
  if (change.part === 'status' || change.part === 'approval') strategyFor(resource.storeType).prepareStatus?.(object, current, core);
  if (change.part === 'main') dropDisabledFields(resource.storeType, object);
  if (change.part === 'main') strategyFor(resource.storeType).prepareForUpdate?.(object, current);
  if (GENERATED.has(change.part) && hasGeneration(resource.storeType) && !isDeepStrictEqual(contentOf(object), contentOf(current))) {
    object.metadata.generation = (before.generation ?? 0) + 1;
  }
  return object;
}

/** Parts that say what is wanted. */
const GENERATED: ReadonlySet<Part> = new Set(['main', 'ephemeralcontainers', 'resize']);

/** What counts as a new generation: everything but metadata and status. */
function contentOf(object: KubernetesObject): Record<string, unknown> {
  const { metadata: _, status: __, ...content } = object;
  return content;
}

function validate({ model, storeType }: ServedResource, part: Part, object: KubernetesObject, current: KubernetesObject): StatusCause[] {
  switch (part) {
    case 'whole-unchecked':
      return [];
    case 'ephemeralcontainers':
      return [...model.validateCreate(object), ...checkEphemeralContainers(object, current)];
    case 'resize':
      // This changes what an update may not: the result has to be a valid pod.
      return [...model.validateCreate(object), ...checkResize(object, current)];
    case 'status':
      return [...model.validateStatusUpdate(object, current), ...(strategyFor(storeType).check?.(object, current) ?? [])];
    default:
      return [...model.validateUpdate(object, current), ...(strategyFor(storeType).check?.(object, current) ?? [])];
  }
}

async function write(
  core: Core,
  scope: Scope,
  change: Change,
  entry: Entry,
  current: KubernetesObject,
  object: KubernetesObject,
  charge: () => void,
): Promise<Entry> {
  const { resource, namespace, name } = scope;
  resource.model.settle?.(object);
  const strategy = strategyFor(resource.storeType);
  const allocation = change.part === 'main' ? strategy.allocate?.(object, current, core, scope.dryRun) : undefined;
  if (allocation !== undefined && 'causes' in allocation) throw invalid(resource.gvk, name, allocation.causes);
  try {
    const unchanged = isDeepStrictEqual(object, current);
    if (scope.dryRun || unchanged) {
      allocation?.undo();
      await core.store.settled();
      return unchanged ? fromStored(resource, entry) : new Entry(namespace, name, entry.rv, JSON.stringify(object), object);
    }
    const stored = toStored(resource, object);
    const written = isFinished(stored)
      ? core.store.delete(resource.storeType, namespace, name, entry.rv, stored)
      : core.store.update(resource.storeType, namespace, name, stored, entry.rv);
    charge();
    if (isFinished(stored)) strategy.removed?.(stored, core);
    else if (change.part === 'main') strategy.stored?.(stored, entry.object, core);
    await core.store.settled();
    return fromStored(resource, written);
  } catch (error) {
    allocation?.undo();
    throw error;
  }
}
