import { isDeepStrictEqual } from 'node:util';
import { isStatusError, type KubernetesObject, type OwnerReference, PatchType } from '@palisade/kubernetes';
import { type Informer, objectKey } from '@palisade/kubernetes/client';
import { type Controller, type ControllerContext, createController } from '../runtime/context.ts';
import { ignoreMissing } from '../runtime/errors.ts';
import { keyOf, patchReferences } from '../runtime/ownership.ts';
import { deletableResources, type ServedResource } from '../runtime/resources.ts';
import { decideGarbage, FOREGROUND, isBlocking, isDeletedWith, ORPHAN, type OwnerState, referenceGroup } from './decide.ts';

/** Events have no owners and no dependents, and there are many of them. */
const IGNORED = new Set(['events.', 'events.events.k8s.io']);

/** Custom resources come and go: the list of watched kinds is made again this often. */
const REFRESH_MS = 10_000;

const OWNER_UID = 'ownerUid';

interface Watched {
  resource: ServedResource;
  informer: Informer;
}

/** Deletes what its owners left behind, and carries out foreground and orphan deletions (Kubernetes documentation, "Garbage Collection"). */
export function createGarbageCollector(ctx: ControllerContext, options: { resources: () => readonly ServedResource[] }): Controller {
  const { client } = ctx;
  const events = ctx.recorder('garbage-collector-controller');
  const watched = new Map<string, Watched>();
  const controller = createController(ctx, 'garbage', sync, { concurrency: 4 });
  const { queue } = controller;
  const nameOf = (resource: ServedResource) => `${resource.resource}.${resource.group}`;
  const queueKey = (resource: ServedResource, object: KubernetesObject) => `${nameOf(resource)} ${objectKey(object)}`;

  function refresh(): void {
    for (const resource of deletableResources(options.resources())) {
      const name = nameOf(resource);
      if (watched.has(name) || IGNORED.has(name)) continue;
      const informer = ctx.informer({ group: resource.group, version: resource.version, resource: resource.resource });
      watched.set(name, { resource, informer });
      informer.addIndex(OWNER_UID, (object) => object.metadata.ownerReferences?.map((reference) => reference.uid) ?? []);
      informer.onChange((type, object, old) => changed(resource, type, object, old));
    }
    if (!queue.isStopped) ctx.clock.after(REFRESH_MS, refresh);
  }
  refresh();

  function changed(resource: ServedResource, type: string, object: KubernetesObject, old: KubernetesObject | undefined): void {
    if (type === 'DELETED') {
      queueDependents(String(object.metadata.uid));
      for (const reference of object.metadata.ownerReferences ?? []) queueOwner(reference, object.metadata.namespace);
      return;
    }
    // Most changes (a status, a label) concern nobody here.
    const relevant = ({ metadata: { ownerReferences = [], finalizers = [], deletionTimestamp } }: KubernetesObject) => [
      ownerReferences,
      finalizers,
      deletionTimestamp,
    ];
    if (type === 'MODIFIED' && old !== undefined && isDeepStrictEqual(relevant(object), relevant(old))) return;
    const isOurs = object.metadata.ownerReferences?.length || isDeletedWith(object, FOREGROUND) || isDeletedWith(object, ORPHAN);
    if (isOurs) queue.add(queueKey(resource, object));
    // A dependent that stopped blocking, or began to go, may set its owner free.
    if (object.metadata.ownerReferences)
      for (const reference of object.metadata.ownerReferences) queueOwner(reference, object.metadata.namespace);
  }

  function dependentsOf(uid: string): { resource: ServedResource; object: KubernetesObject }[] {
    return [...watched.values()].flatMap(({ resource, informer }) =>
      informer.byIndex(OWNER_UID, uid).map((object) => ({ resource, object })),
    );
  }

  function queueDependents(uid: string): void {
    for (const { resource, object } of dependentsOf(uid)) queue.add(queueKey(resource, object));
  }

  function findKind(reference: OwnerReference): Watched | undefined {
    const group = referenceGroup(reference);
    for (const entry of watched.values()) if (entry.resource.group === group && entry.resource.kind === reference.kind) return entry;
    return undefined;
  }

  function queueOwner(reference: OwnerReference, namespace: string | undefined): void {
    const kind = findKind(reference);
    if (kind === undefined) return;
    const owner = kind.informer.get(kind.resource.namespaced ? `${namespace}/${reference.name}` : reference.name);
    if (owner !== undefined && owner.metadata.uid === reference.uid && isDeletedWith(owner, FOREGROUND))
      queue.add(queueKey(kind.resource, owner));
  }

  async function sync(key: string): Promise<void> {
    const space = key.indexOf(' ');
    const entry = watched.get(key.slice(0, space));
    const object = entry?.informer.get(key.slice(space + 1));
    if (entry === undefined || object === undefined) return;
    if (isDeletedWith(object, ORPHAN)) return orphanDependents(entry.resource, object);
    if (isDeletedWith(object, FOREGROUND)) return awaitDependents(entry.resource, object);
    if (object.metadata.deletionTimestamp === undefined && object.metadata.ownerReferences?.length) await judge(entry.resource, object);
  }

  async function orphanDependents(resource: ServedResource, owner: KubernetesObject): Promise<void> {
    for (const dependent of dependentsOf(String(owner.metadata.uid)))
      await unreference(dependent.resource, dependent.object, [String(owner.metadata.uid)]);
    await removeFinalizer(resource, owner, ORPHAN);
  }

  async function awaitDependents(resource: ServedResource, owner: KubernetesObject): Promise<void> {
    const uid = String(owner.metadata.uid);
    const dependents = dependentsOf(uid);
    queueDependents(uid);
    if (!dependents.some(({ object }) => isBlocking(object, uid))) await removeFinalizer(resource, owner, FOREGROUND);
  }

  async function judge(resource: ServedResource, object: KubernetesObject): Promise<void> {
    const states = new Map<string, OwnerState>();
    for (const reference of object.metadata.ownerReferences ?? []) states.set(reference.uid, await ownerState(resource, object, reference));
    const decision = decideGarbage(object, states, dependentsOf(String(object.metadata.uid)).length > 0);
    if (decision.action === 'keep') return;
    if (decision.action === 'unreference') return unreference(resource, object, decision.uids);
    const { uid, resourceVersion } = object.metadata;
    const preconditions = { uid: String(uid), resourceVersion: String(resourceVersion) };
    await ignoreMissing(client.delete(resource, keyOf(object), { propagationPolicy: decision.propagationPolicy, preconditions }));
  }

  /** The cache answers first; only what it does not know is asked of the server, so that a cache behind its time kills nothing. */
  async function ownerState(resource: ServedResource, object: KubernetesObject, reference: OwnerReference): Promise<OwnerState> {
    const kind = findKind(reference);
    if (kind === undefined) return 'unresolvable';
    if (kind.resource.namespaced && !resource.namespaced) {
      events.event(object, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${describe(reference)} must not be namespaced`);
      return 'unresolvable';
    }
    const { namespace } = object.metadata;
    const target = { name: reference.name, ...(kind.resource.namespaced && namespace !== undefined ? { namespace } : {}) };
    let owner = kind.informer.get(target.namespace === undefined ? target.name : `${target.namespace}/${target.name}`);
    if (owner?.metadata.uid !== reference.uid) {
      try {
        owner = await client.get(kind.resource, target);
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
        if (isElsewhere(kind, reference, namespace)) {
          events.event(
            object,
            'Warning',
            'OwnerRefInvalidNamespace',
            `ownerRef ${describe(reference)} does not exist in namespace "${namespace}"`,
          );
        }
        return 'absent';
      }
    }
    if (owner.metadata.uid !== reference.uid) return 'absent';
    return isDeletedWith(owner, FOREGROUND) ? 'waiting' : 'solid';
  }

  function isElsewhere(kind: Watched, reference: OwnerReference, namespace: string | undefined): boolean {
    return kind.informer.list().some((owner) => owner.metadata.uid === reference.uid && owner.metadata.namespace !== namespace);
  }

  async function unreference(resource: ServedResource, object: KubernetesObject, uids: readonly string[]): Promise<void> {
    const rest = (object.metadata.ownerReferences ?? []).filter((reference) => !uids.includes(reference.uid));
    await ignoreMissing(patchReferences(client, resource, object, rest));
  }

  async function removeFinalizer(resource: ServedResource, object: KubernetesObject, finalizer: string): Promise<void> {
    const finalizers = (object.metadata.finalizers ?? []).filter((entry) => entry !== finalizer);
    const { uid, resourceVersion } = object.metadata;
    await ignoreMissing(client.patch(resource, keyOf(object), PatchType.merge, { metadata: { uid, resourceVersion, finalizers } }));
  }

  return controller;
}

function describe(reference: OwnerReference): string {
  return `[${reference.apiVersion}/${reference.kind}, name: ${reference.name}, uid: ${reference.uid}]`;
}
