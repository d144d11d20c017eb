import type { KubernetesObject } from '../object.ts';

/** `namespace/name`, or `name` at cluster scope: the key of caches and work queues. */
export function objectKey(object: KubernetesObject): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : String(name);
}

/** The inverse of `objectKey`. */
export function splitKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf('/');
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

type IndexFunction<T> = (object: T) => readonly string[];

/** Read side of a cache. Objects are shared: clone before changing. */
export interface ObjectCache<T extends KubernetesObject> {
  get(key: string): T | undefined;
  /** All objects, or those of one namespace, in no particular order. */
  list(namespace?: string): T[];
  /** Later look-ups by `byIndex(name, value)`; an index of the same name must be the same function. */
  addIndex(name: string, values: IndexFunction<T>): void;
  byIndex(name: string, value: string): T[];
}

interface MutableObjectCache<T extends KubernetesObject> extends ObjectCache<T> {
  /** @returns what was there before */
  set(object: T): T | undefined;
  delete(key: string): T | undefined;
}

interface Index<T> {
  values: IndexFunction<T>;
  entries: Map<string, Map<string, T>>;
}

const BY_NAMESPACE = '';

export function createObjectCache<T extends KubernetesObject>(): MutableObjectCache<T> {
  const objects = new Map<string, T>();
  const indexes = new Map<string, Index<T>>([
    [BY_NAMESPACE, { values: (object) => [object.metadata.namespace ?? ''], entries: new Map() }],
  ]);

  function insert(index: Index<T>, key: string, object: T): void {
    for (const value of index.values(object)) {
      const entry = index.entries.get(value);
      if (entry === undefined) index.entries.set(value, new Map([[key, object]]));
      else entry.set(key, object);
    }
  }

  function withdraw(index: Index<T>, key: string, object: T): void {
    for (const value of index.values(object)) {
      const entry = index.entries.get(value);
      entry?.delete(key);
      if (entry?.size === 0) index.entries.delete(value);
    }
  }

  function byIndex(name: string, value: string): T[] {
    const index = indexes.get(name);
    if (index === undefined) throw new Error(`No index "${name}": call addIndex first`);
    return [...(index.entries.get(value)?.values() ?? [])];
  }

  return {
    get: (key) => objects.get(key),
    list: (namespace) => (namespace === undefined ? [...objects.values()] : byIndex(BY_NAMESPACE, namespace)),
    byIndex,
    addIndex(name, values) {
      if (indexes.has(name)) return;
      const index: Index<T> = { values, entries: new Map() };
      for (const [key, object] of objects) insert(index, key, object);
      indexes.set(name, index);
    },
    set(object) {
      const key = objectKey(object);
      const old = objects.get(key);
      for (const index of indexes.values()) {
        if (old !== undefined) withdraw(index, key, old);
        insert(index, key, object);
      }
      objects.set(key, object);
      return old;
    },
    delete(key) {
      const old = objects.get(key);
      if (old === undefined) return undefined;
      for (const index of indexes.values()) withdraw(index, key, old);
      objects.delete(key);
      return old;
    },
  };
}
