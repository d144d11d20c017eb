import type { Entry } from './entry.ts';

/** One committed change of one object. `previous` is absent for a creation; for a deletion `entry` is the last state, stamped with the deletion's version. */
export interface StoreEvent {
  readonly deleted: boolean;
  readonly entry: Entry;
  readonly previous: Entry | undefined;
}

export interface EventLogLimits {
  /** Events kept for watchers that lag or reconnect. */
  readonly maxEvents: number;
  /** Characters of serialised objects kept. */
  readonly maxChars: number;
}

/**
 * The recent past of one resource type, bounded. Watchers hold a position in it instead of a queue of their own, so a
 * slow watcher costs nothing and is told 410 when the log has moved past it.
 */
export class EventLog {
  readonly #limits: EventLogLimits;
  #events: StoreEvent[] = [];
  #head = 0;
  #chars = 0;
  /** Sequence number of `#events[#head]`. */
  #firstSeq = 0;
  /** Changes up to and including this version are no longer (or never were) in the log. */
  #forgottenRv: number;
  readonly #listeners = new Set<() => void>();

  constructor(startRv: number, limits: EventLogLimits) {
    this.#forgottenRv = startRv;
    this.#limits = limits;
  }

  get nextSeq(): number {
    return this.#firstSeq + (this.#events.length - this.#head);
  }

  append(events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#chars += event.entry.json.length;
    }
    while (this.#events.length - this.#head > this.#limits.maxEvents || this.#chars > this.#limits.maxChars) {
      const dropped = this.#events[this.#head];
      if (dropped === undefined) break;
      this.#head++;
      this.#firstSeq++;
      this.#chars -= dropped.entry.json.length;
      this.#forgottenRv = dropped.entry.rv;
    }
    // Compacting only when half is dead keeps append amortised constant.
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Sequence number of the first event after `rv`; undefined when that past is forgotten. */
  seqAfter(rv: number): number | undefined {
    if (rv < this.#forgottenRv) return undefined;
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.entry.rv <= rv) low = middle + 1;
      else high = middle;
    }
    return this.#firstSeq + (low - this.#head);
  }

  /** At most `max` events from `seq` on; undefined when `seq` is forgotten. */
  read(seq: number, max: number): readonly StoreEvent[] | undefined {
    if (seq < this.#firstSeq) return undefined;
    const from = this.#head + (seq - this.#firstSeq);
    return this.#events.slice(from, from + max);
  }
}
