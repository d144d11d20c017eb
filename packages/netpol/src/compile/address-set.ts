/** What happened to a set between two versions. */
export interface SetChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

const nothing: SetChange = { added: [], removed: [] };

/** Addresses that come and go. Remembers its last change, so that whoever knows the state before it is told the difference only. */
export class AddressSet {
  readonly #elements: Set<string>;
  #version: number;
  /** Version before the last change. */
  #previous: number;
  /** Address → whether it was there at `#previous`. */
  readonly #before = new Map<string, boolean>();

  constructor(elements: Iterable<string> = [], version = 0) {
    this.#elements = new Set(elements);
    this.#version = version;
    this.#previous = version;
  }

  get elements(): ReadonlySet<string> {
    return this.#elements;
  }

  /** @param version of the change as a whole; never smaller than the last one */
  put(address: string, isMember: boolean, version: number): void {
    const wasMember = this.#elements.has(address);
    if (wasMember === isMember) return;
    if (version !== this.#version) {
      this.#previous = this.#version;
      this.#version = version;
      this.#before.clear();
    }
    if (!this.#before.has(address)) this.#before.set(address, wasMember);
    if (isMember) this.#elements.add(address);
    else this.#elements.delete(address);
  }

  /** @returns undefined when the state at that version is not known any more */
  changesSince(version: number): SetChange | undefined {
    if (version >= this.#version) return nothing;
    if (version < this.#previous) return undefined;
    const moved = [...this.#before].filter(([address, was]) => was !== this.#elements.has(address));
    return {
      added: moved.filter(([, was]) => !was).map(([address]) => address),
      removed: moved.filter(([, was]) => was).map(([address]) => address),
    };
  }
}
