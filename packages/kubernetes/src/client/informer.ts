import type { GroupVersionResource, KubernetesObject } from '../object.ts';
import { isStatusError } from '../status.ts';
import type { ApiClient, WatchEvent } from './api-client.ts';
import { type Clock, sleep, systemClock } from './clock.ts';
import { createObjectCache, type ObjectCache, objectKey } from './object-cache.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';
/** `old` is the object known before (MODIFIED, DELETED). Handlers must not throw and must not mutate what they get. */
export type ChangeHandler<T extends KubernetesObject> = (type: ChangeType, object: T, old: T | undefined) => void;

export interface InformerOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  clock?: Clock;
  /** In [0, 1): spreads watch lifetimes and waits. Default 0.5 for all, which is fine for one client. */
  random?: () => number;
  /** Told of each failed list or watch; the informer goes on by itself. */
  onError?(error: unknown): void;
}

/** A resource's objects, held in memory and kept current by list and watch. */
export interface Informer<T extends KubernetesObject = KubernetesObject> extends ObjectCache<T> {
  readonly resource: GroupVersionResource;
  /** Runs until `signal` aborts; a second call does nothing. */
  start(signal: AbortSignal): void;
  /** Resolves after the first complete list (never, if the server never answers and the signal does not abort). */
  hasSynced(): Promise<void>;
  readonly isSynced: boolean;
  /** Objects already known are handed to a late `handler` as ADDED. */
  onChange(handler: ChangeHandler<T>): void;
}

const PAGE = 1000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 30_000;

/**
 * Keeps a cache by listing once and watching from the list's resourceVersion, resuming after a lost connection from the last
 * version seen (bookmarks included) and listing again when the server answers 410 (`Expired`).
 */
export function createInformer<T extends KubernetesObject = KubernetesObject>(
  client: ApiClient,
  resource: GroupVersionResource,
  options: InformerOptions = {},
): Informer<T> {
  const { clock = systemClock, random = () => 0.5 } = options;
  const scope = {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
    ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
  };
  const cache = createObjectCache<T>();
  const handlers: ChangeHandler<T>[] = [];
  const synced = Promise.withResolvers<void>();
  let isSynced = false;
  let isStarted = false;

  function notify(type: ChangeType, object: T, old: T | undefined): void {
    for (const handler of handlers) {
      try {
        handler(type, object, old);
      } catch (error) {
        options.onError?.(error);
      }
    }
  }

  function store(object: T): void {
    const old = cache.set(object);
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion && old?.metadata.uid === object.metadata.uid) return;
    // Deleted and made again under one name while nobody watched: both facts are told.
    if (old !== undefined && old.metadata.uid !== object.metadata.uid) {
      notify('DELETED', old, old);
      notify('ADDED', object, undefined);
    } else notify(old === undefined ? 'ADDED' : 'MODIFIED', object, old);
  }

  function remove(object: T): void {
    const old = cache.delete(objectKey(object));
    if (old !== undefined) notify('DELETED', object, old);
  }

  /** @returns the resourceVersion to watch from */
  async function relist(): Promise<string> {
    const items: T[] = [];
    let page = await client.list<T>(resource, { ...scope, limit: PAGE });
    items.push(...page.items);
    while (page.metadata.continue) {
      page = await client.list<T>(resource, { ...scope, limit: PAGE, continue: page.metadata.continue });
      items.push(...page.items);
    }
    const present = new Set(items.map(objectKey));
    for (const object of cache.list()) if (!present.has(objectKey(object))) remove(object);
    for (const item of items) store(item);
    isSynced = true;
    synced.resolve();
    return page.metadata.resourceVersion;
  }

  /** @returns the version to resume from, or undefined when only a new list helps */
  async function watchFrom(version: string, signal: AbortSignal, progress: (version: string) => void): Promise<string | undefined> {
    let current = version;
    const timeoutSeconds = 300 + Math.floor(random() * 300);
    const events = client.watch<T>(resource, { ...scope, resourceVersion: version, allowWatchBookmarks: true, timeoutSeconds, signal });
    for await (const event of events) {
      if (signal.aborted) return current;
      if (event.type === 'ERROR') {
        if (event.object.code === 410) return undefined;
        throw new Error(`Watch of ${resource.resource} failed: ${event.object.message ?? event.object.reason ?? 'no reason given'}`);
      }
      apply(event);
      current = event.object.metadata.resourceVersion ?? current;
      progress(current);
    }
    return current;
  }

  function apply(event: Exclude<WatchEvent<T>, { type: 'ERROR' }>): void {
    if (event.type === 'BOOKMARK') return;
    if (event.type === 'DELETED') remove(event.object);
    else store(event.object);
  }

  async function run(signal: AbortSignal): Promise<void> {
    let version: string | undefined;
    let backoffMs = FIRST_BACKOFF_MS;
    let expiries = 0;
    while (!signal.aborted) {
      try {
        version ??= await relist();
        const from: string = version;
        const startedMs = clock.now().getTime();
        version = await watchFrom(from, signal, (seen) => {
          version = seen;
          backoffMs = FIRST_BACKOFF_MS;
          expiries = 0;
        });
        if (version === undefined) expiries += 1;
        // A server that ends or refuses watches at once must not be asked in a tight loop.
        if (expiries > 1 || (version === from && clock.now().getTime() - startedMs < 1000)) await pause();
      } catch (error) {
        if (signal.aborted) break;
        options.onError?.(error);
        if (isStatusError(error) && (error.code === 410 || error.reason === 'Expired')) version = undefined;
        await pause();
      }
    }
    async function pause(): Promise<void> {
      await sleep(clock, backoffMs * (0.5 + random()), signal);
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    }
  }

  return {
    resource,
    get: cache.get,
    list: cache.list,
    addIndex: cache.addIndex,
    byIndex: cache.byIndex,
    hasSynced: () => synced.promise,
    get isSynced() {
      return isSynced;
    },
    start(signal) {
      if (isStarted) return;
      isStarted = true;
      void run(signal);
    },
    onChange(handler) {
      for (const object of cache.list()) handler('ADDED', object, undefined);
      handlers.push(handler);
    },
  };
}
