import { expired, plainFailure, resourceVersionTooLarge, type Status } from '@palisade/kubernetes';
import type { Core, Scope, Selection } from '../core.ts';
import { Entry } from '../store/entry.ts';
import type { StoreEvent } from '../store/event-log.ts';
import { fromStored } from './catalog.ts';
import { parseVersion, versionFault } from './read.ts';
import { compileSelection, type ObjectFilter } from './selection.ts';

function atVersion({ namespace, name, object }: Entry, rv: number): Entry {
  const shown = { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } };
  return new Entry(namespace, name, rv, JSON.stringify(shown), shown);
}

/** @throws StatusError 500: the real server's watches have no better word for it */
function watchVersion(text: string): number {
  try {
    return parseVersion(text);
  } catch {
    throw plainFailure(500, versionFault(text));
  }
}

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface WatchItem {
  readonly type: EventType;
  /** In the version of the request. */
  readonly entry: Entry;
  /** The shared change this came from: what is serialised once for all watchers is kept by it. */
  readonly source: object;
}

export interface WatchRequest extends Selection {
  /** Absent or `0`: the objects there are come first, as ADDED. */
  readonly resourceVersion?: string;
  /** A streamed list (KEP-3157): the objects there are come first, whatever the version, which then is the oldest that will do. */
  readonly sendInitialEvents?: boolean;
}

/** Changes read from the log at a time; between two reads others get their turn. */
const READ_AT_ONCE = 500;

/**
 * A position in the past of one resource, moved forward by whoever reads it. It holds no queue: a reader that is slow finds
 * itself `expired`, not the server out of memory.
 */
export class WatchCursor {
  readonly #core: Core;
  readonly #scope: Scope;
  readonly #filter: ObjectFilter | undefined;
  #initial: Entry[] | undefined;
  #seq: number;
  #rv: number;
  #expired: Status | undefined;

  private constructor(
    core: Core,
    scope: Scope,
    filter: ObjectFilter | undefined,
    initial: Entry[],
    seq: number,
    rv: number,
    gone?: Status,
  ) {
    this.#core = core;
    this.#scope = scope;
    this.#filter = filter;
    this.#initial = initial;
    this.#seq = seq;
    this.#rv = rv;
    this.#expired = gone;
  }

  /** @throws StatusError 400, 504; a version that is too old is told by the first `read` (HTTP 200, event ERROR) */
  static async open(core: Core, scope: Scope, request: WatchRequest): Promise<WatchCursor> {
    await core.store.settled();
    const { resource, namespace } = scope;
    const { filter } = compileSelection(resource, request);
    const log = core.store.log(resource.storeType);
    const now = core.store.revision;
    const text = request.resourceVersion;
    const rv = text === undefined || text === '' ? 0 : watchVersion(text);
    if (rv > now) throw resourceVersionTooLarge(rv, now);
    if (rv === 0 || request.sendInitialEvents === true) {
      const initial = core.store.list(resource.storeType, namespace).filter((entry) => filter === undefined || filter(entry.object));
      return new WatchCursor(core, scope, filter, initial, log.nextSeq, now);
    }
    const seq = log.seqAfter(rv);
    const gone = seq === undefined ? expired(`too old resource version: ${rv} (${now})`).status : undefined;
    return new WatchCursor(core, scope, filter, [], seq ?? 0, rv, gone);
  }

  /** Version up to which everything has been read: what a bookmark says. */
  get resourceVersion(): string {
    return String(this.#rv);
  }

  /** Calls `listener` when there may be more to read. Returns the end of it. */
  subscribe(listener: () => void): () => void {
    return this.#core.store.log(this.#scope.resource.storeType).subscribe(listener);
  }

  /** What came since the last read, possibly nothing; a Status once the past is forgotten. `more` tells to read again. */
  read(): { items: WatchItem[]; more: boolean } | Status {
    if (this.#expired !== undefined) return this.#expired;
    if (this.#initial !== undefined) {
      const items = this.#initial.map(
        (entry): WatchItem => ({ type: 'ADDED', entry: fromStored(this.#scope.resource, entry), source: entry }),
      );
      this.#initial = undefined;
      return { items, more: true };
    }
    const log = this.#core.store.log(this.#scope.resource.storeType);
    const events = log.read(this.#seq, READ_AT_ONCE);
    if (events === undefined) {
      this.#expired = expired(`too old resource version: ${this.#rv} (${this.#core.store.revision})`).status;
      return this.#expired;
    }
    this.#seq += events.length;
    const last = events.at(-1);
    const more = this.#seq < log.nextSeq;
    if (last !== undefined) this.#rv = last.entry.rv;
    const items: WatchItem[] = [];
    for (const event of events) {
      const item = this.#translate(event);
      if (item !== undefined) items.push(item);
    }
    return { items, more };
  }

  /** Whether something came since the last read: a reader asks before it sleeps, as a change may fall between the two. */
  isBehind(): boolean {
    return this.#seq < this.#core.store.log(this.#scope.resource.storeType).nextSeq;
  }

  /** Moves a drained cursor to the newest version, which a bookmark then tells. Only right when `read` said there is no more. */
  async catchUp(): Promise<void> {
    await this.#core.store.settled();
    if (this.#seq === this.#core.store.log(this.#scope.resource.storeType).nextSeq)
      this.#rv = Math.max(this.#rv, this.#core.store.revision);
  }

  /** An object that enters or leaves a selection is ADDED or DELETED for its watcher. */
  #translate(event: StoreEvent): WatchItem | undefined {
    const { namespace, resource } = this.#scope;
    if (namespace !== '' && event.entry.namespace !== namespace) return undefined;
    const filter = this.#filter;
    const was = event.previous !== undefined && (filter === undefined || filter(event.previous.object));
    const is = !event.deleted && (filter === undefined || filter(event.entry.object));
    if (!was && !is) return undefined;
    const type: EventType = is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED';
    if (is || event.previous === undefined) return { type, entry: fromStored(resource, event.entry), source: event };
    // Whoever loses sight of an object is told how it looked when it was last seen, at the version it went.
    return { type, entry: fromStored(resource, event.deleted ? event.entry : atVersion(event.previous, event.entry.rv)), source: event };
  }
}
