import type { GroupVersionResource } from '../object.ts';
import type { DeleteOptions, ListOptions, ObjectKey, WatchOptions, WriteOptions } from './api-client.ts';

/** URL path of a collection (no `name`) or of one object, as the API conventions lay it out. */
export function resourcePath(r: GroupVersionResource, key: Partial<ObjectKey> = {}, subresource?: string): string {
  const parts = r.group === '' ? ['api', r.version] : ['apis', r.group, r.version];
  if (key.namespace !== undefined && key.namespace !== '') parts.push('namespaces', key.namespace);
  parts.push(r.resource);
  if (key.name !== undefined) parts.push(key.name);
  if (subresource !== undefined) parts.push(...subresource.split('/'));
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

type Query = Record<string, string>;

export function listQuery(options: ListOptions): Query {
  const query: Query = {};
  if (options.labelSelector) query['labelSelector'] = options.labelSelector;
  if (options.fieldSelector) query['fieldSelector'] = options.fieldSelector;
  if (options.limit !== undefined) query['limit'] = String(options.limit);
  if (options.continue) query['continue'] = options.continue;
  if (options.resourceVersion !== undefined) query['resourceVersion'] = options.resourceVersion;
  return query;
}

export function watchQuery(options: WatchOptions): Query {
  const query: Query = { ...listQuery(options), watch: 'true' };
  if (options.allowWatchBookmarks) query['allowWatchBookmarks'] = 'true';
  if (options.timeoutSeconds !== undefined) query['timeoutSeconds'] = String(options.timeoutSeconds);
  return query;
}

export function writeQuery(options: WriteOptions): Query {
  const query: Query = {};
  if (options.fieldManager) query['fieldManager'] = options.fieldManager;
  if (options.dryRun) query['dryRun'] = 'All';
  return query;
}

export function deleteBody(options: DeleteOptions): Record<string, unknown> {
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...options };
}
