import type { ServerResponse } from 'node:http';
import { formatApiVersion, type KubernetesObject } from '@palisade/kubernetes';
import type { Core } from '../core.ts';
import type { ServedResource } from '../registry/resource.ts';
import type { WatchCursor, WatchItem } from '../registry/watch.ts';
import type { Representation } from './negotiation.ts';
import { type IncludeObject, partialMetadata, renderTable } from './present.ts';

export interface WatchStreamOptions {
  readonly representation: Representation;
  readonly includeObject: IncludeObject;
  readonly bookmarks: boolean;
  /** Below 0 it was over before it began. */
  readonly timeoutMs: number;
  /** A bookmark marks the end of the objects that were there (KEP-3157). */
  readonly marksInitialEnd: boolean;
}

/** How often a quiet watcher hears how far it has seen, so that its next watch need not start over. */
const BOOKMARK_EVERY_MS = 60_000;

/** Lines already made for a change, by API version: a hundred watchers of the same resource share one buffer each. */
const SHARED_LINES = new WeakMap<object, Map<string, Buffer>>();

/**
 * Sends a watch until the client goes, the time is over or the past it needs is forgotten. Nothing is queued for a slow
 * client: the cursor stays where it is until the socket drains.
 */
export async function streamWatch(
  core: Core,
  resource: ServedResource,
  cursor: WatchCursor,
  res: ServerResponse,
  options: WatchStreamOptions,
): Promise<void> {
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json');
  res.setHeader('Cache-Control', 'no-cache, private');
  res.flushHeaders();
  if (options.timeoutMs < 0) return void res.end();
  const encode = encoder(core, resource, options);
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let wanted: (() => void) | undefined;
  const wake = () => wanted?.();
  const unsubscribe = cursor.subscribe(wake);
  res.on('drain', wake);
  res.on('close', end);
  let owesMark = options.marksInitialEnd && options.bookmarks;
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    wake();
  }, options.timeoutMs);
  const bookmarkTimer = options.bookmarks ? setInterval(() => bookmark(cursor, resource, res, encode), BOOKMARK_EVERY_MS) : undefined;
  timer.unref();
  bookmarkTimer?.unref();
  try {
    while (!res.destroyed) {
      if (!res.writableNeedDrain) {
        const read = cursor.read();
        if ('kind' in read) {
          res.end(`${JSON.stringify({ type: 'ERROR', object: read })}\n`);
          return;
        }
        if (read.items.length > 0)
          res.write(read.items.length === 1 ? encode.item(read.items[0]!) : Buffer.concat(read.items.map(encode.item)));
        if (owesMark) {
          // The first read is the state itself.
          owesMark = false;
          const mark = bookmarkObject(resource, cursor.resourceVersion);
          res.write(encode.bookmark({ ...mark, metadata: { ...mark.metadata, annotations: { 'k8s.io/initial-events-end': 'true' } } }));
        }
        if (read.more && !res.writableNeedDrain) continue;
      }
      if (isOver) break;
      const { promise, resolve } = Promise.withResolvers<void>();
      wanted = resolve;
      if (!res.writableNeedDrain && cursor.isBehind()) continue;
      await Promise.race([promise, ended]);
      wanted = undefined;
    }
    if (options.bookmarks) await bookmark(cursor, resource, res, encode);
    res.end();
  } finally {
    clearTimeout(timer);
    clearInterval(bookmarkTimer);
    unsubscribe();
    res.off('drain', wake);
  }
}

async function bookmark(cursor: WatchCursor, resource: ServedResource, res: ServerResponse, encode: Encoder): Promise<void> {
  if (res.destroyed || res.writableNeedDrain) return;
  await cursor.catchUp();
  if (!res.writableEnded && !res.destroyed) res.write(encode.bookmark(bookmarkObject(resource, cursor.resourceVersion)));
}

export function bookmarkObject(resource: ServedResource, resourceVersion: string): KubernetesObject {
  return {
    kind: resource.gvk.kind,
    apiVersion: formatApiVersion(resource.gvk.group, resource.gvk.version),
    metadata: { resourceVersion, creationTimestamp: null },
  };
}

interface Encoder {
  item(this: void, item: WatchItem): Buffer;
  bookmark(this: void, object: KubernetesObject): Buffer;
}

function encoder(core: Core, resource: ServedResource, { representation, includeObject }: WatchStreamOptions): Encoder {
  const line = (type: string, json: string) => Buffer.from(`{"type":"${type}","object":${json}}\n`);
  const { form, apiVersion } = representation;
  if (form === 'plain') {
    const version = formatApiVersion(resource.gvk.group, resource.gvk.version);
    return {
      item: ({ type, entry, source }) => shared(source, `${version} ${type}`, () => line(type, entry.json)),
      bookmark: (object) => line('BOOKMARK', JSON.stringify(object)),
    };
  }
  if (form === 'table') {
    let withoutColumns = false;
    const table = (objects: KubernetesObject[], metadata: object) => {
      const text = JSON.stringify(renderTable(core, resource, objects, metadata, { include: includeObject, apiVersion, withoutColumns }));
      withoutColumns = true;
      return text;
    };
    return {
      item: ({ type, entry }) => line(type, table([entry.object], { resourceVersion: String(entry.rv) })),
      bookmark: (object) => line('BOOKMARK', table([], { resourceVersion: object.metadata.resourceVersion })),
    };
  }
  return {
    item: ({ type, entry, source }) =>
      shared(source, `${apiVersion} ${type}`, () => line(type, JSON.stringify(partialMetadata(entry.object, apiVersion)))),
    bookmark: (object) => line('BOOKMARK', JSON.stringify(partialMetadata(object, apiVersion))),
  };
}

function shared(source: object, key: string, make: () => Buffer): Buffer {
  const lines = SHARED_LINES.get(source) ?? new Map<string, Buffer>();
  SHARED_LINES.set(source, lines);
  const buffer = lines.get(key) ?? make();
  lines.set(key, buffer);
  return buffer;
}
