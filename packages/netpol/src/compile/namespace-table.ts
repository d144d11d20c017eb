import type { NamespaceFact } from '../model.ts';

const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/** Namespaces as given, and those that only pods or policies mention; each carries the label the API server sets on every namespace. */
export class NamespaceTable {
  readonly facts = new Map<string, NamespaceFact>();
  #given = new Map<string, NamespaceFact>();
  readonly #mentions = new Map<string, number>();
  readonly #changed = new Set<string>();

  mention(name: string | undefined, by: 1 | -1): void {
    if (name === undefined) return;
    const count = (this.#mentions.get(name) ?? 0) + by;
    if (count === 0) this.#mentions.delete(name);
    else this.#mentions.set(name, count);
    if (count === 0 || (count === 1 && by === 1)) this.#changed.add(name);
  }

  give(namespaces: readonly NamespaceFact[]): void {
    const next = new Map(namespaces.map((namespace) => [namespace.name, namespace]));
    for (const name of this.#given.keys()) if (!next.has(name)) this.#changed.add(name);
    for (const [name, fact] of next) if (this.#given.get(name) !== fact) this.#changed.add(name);
    this.#given = next;
  }

  /** Brings `facts` up to date. @returns the names whose labels, or existence, may have changed */
  settle(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const name of changed) {
      const given = this.#given.get(name);
      if (given || this.#mentions.has(name)) this.facts.set(name, { name, labels: { ...given?.labels, [NAMESPACE_NAME_LABEL]: name } });
      else this.facts.delete(name);
    }
    return changed;
  }
}
