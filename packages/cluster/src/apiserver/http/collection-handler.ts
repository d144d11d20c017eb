import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { badRequest, type DeleteOptions, invalid, isStatusError, tooManyRequests } from '@palisade/kubernetes';
import { deleteObject } from '../registry/delete.ts';
import { type ListAnswer, type ListRequest, listObjects } from '../registry/read.ts';
import { WatchCursor } from '../registry/watch.ts';
import type { Entry } from '../store/entry.ts';
import { negotiate } from './negotiation.ts';
import { type ListMeta, listChunks, partialMetadata, renderTable } from './present.ts';
import { includeObject, isTrue, type ResourceRequest } from './request.ts';
import { sendJson } from './respond.ts';
import { streamWatch } from './watch-stream.ts';

/** A watch without a timeout ends by itself after this long, spread so that not all come back at once (as the real server). */
const DEFAULT_WATCH_MS = 30 * 60 * 1000;

function listRequest({ query, scope }: ResourceRequest): ListRequest {
  const text = (name: string) => query.get(name) ?? '';
  const limitText = text('limit');
  const limit = limitText === '' ? 0 : Number(limitText);
  if (!Number.isInteger(limit) || limit < 0) throw badRequest(`invalid limit ${JSON.stringify(limitText)}: expected a whole number`);
  const byName = scope.name === '' ? '' : `metadata.name=${scope.name}`;
  const fieldSelector = [byName, text('fieldSelector')].filter((part) => part !== '').join(',');
  return {
    limit,
    labelSelector: text('labelSelector'),
    fieldSelector,
    continue: text('continue'),
    resourceVersion: text('resourceVersion'),
    resourceVersionMatch: text('resourceVersionMatch'),
  };
}

export async function serveList(request: ResourceRequest): Promise<void> {
  const { context, scope, req, res, query } = request;
  const representation = negotiate(req.headers.accept);
  const include = includeObject(query);
  const answer = await listObjects(context.core, scope, listRequest(request));
  const metadata = listMeta(answer);
  if (representation === 'table') {
    const objects = answer.entries.map((entry) => entry.object);
    return sendJson(res, 200, renderTable(context.core, scope.resource, objects, metadata, include));
  }
  if (representation === 'partial-list' || representation === 'partial') {
    const items = answer.entries.map((entry) => partialMetadata(entry.object));
    return sendJson(res, 200, { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items });
  }
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json');
  await sendChunks(res, listChunks(scope.resource, answer.entries, metadata));
}

function listMeta({ resourceVersion, continue: token, remainingItemCount }: ListAnswer): ListMeta {
  return {
    resourceVersion,
    ...(token === undefined ? {} : { continue: token }),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
}

/** Waits for a slow client between pieces, so that it holds no more than one of them in memory. */
async function sendChunks(res: ServerResponse, chunks: Iterable<string>): Promise<void> {
  const closed = new AbortController();
  res.once('close', () => closed.abort());
  for (const chunk of chunks) {
    if (res.destroyed) return;
    if (!res.write(chunk)) await once(res, 'drain', { signal: closed.signal }).catch(() => {});
  }
  res.end();
}

export async function serveWatch(request: ResourceRequest): Promise<void> {
  const { context, scope, req, res, query } = request;
  const representation = negotiate(req.headers.accept);
  const include = includeObject(query);
  const sendInitialEvents = initialEvents(query);
  const cursor = await WatchCursor.open(context.core, scope, { ...listRequest(request), sendInitialEvents });
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  const timeoutMs = seconds > 0 ? Math.min(seconds * 1000, 2 ** 31 - 1) : DEFAULT_WATCH_MS + context.core.random.integer(DEFAULT_WATCH_MS);
  const { watches } = context;
  if (watches.open >= watches.limit) throw tooManyRequests(`${watches.limit} watches are open already, please try again later`, 5);
  watches.open++;
  try {
    await streamWatch(context.core, scope.resource, cursor, res, {
      representation,
      includeObject: include,
      bookmarks: isTrue(query.get('allowWatchBookmarks')),
      timeoutMs,
      marksInitialEnd: sendInitialEvents,
    });
  } finally {
    watches.open--;
  }
}

/** @throws StatusError 422 for `resourceVersionMatch` where it does not belong */
function initialEvents(query: URLSearchParams): boolean {
  const wanted = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const refuse = (message: string) =>
    invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
      { reason: 'FieldValueForbidden', message: `Forbidden: ${message}`, field: 'resourceVersionMatch' },
    ]);
  if (wanted === null) {
    if (match !== '') throw refuse('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
    return false;
  }
  if (match !== 'NotOlderThan') throw refuse('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  return isTrue(wanted);
}

/** DELETE of a collection: each object by itself; what vanishes meanwhile is no failure. */
export async function deleteCollection(request: ResourceRequest, options: DeleteOptions): Promise<void> {
  const { context, scope, res } = request;
  const answer = await listObjects(context.core, scope, listRequest(request));
  const deleted: Entry[] = [];
  const all = answer.entries.map(async (entry) => {
    try {
      deleted.push((await deleteObject(context.core, { ...scope, namespace: entry.namespace, name: entry.name }, options)).entry);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  });
  await Promise.all(all);
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json');
  await sendChunks(res, listChunks(scope.resource, deleted, { resourceVersion: String(context.core.store.revision) }));
}
