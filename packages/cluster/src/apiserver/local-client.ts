import {
  type ApiClient,
  cloneObject,
  type DeleteOptions,
  formatApiVersion,
  type GroupVersionResource,
  type KubernetesObject,
  type ListOptions,
  methodNotAllowed,
  type ObjectKey,
  type ObjectList,
  PatchType,
  unknownResource,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from '@palisade/kubernetes';
import type { UserInfo } from '../contract.ts';
import { answerReview } from './auth/reviews.ts';
import { requestToken } from './auth/token-request.ts';
import type { Scope } from './core.ts';
import type { HttpContext } from './http/context.ts';
import { authorizeResource } from './http/router.ts';
import { bookmarkObject } from './http/watch-stream.ts';
import { applyObject } from './registry/apply.ts';
import { createObject } from './registry/create.ts';
import { decodeBody, type ParsedBody } from './registry/decode-body.ts';
import { deleteObject } from './registry/delete.ts';
import { finalizeNamespace } from './registry/namespace-finalize.ts';
import type { Part } from './registry/parts.ts';
import { patchObject } from './registry/patch.ts';
import { bindPod, evictPod } from './registry/pod-subresources.ts';
import { getObject, listObjects } from './registry/read.ts';
import { getScale, patchScale, updateScale } from './registry/scale.ts';
import { updateObject } from './registry/update.ts';
import { WatchCursor } from './registry/watch.ts';

const UPDATABLE_PARTS: Readonly<Record<string, Part>> = {
  '': 'main',
  status: 'status',
  ephemeralcontainers: 'ephemeralcontainers',
  resize: 'resize',
  approval: 'approval',
};

/** Controllers and kubelets write under one name. */
const LOCAL_MANAGER = 'palisade';

/** The API without HTTP, for what runs in the server's process. Same authorisation, validation and errors as over the wire. */
export function createLocalClient(context: HttpContext, user: UserInfo): ApiClient {
  const { core } = context;

  function scope(verb: string, gvr: GroupVersionResource, key: { namespace?: string; name?: string }, options: WriteOptions = {}): Scope {
    const resource = core.catalog.find(gvr);
    if (resource === undefined) throw unknownResource();
    const namespace = resource.info.namespaced ? (key.namespace ?? '') : '';
    const [name, subresource] = [key.name ?? '', options.subresource ?? ''];
    authorizeResource(context, user, verb, { isResource: true, path: '', ...gvr, namespace, name, subresource, rest: '' });
    return {
      resource,
      namespace,
      name,
      subresource,
      user,
      dryRun: options.dryRun === true,
      fieldValidation: 'Ignore',
      fieldManager: options.fieldManager ?? LOCAL_MANAGER,
      warn: () => {},
    };
  }

  /** Callers may go on changing what they passed in. */
  const bodyOf = (object: KubernetesObject): ParsedBody => ({ value: cloneObject(object), syntaxWarnings: [] });
  const keyOf = (object: KubernetesObject) => ({
    ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
    name: object.metadata.name ?? '',
  });

  async function createSub(at: Scope, object: KubernetesObject): Promise<KubernetesObject> {
    switch (at.subresource) {
      case 'binding':
        return bindPod(core, at, bodyOf(object));
      case 'eviction':
        return evictPod(core, at, bodyOf(object));
      case 'token':
        return requestToken(core, at, context.tokens, bodyOf(object));
      default:
        throw methodNotAllowed(at.resource.gvr, 'create');
    }
  }

  const client: Record<keyof ApiClient, unknown> = {
    async get(r: GroupVersionResource, key: ObjectKey, subresource?: string) {
      const at = scope('get', r, key, subresource === undefined ? {} : { subresource });
      return subresource === 'scale' ? getScale(core, at) : (await getObject(core, at)).object;
    },
    async list(r: GroupVersionResource, options: ListOptions = {}): Promise<ObjectList> {
      const at = scope('list', r, options);
      const { entries, ...metadata } = await listObjects(core, at, options);
      const { gvk } = at.resource;
      return {
        apiVersion: formatApiVersion(gvk.group, gvk.version),
        kind: `${gvk.kind}List`,
        metadata,
        items: entries.map((entry) => entry.object),
      };
    },
    watch(r: GroupVersionResource, options: WatchOptions = {}) {
      return watchEvents(context, () => scope('watch', r, options), options);
    },
    async create(
      r: GroupVersionResource,
      object: KubernetesObject,
      key: { namespace?: string; name?: string } = {},
      options: WriteOptions = {},
    ) {
      const namespace = key.namespace ?? object.metadata?.namespace;
      const at = scope(
        'create',
        r,
        { ...(namespace === undefined ? {} : { namespace }), ...(key.name === undefined ? {} : { name: key.name }) },
        options,
      );
      if (at.subresource !== '') return createSub(at, object);
      const review = await answerReview(
        core,
        at,
        { authorizer: context.authorizer, rules: context.rbac, tokens: context.tokens },
        bodyOf(object),
      );
      if (review !== undefined) return review;
      return (await createObject(core, at, decodeBody(core, at, at.resource.gvk, bodyOf(object)))).object;
    },
    async update(r: GroupVersionResource, object: KubernetesObject, options: WriteOptions = {}) {
      const at = scope('update', r, keyOf(object), options);
      if (at.subresource === 'scale') return updateScale(core, at, bodyOf(object));
      if (at.subresource === 'finalize') return (await finalizeNamespace(core, at, cloneObject(object))).object;
      const part = UPDATABLE_PARTS[at.subresource];
      if (part === undefined) throw methodNotAllowed(at.resource.gvr, 'update');
      return (await updateObject(core, at, { part, compute: () => decodeBody(core, at, at.resource.gvk, bodyOf(object)) })).object;
    },
    async patch(r: GroupVersionResource, key: ObjectKey, type: PatchType, patch: unknown, options: WriteOptions = {}) {
      const at = scope('patch', r, key, options);
      if (at.subresource === 'scale') return patchScale(core, at, type, cloneObject(patch));
      const part = UPDATABLE_PARTS[at.subresource];
      if (part === undefined) throw methodNotAllowed(at.resource.gvr, 'patch');
      if (type === PatchType.apply) return (await applyObject(core, at, bodyOf(patch as KubernetesObject), false, part)).entry.object;
      return (await patchObject(core, at, type, cloneObject(patch), part)).object;
    },
    async delete(r: GroupVersionResource, key: ObjectKey, options: DeleteOptions = {}) {
      await deleteObject(core, scope('delete', r, key), options);
    },
  };
  return client as unknown as ApiClient;
}

async function* watchEvents(context: HttpContext, scope: () => Scope, options: WatchOptions): AsyncIterable<WatchEvent> {
  const at = scope();
  const cursor = await WatchCursor.open(context.core, at, options);
  let wake = () => {};
  let isOver = options.signal?.aborted === true;
  const end = () => {
    isOver = true;
    wake();
  };
  const unsubscribe = cursor.subscribe(() => wake());
  options.signal?.addEventListener('abort', end, { once: true });
  const timer = options.timeoutSeconds === undefined ? undefined : setTimeout(end, options.timeoutSeconds * 1000);
  timer?.unref();
  try {
    while (!isOver) {
      const read = cursor.read();
      if ('kind' in read) {
        yield { type: 'ERROR', object: read };
        return;
      }
      for (const { type, entry } of read.items) {
        if (isOver) return;
        yield { type, object: entry.object };
      }
      if (read.more || isOver) continue;
      // Set up before anything can happen: the log may have moved while the consumer had the last event.
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (cursor.isBehind()) continue;
      await promise;
    }
    if (options.allowWatchBookmarks === true && options.signal?.aborted !== true) {
      await cursor.catchUp();
      yield { type: 'BOOKMARK', object: bookmarkObject(at.resource, cursor.resourceVersion) };
    }
  } finally {
    unsubscribe();
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', end);
  }
}
