import { type Entry, objectKey } from './entry.ts';
import { EventLog, type EventLogLimits } from './event-log.ts';

/** All objects of one stored type, sorted by key on demand, with their recent past. */
export class Collection {
  readonly log: EventLog;
  readonly #entries = new Map<string, Entry>();
  #sorted: Entry[] | undefined;
  #sortedKeys: string[] | undefined;

  constructor(startRv: number, limits: EventLogLimits) {
    this.log = new EventLog(startRv, limits);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(namespace: string, name: string): Entry | undefined {
    return this.#entries.get(objectKey(namespace, name));
  }

  put(entry: Entry): void {
    const key = entry.key;
    if (!this.#entries.has(key)) this.#sortedKeys = undefined;
    this.#entries.set(key, entry);
    this.#sorted = undefined;
  }

  remove(key: string): void {
    if (this.#entries.delete(key)) {
      this.#sortedKeys = undefined;
      this.#sorted = undefined;
    }
  }

  /** Every entry in key order; with a namespace only that one's. The array may be shared: do not mutate. */
  list(namespace: string): readonly Entry[] {
    const all = this.#all();
    if (namespace === '') return all;
    const prefix = objectKey(namespace, '');
    const keys = this.#sortedKeys!;
    const from = lowerBound(keys, prefix);
    let to = from;
    while (to < keys.length && keys[to]!.startsWith(prefix)) to++;
    return all.slice(from, to);
  }

  /** The same at an earlier version, by undoing the log; undefined when that past is forgotten. */
  listAt(namespace: string, rv: number): readonly Entry[] | undefined {
    const seq = this.log.seqAfter(rv);
    if (seq === undefined) return undefined;
    const later = this.log.read(seq, Number.POSITIVE_INFINITY);
    if (later === undefined) return undefined;
    if (later.length === 0) return this.list(namespace);
    const before = new Map<string, Entry | undefined>();
    for (const event of later) if (!before.has(event.entry.key)) before.set(event.entry.key, event.previous);
    const result = this.list(namespace).filter((entry) => !before.has(entry.key));
    for (const entry of before.values()) if (entry !== undefined && (namespace === '' || entry.namespace === namespace)) result.push(entry);
    return result.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  #all(): readonly Entry[] {
    if (this.#sorted === undefined) {
      this.#sortedKeys ??= [...this.#entries.keys()].sort();
      this.#sorted = this.#sortedKeys.map((key) => this.#entries.get(key)!);
    }
    return this.#sorted;
  }
}

function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
