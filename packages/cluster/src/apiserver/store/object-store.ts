import { internalError, type KubernetesObject } from '@palisade/kubernetes';
import { Collection } from './collection.ts';
import { type DatabaseChange, type HistoryLimits, StateDatabase } from './database.ts';
import { Entry, objectKey } from './entry.ts';
import type { EventLog, EventLogLimits, StoreEvent } from './event-log.ts';

/** Why a write did not happen; the registry turns it into the API's words. */
export class StoreConflict extends Error {
  readonly kind: 'exists' | 'missing' | 'modified';
  constructor(kind: 'exists' | 'missing' | 'modified', key: string) {
    super(`Cannot write "${key}": ${kind}`);
    this.name = 'StoreConflict';
    this.kind = kind;
  }
}

export interface ObjectStoreOptions {
  /** SQLite file; `:memory:` in tests. */
  readonly path: string;
  readonly limits?: EventLogLimits;
  /** How much of the past outlives the process. */
  readonly history?: HistoryLimits;
  /** Defers the commit of a batch to the end of the tick; replaced in tests. */
  readonly schedule?: (commit: () => void) => void;
}

/** Enough for 10,000 changes of a busy type while a watcher reconnects; 48 M characters bound the memory. */
const DEFAULT_LIMITS: EventLogLimits = { maxEvents: 16_384, maxChars: 48_000_000 };

/** What a client that was away during a restart may have missed; read at every start, so smaller than what memory keeps. */
const DEFAULT_HISTORY: HistoryLimits = { maxChanges: 4_096, maxChars: 16_000_000 };

interface Batch {
  readonly changes: DatabaseChange[];
  readonly events: { readonly type: string; readonly event: StoreEvent }[];
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Every object of the cluster: in memory for reading, in SQLite for surviving. Writes change memory at once and are
 * committed together at the end of the tick (group commit); watchers hear of them, and `settled` resolves, after the
 * commit. If the commit fails memory is put back as it was and `settled` rejects (StatusError 500).
 */
export class ObjectStore {
  readonly #database: StateDatabase;
  readonly #collections = new Map<string, Collection>();
  readonly #limits: EventLogLimits;
  readonly #schedule: (commit: () => void) => void;
  readonly #startRv: number;
  #revision: number;
  #batch: Batch | undefined;
  #closed = false;

  constructor(options: ObjectStoreOptions) {
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#schedule = options.schedule ?? ((commit) => setImmediate(commit));
    this.#database = new StateDatabase(options.path, options.history ?? DEFAULT_HISTORY);
    this.#startRv = this.#database.historyFloor();
    this.#revision = this.#database.revision();
    for (const row of this.#database.rows()) {
      this.#collection(row.type).put(new Entry(row.namespace, row.name, row.rv, row.json));
    }
    this.#recallHistory();
  }

  /** Version of the newest write; what a list is consistent with once `settled`. */
  get revision(): number {
    return this.#revision;
  }

  /** The recent past of one type, from before this process started too: a watch resumes over a restart. */
  log(type: string): EventLog {
    return this.#collection(type).log;
  }

  types(): string[] {
    return [...this.#collections.keys()].filter((type) => this.#collections.get(type)!.size > 0);
  }

  get(type: string, namespace: string, name: string): Entry | undefined {
    return this.#collections.get(type)?.get(namespace, name);
  }

  /** In key order; an empty namespace means all. Do not mutate the array. */
  list(type: string, namespace = ''): readonly Entry[] {
    return this.#collections.get(type)?.list(namespace) ?? [];
  }

  /** The list as it was at `rv`; undefined when that is forgotten. */
  listAt(type: string, namespace: string, rv: number): readonly Entry[] | undefined {
    return this.#collection(type).listAt(namespace, rv);
  }

  /** @throws StoreConflict `exists` */
  create(type: string, namespace: string, name: string, object: KubernetesObject): Entry {
    const collection = this.#collection(type);
    if (collection.get(namespace, name) !== undefined) throw new StoreConflict('exists', `${type}/${namespace}/${name}`);
    return this.#write(type, collection, namespace, name, object, undefined);
  }

  /** @throws StoreConflict `missing`, or `modified` when the stored version is not `expectedRv` */
  update(type: string, namespace: string, name: string, object: KubernetesObject, expectedRv: number): Entry {
    const collection = this.#collection(type);
    return this.#write(type, collection, namespace, name, object, this.#expect(collection, type, namespace, name, expectedRv));
  }

  /** Removes the object; `last` is its final state for watchers. @throws StoreConflict as `update` */
  delete(type: string, namespace: string, name: string, expectedRv: number, last?: KubernetesObject): Entry {
    const collection = this.#collection(type);
    const previous = this.#expect(collection, type, namespace, name, expectedRv);
    const entry = stamp(last ?? previous.object, namespace, name, ++this.#revision);
    collection.remove(previous.key);
    this.#enqueue(type, { deleted: true, entry, previous });
    return entry;
  }

  /** Resolves when everything written so far is on disk; rejects when it could not be. */
  settled(): Promise<void> {
    return this.#batch?.done ?? Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#commit();
    this.#closed = true;
    this.#database.close();
  }

  #collection(type: string): Collection {
    let collection = this.#collections.get(type);
    if (collection === undefined) {
      // A type first used now had no changes since then, so its past is known from there on.
      collection = new Collection(this.#startRv, this.#limits);
      this.#collections.set(type, collection);
    }
    return collection;
  }

  #expect(collection: Collection, type: string, namespace: string, name: string, expectedRv: number): Entry {
    const current = collection.get(namespace, name);
    if (current === undefined) throw new StoreConflict('missing', `${type}/${namespace}/${name}`);
    if (current.rv !== expectedRv) throw new StoreConflict('modified', `${type}/${namespace}/${name}`);
    return current;
  }

  #write(
    type: string,
    collection: Collection,
    namespace: string,
    name: string,
    object: KubernetesObject,
    previous: Entry | undefined,
  ): Entry {
    const entry = stamp(object, namespace, name, ++this.#revision);
    collection.put(entry);
    this.#enqueue(type, { deleted: false, entry, previous });
    return entry;
  }

  /** Walks the history back from today's state: what a change led to is what the change after it found. */
  #recallHistory(): void {
    const states = new Map<string, Entry>();
    const recalled: { type: string; event: StoreEvent }[] = [];
    for (const row of this.#database.history()) {
      const key = `${row.type}/${objectKey(row.namespace, row.name)}`;
      const previous = row.previous === null ? undefined : new Entry(row.namespace, row.name, row.previousRv!, row.previous);
      const entry =
        row.last === null
          ? (states.get(key) ?? this.get(row.type, row.namespace, row.name)!)
          : new Entry(row.namespace, row.name, row.rv, row.last);
      recalled.push({ type: row.type, event: { deleted: row.last !== null, entry, previous } });
      if (previous === undefined) states.delete(key);
      else states.set(key, previous);
    }
    for (const [type, items] of Map.groupBy(recalled.reverse(), (item) => item.type)) {
      this.#collection(type).log.append(items.map((item) => item.event));
    }
  }

  #enqueue(type: string, event: StoreEvent): void {
    if (this.#closed) throw new Error('Cannot write: the store is closed');
    if (this.#batch === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      promise.catch(() => {}); // every writer awaits it; a batch nobody awaits must not end the process
      this.#batch = { changes: [], events: [], done: promise, resolve, reject };
      this.#schedule(() => this.#commit());
    }
    const { namespace, name, rv, json } = event.entry;
    this.#batch.changes.push({ type, namespace, name, rv, json, isDeleted: event.deleted, previous: event.previous });
    this.#batch.events.push({ type, event });
  }

  #commit(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#batch = undefined;
    try {
      this.#database.commit(batch.changes, this.#revision);
    } catch (error) {
      for (const { type, event } of batch.events.toReversed()) {
        const collection = this.#collection(type);
        if (event.previous === undefined) collection.remove(event.entry.key);
        else collection.put(event.previous);
      }
      batch.reject(internalError(`the write could not be saved and is undone: ${(error as Error).message}`));
      return;
    }
    const byType = Map.groupBy(batch.events, (item) => item.type);
    for (const [type, items] of byType) this.#collection(type).log.append(items.map((item) => item.event));
    batch.resolve();
    for (const type of byType.keys()) this.#collection(type).log.notify();
  }
}

function stamp(object: KubernetesObject, namespace: string, name: string, rv: number): Entry {
  const stamped: KubernetesObject = { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } };
  return new Entry(namespace, name, rv, JSON.stringify(stamped), stamped);
}
