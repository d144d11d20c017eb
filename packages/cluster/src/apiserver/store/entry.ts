import type { KubernetesObject } from '@palisade/kubernetes';

/**
 * One stored object at one resourceVersion. Immutable. The serialised form is the master copy: lists and watches copy it,
 * and the parsed form is made only when somebody looks inside, so 10,000 idle objects cost their text alone.
 */
export class Entry {
  readonly namespace: string;
  readonly name: string;
  readonly rv: number;
  readonly json: string;
  #object: KubernetesObject | undefined;

  constructor(namespace: string, name: string, rv: number, json: string, object?: KubernetesObject) {
    this.namespace = namespace;
    this.name = name;
    this.rv = rv;
    this.json = json;
    this.#object = object;
  }

  /** Shared: never mutate, clone first. */
  get object(): KubernetesObject {
    this.#object ??= JSON.parse(this.json) as KubernetesObject;
    return this.#object;
  }

  get key(): string {
    return objectKey(this.namespace, this.name);
  }
}

/** Sort key of a list: namespace, then name; cluster-scoped objects have an empty namespace. */
export function objectKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}
