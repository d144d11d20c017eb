import { PolicyError } from '../errors.ts';
import type { ParsedPolicy } from '../model.ts';

export interface PolicyEntry {
  /** Absent when not even what the object selects could be read. */
  readonly parsed?: ParsedPolicy;
  readonly error?: PolicyError;
}

interface Reader {
  parse(object: unknown): ParsedPolicy;
  /** What a refused object still isolates. */
  fallBack(object: unknown): ParsedPolicy | undefined;
}

/** The policy objects of one kind of API, each read once for as long as it is the same object. */
export class PolicyTable {
  #entries = new Map<unknown, PolicyEntry>();
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  replace(objects: readonly unknown[]): { added: PolicyEntry[]; removed: PolicyEntry[] } {
    const added: PolicyEntry[] = [];
    const before = this.#entries;
    const next = new Map<unknown, PolicyEntry>();
    for (const object of objects) {
      let entry = before.get(object);
      if (entry) before.delete(object);
      else if (!next.has(object)) {
        entry = this.#read(object);
        added.push(entry);
      }
      if (entry) next.set(object, entry);
    }
    this.#entries = next;
    return { added, removed: [...before.values()] };
  }

  get errors(): PolicyError[] {
    return [...this.#entries.values()].flatMap(({ error }) => error ?? []);
  }

  #read(object: unknown): PolicyEntry {
    try {
      return { parsed: this.#reader.parse(object) };
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      const parsed = this.#reader.fallBack(object);
      return { error, ...(parsed && { parsed }) };
    }
  }
}
