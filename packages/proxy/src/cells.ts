/** Named places whose content configuration replaces whole. Whoever holds a cell never looks its name up again. */
export interface Cell<T> {
  readonly name: string;
  /** undefined: not known (yet); whatever needs it fails closed. */
  current: T | undefined;
}

export class Cells<T> {
  readonly #cells = new Map<string, Cell<T>>();

  /** Made on first mention, so that a route may name a cluster that comes later. */
  at(name: string): Cell<T> {
    let cell = this.#cells.get(name);
    if (cell === undefined) {
      cell = { name, current: undefined };
      this.#cells.set(name, cell);
    }
    return cell;
  }

  filled(): T[] {
    return this.entries().map(([, current]) => current);
  }

  /** Those that have content, by name. */
  entries(): [name: string, current: T][] {
    return [...this.#cells.values()].flatMap(({ name, current }): [string, T][] => (current === undefined ? [] : [[name, current]]));
  }
}
