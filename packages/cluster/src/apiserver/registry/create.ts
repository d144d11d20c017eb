import { alreadyExists, invalid, type KubernetesObject, namespaceTerminating, notFound, plainFailure } from '@palisade/kubernetes';
import { admitLimitRange } from '../admission/limit-range.ts';
import { admitNode } from '../admission/node-restriction.ts';
import { admitPodSecurity } from '../admission/pod-security/admit.ts';
import { admitQuota } from '../admission/quota.ts';
import { type Core, readObject, type Scope } from '../core.ts';
import { Entry } from '../store/entry.ts';
import { StoreConflict } from '../store/object-store.ts';
import { fromStored, toStored } from './catalog.ts';
import { refuseOtherNamespace } from './decode-body.ts';
import { dropDisabledFields } from './disabled-fields.ts';
import { recordManagers, setManagers } from './managers.ts';
import type { Strategy } from './strategies/strategy.ts';
import { hasGeneration, strategyFor } from './strategy.ts';
import { formatTime } from './time.ts';
import { generatedName } from './uid.ts';

/** Generated names that collide are drawn again this often. */
const NAME_ATTEMPTS = 8;

/**
 * Stores a new object. `object` is a fresh copy, decoded, in the version of the request; of one that is applied `managedFields` are
 * set already.
 *
 * @returns the stored entry in the version of the request; of a dry run one that was not stored
 * @throws StatusError 400, 403, 404 (namespace), 409 AlreadyExists, 422
 */
export async function createObject(
  core: Core,
  scope: Scope,
  object: KubernetesObject,
  { isApplied = false }: { isApplied?: boolean } = {},
): Promise<Entry> {
  const { resource } = scope;
  const meta = object.metadata;
  if (resource.info.namespaced) {
    refuseOtherNamespace(scope, object);
    meta.namespace = scope.namespace;
  } else delete meta.namespace;
  if (meta.resourceVersion !== undefined && meta.resourceVersion !== '' && meta.resourceVersion !== '0') {
    throw plainFailure(500, 'resourceVersion should not be set on objects to be created');
  }
  const strategy = strategyFor(resource.storeType);
  const generateFrom = !meta.name && meta.generateName ? meta.generateName : undefined;
  for (let attempt = 1; ; attempt++) {
    if (generateFrom !== undefined) meta.name = generatedName(core.random, generateFrom);
    try {
      return await createNamed(core, scope, strategy, generateFrom === undefined ? object : structuredClone(object), isApplied);
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error;
      if (generateFrom === undefined || attempt >= NAME_ATTEMPTS) throw alreadyExists(resource.gvr, meta.name ?? '');
    }
  }
}

async function createNamed(core: Core, scope: Scope, strategy: Strategy, fresh: KubernetesObject, isApplied: boolean): Promise<Entry> {
  const { resource } = scope;
  const meta = fresh.metadata;
  const applied = isApplied ? meta.managedFields : undefined;
  meta.uid = core.random.uuid();
  meta.creationTimestamp = formatTime(core.clock());
  for (const field of [
    'resourceVersion',
    'selfLink',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'managedFields',
  ] as const) {
    delete (meta as Record<string, unknown>)[field];
  }
  if (resource.hasStatus) delete fresh['status'];
  let object = resource.model.applyDefaults(fresh);
  if (hasGeneration(resource.storeType)) object.metadata.generation = 1;
  if (isApplied) setManagers(object, applied);
  // Before admission: what the server adds is nobody's.
  else recordManagers(core, scope, resource.model.empty(), object, undefined);
  refuseMissingNamespace(core, scope, object.metadata.name ?? '');
  await strategy.admit?.(object, core, scope);
  const mutated = await core.admission.mutate(scope, 'CREATE', object, undefined);
  if (mutated !== object) {
    // What a webhook added is admitted like the rest: an injected container gets its token too.
    object = mutated;
    await strategy.admit?.(object, core, scope);
  }
  dropDisabledFields(resource.storeType, object);
  strategy.prepareForCreate?.(object, core);
  const causes = [...resource.model.validateCreate(object), ...(strategy.check?.(object) ?? [])];
  const kind = resource.gvk;
  if (causes.length > 0) throw invalid(kind, object.metadata.name ?? '', causes);
  const name = object.metadata.name!;
  core.restrict(scope, object, undefined);
  admitPodSecurity(core, scope, object, undefined);
  admitLimitRange(core, scope, object);
  admitNode(core, scope, 'CREATE', object, undefined);
  await core.admission.validate(scope, 'CREATE', object, undefined);
  const charge = admitQuota(core, scope, object, undefined);
  const allocation = strategy.allocate?.(object, undefined, core, scope.dryRun);
  if (allocation !== undefined && 'causes' in allocation) throw invalid(kind, name, allocation.causes);
  resource.model.settle?.(object);
  const stored = toStored(resource, object);
  const namespace = object.metadata.namespace ?? '';
  if (scope.dryRun) {
    allocation?.undo();
    if (core.store.get(resource.storeType, namespace, name) !== undefined) throw new StoreConflict('exists', name);
    return new Entry(namespace, name, 0, JSON.stringify(object), object);
  }
  try {
    // Admission may have waited: the namespace is looked at again in the same tick as the write.
    refuseMissingNamespace(core, scope, name);
    const entry = core.store.create(resource.storeType, namespace, name, stored);
    charge();
    strategy.stored?.(entry.object, undefined, core);
    await core.store.settled();
    return fromStored(resource, entry);
  } catch (error) {
    allocation?.undo();
    throw error;
  }
}

function refuseMissingNamespace(core: Core, scope: Scope, name: string): void {
  if (!scope.resource.info.namespaced) return;
  const namespace = readObject(core, 'namespaces', '', scope.namespace);
  if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, scope.namespace);
  if (namespace.metadata.deletionTimestamp !== undefined) throw namespaceTerminating(scope.resource.gvr, name, scope.namespace);
}
