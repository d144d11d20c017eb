import { ownCopy } from '../variables/recurring.ts';

/** One member of a persistent collection, with the time it ends (ms since 1970; undefined = with the collection). */
export interface StoredValue {
  readonly key: string;
  readonly value: string;
  readonly expiresMs: number | undefined;
}

/** Where ip, session, user, global and resource collections live between requests. */
export interface CollectionStore {
  /** Members that have not expired at `nowMs`; empty when the collection is new. */
  load(collection: string, key: string, nowMs: number): readonly StoredValue[];
  save(collection: string, key: string, values: readonly StoredValue[], nowMs: number, timeoutSeconds: number): void;
}

interface Kept {
  readonly values: readonly StoredValue[];
  readonly expiresMs: number;
}

/** Collections kept in this process. Bounded: the longest untouched are dropped first. */
export class MemoryStore implements CollectionStore {
  readonly #kept = new Map<string, Kept>();
  readonly #maxEntries: number;

  constructor(maxEntries = 100_000) {
    this.#maxEntries = maxEntries;
  }

  load(collection: string, key: string, nowMs: number): readonly StoredValue[] {
    const name = `${collection}\0${key}`;
    const kept = this.#kept.get(name);
    if (!kept) return [];
    if (kept.expiresMs <= nowMs) {
      this.#kept.delete(name);
      return [];
    }
    return kept.values.filter((value) => value.expiresMs === undefined || value.expiresMs > nowMs);
  }

  save(collection: string, key: string, values: readonly StoredValue[], nowMs: number, timeoutSeconds: number): void {
    const name = `${collection}\0${key}`;
    this.#kept.delete(name);
    const own = values.map((member) => ({ ...member, key: ownCopy(member.key), value: ownCopy(member.value) }));
    this.#kept.set(ownCopy(name), { values: own, expiresMs: nowMs + timeoutSeconds * 1000 });
    if (this.#kept.size > this.#maxEntries) this.#kept.delete(this.#kept.keys().next().value!);
  }
}
