import { isDeepStrictEqual } from 'node:util';
import type { GroupVersionResource, KubernetesObject } from '../../object.ts';
import { StatusError } from '../../status.ts';
import type { ApiClient, DeleteOptions, ListOptions, ObjectKey, WatchEvent, WatchOptions, WriteOptions } from '../api-client.ts';
import { type FakeResource, fakeResource } from './resources.ts';

interface FakeAction {
  verb: 'create' | 'update' | 'patch' | 'delete';
  resource: string;
  subresource?: string;
  key: string;
}

export interface FakeClient extends ApiClient {
  /** Every write so far, in order; tests empty it as they like. */
  readonly actions: FakeAction[];
  /** Called before each write; throwing refuses it. */
  intercept: ((action: FakeAction, object: KubernetesObject | undefined) => void) | undefined;
  /** Awaited before each watch event is handed out: caches then lag behind, as real ones do. */
  watchDelay: (() => Promise<void>) | undefined;
  /** Makes running and future watches from versions before now end with 410. */
  expireWatches(): void;
}

interface LogEntry {
  version: number;
  collection: string;
  event: Exclude<WatchEvent, { type: 'ERROR' }>;
}

/**
 * The semantics controllers rely on, in memory: one version counter, conflicts, watches from a version, status apart from spec,
 * generation, finalizers, graceful deletion of pods that have a node, binding. No schemas, defaults or selectors beyond equality.
 */
export function createFakeClient(now: () => Date = () => new Date(0)): FakeClient {
  const collections = new Map<string, Map<string, KubernetesObject>>();
  const log: LogEntry[] = [];
  const wakers = new Set<() => void>();
  const actions: FakeAction[] = [];
  let version = 1;
  let oldestVersion = 0;
  let names = 0;

  const collectionName = (r: GroupVersionResource) => `${r.group}/${r.resource}`;
  function collection(r: GroupVersionResource): Map<string, KubernetesObject> {
    const name = collectionName(r);
    let found = collections.get(name);
    if (found === undefined) {
      found = new Map();
      collections.set(name, found);
    }
    return found;
  }

  function emit(r: GroupVersionResource, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubernetesObject): void {
    log.push({ version, collection: collectionName(r), event: { type, object } });
    for (const wake of wakers) wake();
  }

  function begin(verb: FakeAction['verb'], r: GroupVersionResource, key: string, object?: KubernetesObject, subresource?: string): void {
    const action: FakeAction = { verb, resource: r.resource, key, ...(subresource === undefined ? {} : { subresource }) };
    client.intercept?.(action, object);
    actions.push(action);
  }

  function need(r: GroupVersionResource, key: string): KubernetesObject {
    const found = collection(r).get(key);
    if (found === undefined) throw failure(404, 'NotFound', `${r.resource} "${key.split('/').at(-1)}" not found`);
    return found;
  }

  /** Stores `next`, or removes it when nothing holds a deleted object any longer. */
  function commit(r: GroupVersionResource, key: string, next: KubernetesObject, before: KubernetesObject): KubernetesObject {
    next.metadata.resourceVersion = before.metadata.resourceVersion!;
    if (isDeepStrictEqual(next, before)) return before;
    version += 1;
    next.metadata.resourceVersion = String(version);
    const waitsForPod = (next.metadata.deletionGracePeriodSeconds ?? 0) > 0;
    const waitsForNamespace = r.resource === 'namespaces' && (next['spec']?.finalizers?.length ?? 0) > 0;
    if (next.metadata.deletionTimestamp && !next.metadata.finalizers?.length && !waitsForPod && !waitsForNamespace) {
      collection(r).delete(key);
      emit(r, 'DELETED', next);
    } else {
      collection(r).set(key, next);
      emit(r, 'MODIFIED', next);
    }
    return next;
  }

  function merge(r: GroupVersionResource, key: string, incoming: KubernetesObject, options: WriteOptions): KubernetesObject {
    const before = need(r, key);
    const wantedVersion = incoming.metadata.resourceVersion;
    if (wantedVersion && wantedVersion !== before.metadata.resourceVersion) {
      throw failure(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${r.resource} "${before.metadata.name}": the object has been modified; please apply your changes to the latest version and try again`,
      );
    }
    if (incoming.metadata.uid && incoming.metadata.uid !== before.metadata.uid) {
      throw failure(
        409,
        'Conflict',
        `Precondition failed: UID in precondition: ${incoming.metadata.uid}, UID in object meta: ${before.metadata.uid}`,
      );
    }
    const next = nextObject(fakeResource(r), before, incoming, options.subresource);
    return commit(r, key, next, before);
  }

  const client: FakeClient = {
    actions,
    intercept: undefined,
    watchDelay: undefined,
    expireWatches() {
      oldestVersion = version + 1;
      for (const wake of wakers) wake();
    },
    async get<T extends KubernetesObject>(r: GroupVersionResource, key: ObjectKey) {
      return need(r, keyOf(key)) as T;
    },
    async list<T extends KubernetesObject>(r: GroupVersionResource, options: ListOptions = {}) {
      const items = [...collection(r).values()].filter((object) => selects(options, object)) as T[];
      return { apiVersion: 'v1', kind: `${fakeResource(r).kind}List`, metadata: { resourceVersion: String(version) }, items };
    },
    async *watch<T extends KubernetesObject>(r: GroupVersionResource, options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
      const from = Number(options.resourceVersion ?? version);
      if (from < oldestVersion) {
        yield { type: 'ERROR', object: failure(410, 'Expired', `too old resource version: ${from} (${version})`).status };
        return;
      }
      const startedAtExpiry = oldestVersion;
      let next = log.findIndex((entry) => entry.version > from);
      if (next === -1) next = log.length;
      while (!options.signal?.aborted) {
        for (; next < log.length; next++) {
          const entry = log[next]!;
          if (entry.collection !== collectionName(r) || !selects(options, entry.event.object)) continue;
          await client.watchDelay?.();
          yield entry.event as WatchEvent<T>;
        }
        if (oldestVersion !== startedAtExpiry) {
          yield { type: 'ERROR', object: failure(410, 'Expired', `too old resource version: ${from} (${version})`).status };
          return;
        }
        await new Promise<void>((resolve) => {
          const wake = () => {
            wakers.delete(wake);
            options.signal?.removeEventListener('abort', wake);
            resolve();
          };
          wakers.add(wake);
          options.signal?.addEventListener('abort', wake, { once: true });
        });
      }
    },
    async create<T extends KubernetesObject>(
      r: GroupVersionResource,
      object: KubernetesObject,
      key: { namespace?: string; name?: string } = {},
      options: WriteOptions = {},
    ) {
      const target = fakeResource(r);
      const namespace = target.namespaced ? (key.namespace ?? object.metadata.namespace ?? 'default') : undefined;
      if (options.subresource === 'binding') {
        const path = keyOf({ name: String(object.metadata.name), ...(namespace === undefined ? {} : { namespace }) });
        begin('create', r, path, object, 'binding');
        const pod = structuredClone(need(r, path));
        if (pod['spec'].nodeName)
          throw failure(409, 'Conflict', `pod ${pod.metadata.name} is already assigned to node "${pod['spec'].nodeName}"`);
        pod['spec'].nodeName = object['target'].name;
        return commit(r, path, pod, need(r, path)) as T;
      }
      const made = structuredClone(object);
      made.metadata.name ??= `${made.metadata.generateName ?? ''}${String(++names).padStart(5, '0')}`;
      if (namespace !== undefined) made.metadata.namespace = namespace;
      const path = keyOf({ name: made.metadata.name, ...(namespace === undefined ? {} : { namespace }) });
      if (collection(r).has(path)) throw failure(409, 'AlreadyExists', `${r.resource} "${made.metadata.name}" already exists`);
      begin('create', r, path, made);
      version += 1;
      Object.assign(made.metadata, { uid: `uid-${version}`, resourceVersion: String(version), creationTimestamp: now().toISOString() });
      if (target.hasStatus) made.metadata.generation = 1;
      if (r.resource === 'namespaces') Object.assign(made, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } });
      if (r.resource === 'pods') made['status'] ??= { phase: 'Pending' };
      collection(r).set(path, made);
      emit(r, 'ADDED', made);
      return made as T;
    },
    async update<T extends KubernetesObject>(r: GroupVersionResource, object: KubernetesObject, options: WriteOptions = {}) {
      const path = keyOf(object.metadata as ObjectKey);
      begin('update', r, path, object, options.subresource);
      return merge(r, path, structuredClone(object), options) as T;
    },
    async patch<T extends KubernetesObject>(
      r: GroupVersionResource,
      key: ObjectKey,
      type: string,
      patch: unknown,
      options: WriteOptions = {},
    ) {
      if (type !== 'application/merge-patch+json') throw new Error(`Fake client: patch type ${type} not supported, wanted a merge patch`);
      const path = keyOf(key);
      const merged = applyMerge(structuredClone(need(r, path)), structuredClone(patch)) as KubernetesObject;
      begin('patch', r, path, merged, options.subresource);
      return merge(r, path, merged, options) as T;
    },
    async delete(r: GroupVersionResource, key: ObjectKey, options: DeleteOptions = {}) {
      const path = keyOf(key);
      const before = need(r, path);
      const { preconditions } = options;
      if (preconditions?.uid && preconditions.uid !== before.metadata.uid)
        throw failure(
          409,
          'Conflict',
          `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${before.metadata.uid}`,
        );
      if (preconditions?.resourceVersion && preconditions.resourceVersion !== before.metadata.resourceVersion)
        throw failure(409, 'Conflict', 'Precondition failed: resourceVersion');
      begin('delete', r, path, before);
      const next = structuredClone(before);
      const isRunningPod = r.resource === 'pods' && before['spec']?.nodeName && !['Succeeded', 'Failed'].includes(before['status']?.phase);
      const grace = isRunningPod ? (options.gracePeriodSeconds ?? before['spec'].terminationGracePeriodSeconds ?? 30) : 0;
      next.metadata.deletionTimestamp ??= new Date(now().getTime() + grace * 1000).toISOString();
      next.metadata.deletionGracePeriodSeconds = Math.min(grace, before.metadata.deletionGracePeriodSeconds ?? grace);
      const finalizer = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined }[
        options.propagationPolicy ?? 'Background'
      ];
      if (finalizer !== undefined && !before.metadata.deletionTimestamp)
        next.metadata.finalizers = [...(before.metadata.finalizers ?? []), finalizer];
      if (r.resource === 'namespaces') next['status'] = { ...next['status'], phase: 'Terminating' };
      commit(r, path, next, before);
    },
  };
  return client;
}

function keyOf(key: ObjectKey): string {
  return key.namespace ? `${key.namespace}/${key.name}` : key.name;
}

function nextObject(
  resource: FakeResource,
  before: KubernetesObject,
  incoming: KubernetesObject,
  subresource: string | undefined,
): KubernetesObject {
  if (subresource === 'status') return { ...before, metadata: { ...before.metadata }, status: incoming['status'] };
  if (subresource === 'finalize') return { ...before, metadata: { ...before.metadata }, spec: incoming['spec'] };
  if (subresource !== undefined) throw new Error(`Fake client: subresource "${subresource}" not supported`);
  const fixed = ['uid', 'creationTimestamp', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;
  const next: KubernetesObject = { ...incoming, metadata: { ...incoming.metadata } };
  for (const field of fixed) {
    if (before.metadata[field] === undefined) delete next.metadata[field];
    else Object.assign(next.metadata, { [field]: before.metadata[field] });
  }
  if (!resource.hasStatus) return next;
  if (before['status'] === undefined) delete next['status'];
  else next['status'] = before['status'];
  if (!isDeepStrictEqual(JSON.parse(JSON.stringify(next['spec'] ?? null)), JSON.parse(JSON.stringify(before['spec'] ?? null)))) {
    next.metadata.generation = (before.metadata.generation ?? 0) + 1;
  }
  return next;
}

function selects(options: ListOptions, object: KubernetesObject): boolean {
  if (options.namespace && object.metadata.namespace !== options.namespace) return false;
  const pairs = (text: string | undefined) => (text ? text.split(',').map((pair) => pair.split('=') as [string, string]) : []);
  return (
    pairs(options.labelSelector).every(([key, value]) => object.metadata.labels?.[key] === value) &&
    pairs(options.fieldSelector).every(([path, value]) => {
      let at: unknown = object;
      for (const field of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[field];
      return String(at ?? '') === value;
    })
  );
}

function applyMerge(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = target !== null && typeof target === 'object' && !Array.isArray(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = applyMerge(result[field], value);
  }
  return result;
}

function failure(code: number, reason: string, message: string): StatusError {
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message });
}
