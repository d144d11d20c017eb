import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { badRequest, type DeleteOptions, isStatusError, tooManyRequests, wrongRepresentation } from '@palisade/kubernetes';
import { internalGroup } from '../registry/decode-body.ts';
import { deleteObject } from '../registry/delete.ts';
import { type ListAnswer, type ListRequest, listObjects } from '../registry/read.ts';
import { WatchCursor } from '../registry/watch.ts';
import type { Entry } from '../store/entry.ts';
import { negotiate, wantsYaml } from './negotiation.ts';
import { type ListMeta, listChunks, partialMetadata, renderTable } from './present.ts';
import { includeObject, isTrue, type ResourceRequest } from './request.ts';
import { checkListOptions, wholeNumber } from './request-options.ts';
import { sendJson } from './respond.ts';
import { streamWatch } from './watch-stream.ts';

/** A watch without a timeout ends by itself after this long, spread so that not all come back at once (as the real server). */
const DEFAULT_WATCH_MS = 30 * 60 * 1000;

function listRequest({ query, scope }: ResourceRequest): ListRequest {
  const text = (name: string) => query.get(name) ?? '';
  const limit = Math.max(0, wholeNumber(query, 'limit', badRequest));
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
  const representation = negotiate(req.headers.accept, true);
  const include = includeObject(query);
  checkListOptions(query, false);
  const { form, apiVersion } = representation;
  if (form === 'partial')
    throw wrongRepresentation(
      `you requested PartialObjectMetadata, but the requested object is a list (*${internalGroup(scope.resource.gvk.group)}.${scope.resource.gvk.kind}List)`,
    );
  const answer = await listObjects(context.core, scope, listRequest(request));
  const metadata = listMeta(answer);
  if (form === 'table') {
    const objects = answer.entries.map((entry) => entry.object);
    return sendJson(res, 200, renderTable(context.core, scope.resource, objects, metadata, { include, apiVersion }));
  }
  if (form === 'partial-list') {
    const items = answer.entries.map((entry) => partialMetadata(entry.object, apiVersion));
    return sendJson(res, 200, { kind: 'PartialObjectMetadataList', apiVersion, metadata, items });
  }
  const chunks = listChunks(scope.resource, answer.entries, metadata);
  if (wantsYaml(req.headers.accept)) return sendJson(res, 200, JSON.parse([...chunks].join('')));
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json');
  await sendChunks(res, chunks);
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
  const representation = negotiate(req.headers.accept, true);
  const include = includeObject(query);
  const seconds = wholeNumber(query, 'timeoutSeconds', badRequest);
  checkListOptions(query, true);
  const sendInitialEvents = isTrue(query.get('sendInitialEvents'));
  const cursor = await WatchCursor.open(context.core, scope, { ...listRequest(request), sendInitialEvents });
  const timeoutMs =
    seconds !== 0 ? Math.min(seconds * 1000, 2 ** 31 - 1) : DEFAULT_WATCH_MS + context.core.random.integer(DEFAULT_WATCH_MS);
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
