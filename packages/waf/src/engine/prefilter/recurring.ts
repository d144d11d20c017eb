const MAX_GENERATION = 1000;

/**
 * What is kept of values that come with every request. Two generations: when the young one is full it becomes the old
 * one, so that what a client makes up is soon gone while what keeps coming stays.
 */
export class Recurring<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  get(value: string): T | undefined {
    const known = this.#young.get(value);
    if (known) return known;
    const kept = this.#old.get(value);
    if (kept) this.set(value, kept);
    return kept;
  }

  set(value: string, kept: T): void {
    if (this.#young.size >= MAX_GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(value, kept);
  }
}
