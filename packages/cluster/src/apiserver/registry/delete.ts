import { badRequest, conflict, type DeleteOptions, type KubernetesObject, notFound } from '@palisade/kubernetes';
import { admitNode } from '../admission/node-restriction.ts';
import type { Core, Scope } from '../core.ts';
import { Entry } from '../store/entry.ts';
import { StoreConflict } from '../store/object-store.ts';
import { fromStored } from './catalog.ts';
import { CLEANUP_FINALIZER } from './strategies/custom-resource-definition.ts';
import { withCondition } from './strategies/definition-names.ts';
import { refuseImmortalNamespace } from './strategies/namespace.ts';
import { orphansByDefault, strategyFor } from './strategy.ts';
import { formatTime } from './time.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';
const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

export interface Deletion {
  /** The object as it was last: removed, or still there with a deletionTimestamp. */
  readonly entry: Entry;
  readonly removed: boolean;
}

/**
 * Deletes one object, or marks it for deletion while finalizers, a grace period (pods on a node) or a namespace's content
 * still hold it.
 *
 * @param isAdmitted webhooks have been asked about what this is a part of
 * @throws StatusError 403 (immortal namespaces), 404, 409 (preconditions)
 */
export async function deleteObject(
  core: Core,
  scope: Scope,
  options: DeleteOptions,
  { isAdmitted = false }: { isAdmitted?: boolean } = {},
): Promise<Deletion> {
  const { resource, namespace, name } = scope;
  // Again when somebody else has written it meanwhile, as in `updateObject`.
  for (;;) {
    const entry = core.store.get(resource.storeType, namespace, name);
    if (entry === undefined) throw notFound(resource.gvr, name);
    if (resource.storeType === 'namespaces') refuseImmortalNamespace(name);
    checkPreconditions(scope, entry.object, options);
    admitNode(core, scope, 'DELETE', undefined, entry.object);
    if (!isAdmitted) {
      await core.admission.mutateNothing(scope, entry.object);
      await core.admission.validate(scope, 'DELETE', undefined, entry.object);
    }
    try {
      return await remove(core, scope, entry, options);
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
      if (error.kind === 'missing') throw notFound(resource.gvr, name);
    }
  }
}

async function remove(core: Core, scope: Scope, entry: Entry, options: DeleteOptions): Promise<Deletion> {
  const { resource, namespace, name } = scope;
  const object = entry.object;
  const next = markDeleted(object, resource.storeType, options, core.clock(), (text) => scope.warn(text));
  const removed = isFinished(next);
  if (scope.dryRun) return { entry: fromStored(resource, new Entry(namespace, name, entry.rv, JSON.stringify(next), next)), removed };
  if (removed) {
    const last = core.store.delete(
      resource.storeType,
      namespace,
      name,
      entry.rv,
      object.metadata.deletionTimestamp === undefined ? object : next,
    );
    strategyFor(resource.storeType).removed?.(last.object, core);
    await core.store.settled();
    return { entry: fromStored(resource, last), removed };
  }
  const unchanged = JSON.stringify(next) === entry.json;
  const written = unchanged ? entry : core.store.update(resource.storeType, namespace, name, next, entry.rv);
  await core.store.settled();
  return { entry: fromStored(resource, written), removed };
}

/** The object after a DELETE (apimachinery `rest.BeforeDelete`); pure. */
export function markDeleted(
  object: KubernetesObject,
  storeType: string,
  options: DeleteOptions,
  now: Date,
  warn: (text: string) => void = () => {},
): KubernetesObject {
  const meta = object.metadata;
  const finalizers = [...finalizersAfter(object, storeType, options, warn)];
  const isGoingDefinition = storeType === DEFINITIONS && meta.deletionTimestamp === undefined;
  // The server itself empties a definition and then takes this away.
  if (isGoingDefinition && !finalizers.includes(CLEANUP_FINALIZER)) finalizers.push(CLEANUP_FINALIZER);
  const next: KubernetesObject = { ...object, metadata: { ...meta } };
  if (isGoingDefinition) next['status'] = { ...object['status'], conditions: terminating(object['status']?.conditions ?? [], now) };
  if (finalizers.length > 0) next.metadata.finalizers = finalizers;
  else delete next.metadata.finalizers;
  const wanted = graceSeconds(object, storeType, options);
  const already = meta.deletionTimestamp !== undefined;
  const period = already ? Math.min(wanted, meta.deletionGracePeriodSeconds ?? 0) : wanted;
  if (!already || period < (meta.deletionGracePeriodSeconds ?? 0)) {
    const deadline = already
      ? Date.parse(meta.deletionTimestamp!) - ((meta.deletionGracePeriodSeconds ?? 0) - period) * 1000
      : now.getTime() + period * 1000;
    next.metadata.deletionTimestamp = formatTime(new Date(Math.max(deadline, period === 0 ? now.getTime() : deadline)));
    next.metadata.deletionGracePeriodSeconds = period;
    if (!already && meta.generation !== undefined) next.metadata.generation = meta.generation + 1;
  }
  if (storeType === 'namespaces') next['status'] = { ...object['status'], phase: 'Terminating' };
  return next;
}

function terminating(conditions: Parameters<typeof withCondition>[0], now: Date): ReturnType<typeof withCondition> {
  const message = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon';
  return withCondition(conditions, { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message }, formatTime(now));
}

/** Nothing holds an object that was told to go: no finalizer, no grace period, no content of a namespace. */
export function isFinished(object: KubernetesObject): boolean {
  const meta = object.metadata;
  if (meta.deletionTimestamp === undefined || (meta.finalizers?.length ?? 0) > 0 || (meta.deletionGracePeriodSeconds ?? 0) > 0)
    return false;
  return object.kind !== 'Namespace' || object.apiVersion !== 'v1' || (object['spec']?.finalizers?.length ?? 0) === 0;
}

/** Only pods have a period; one that no node runs, or that has ended, needs none. */
function graceSeconds(object: KubernetesObject, storeType: string, options: DeleteOptions): number {
  if (storeType !== 'pods') return 0;
  const phase = object['status']?.phase;
  if (!object['spec']?.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  const period = options.gracePeriodSeconds ?? object['spec']?.terminationGracePeriodSeconds ?? 30;
  // A negative period means the shortest that is no force (as the real server treats it).
  return period < 0 ? 1 : period;
}

function finalizersAfter(object: KubernetesObject, storeType: string, options: DeleteOptions, warn: (text: string) => void): string[] {
  const current = object.metadata.finalizers ?? [];
  const others = current.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  switch (options.propagationPolicy) {
    case 'Foreground':
      return [...others, FOREGROUND];
    case 'Orphan':
      return [...others, ORPHAN];
    case 'Background':
      return others;
    case undefined:
      if (current.length > others.length || !orphansByDefault(storeType)) return current;
      if (storeType === 'jobs.batch') {
        warn(
          'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
        );
      }
      return [...others, ORPHAN];
    default:
      throw badRequest(`unknown propagation policy ${JSON.stringify(options.propagationPolicy)}`);
  }
}

function checkPreconditions(scope: Scope, object: KubernetesObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const meta = object.metadata;
  const { group, kind } = scope.resource.gvk;
  if (uid !== undefined && uid !== meta.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${meta.uid}). The object might have been deleted and then recreated`;
    throw conflict({ group, resource: kind }, scope.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== meta.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${meta.resourceVersion}). The object might have been modified`;
    throw conflict({ group, resource: kind }, scope.name, why);
  }
}
