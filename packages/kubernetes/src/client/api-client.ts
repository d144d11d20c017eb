import type { GroupVersionResource, KubernetesObject } from '../object.ts';
import type { Status } from '../status.ts';

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
}

export interface ObjectList<T extends KubernetesObject = KubernetesObject> {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

export interface WatchOptions extends ListOptions {
  allowWatchBookmarks?: boolean;
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

export type WatchEvent<T extends KubernetesObject = KubernetesObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: T }
  | { type: 'ERROR'; object: Status };

export interface ObjectKey {
  namespace?: string;
  name: string;
}

export interface WriteOptions {
  subresource?: string;
  fieldManager?: string;
  dryRun?: boolean;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export const PatchType = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
export type PatchType = (typeof PatchType)[keyof typeof PatchType];

/**
 * The Kubernetes API as every part of Palisade sees it. Two implementations: over HTTPS from a kubeconfig, and inside
 * the embedded API server's process. Both throw `StatusError` (status.ts) with the server's Status.
 *
 * Objects handed out by `get`, `list` and `watch` may be shared: never mutate them, clone first.
 */
export interface ApiClient {
  get<T extends KubernetesObject = KubernetesObject>(r: GroupVersionResource, key: ObjectKey, subresource?: string): Promise<T>;
  list<T extends KubernetesObject = KubernetesObject>(r: GroupVersionResource, options?: ListOptions): Promise<ObjectList<T>>;
  /** Ends when the server ends the watch or `signal` aborts; never throws after the first event except on transport loss. */
  watch<T extends KubernetesObject = KubernetesObject>(r: GroupVersionResource, options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** `key` names the namespace (and, for subresources such as `token` or `eviction`, the object). */
  create<T extends KubernetesObject = KubernetesObject>(
    r: GroupVersionResource,
    object: KubernetesObject,
    key?: { namespace?: string; name?: string },
    options?: WriteOptions,
  ): Promise<T>;
  /** PUT. `object.metadata.resourceVersion`, when present, must match (409 Conflict otherwise). */
  update<T extends KubernetesObject = KubernetesObject>(
    r: GroupVersionResource,
    object: KubernetesObject,
    options?: WriteOptions,
  ): Promise<T>;
  patch<T extends KubernetesObject = KubernetesObject>(
    r: GroupVersionResource,
    key: ObjectKey,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions,
  ): Promise<T>;
  delete(r: GroupVersionResource, key: ObjectKey, options?: DeleteOptions): Promise<void>;
}
