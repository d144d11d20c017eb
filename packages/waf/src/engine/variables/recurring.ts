/**
 * What is kept of texts that come with every request. Two generations: when the young one is full it becomes the old
 * one, so that what a client makes up is soon gone while what keeps coming stays.
 */
export class Recurring<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  readonly #size: number;

  /** @param size texts in each generation */
  constructor(size = 1000) {
    this.#size = size;
  }

  get(text: string): T | undefined {
    const known = this.#young.get(text);
    if (known !== undefined) return known;
    const kept = this.#old.get(text);
    if (kept !== undefined) this.#enter(text, kept);
    return kept;
  }

  /** Make what is to be kept from a copy of the text: see `ownCopy`. */
  keep(text: string, make: (text: string) => T): T {
    const copy = ownCopy(text);
    const kept = make(copy);
    this.#enter(copy, kept);
    return kept;
  }

  #enter(text: string, kept: T): void {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, kept);
  }
}

/** A part cut out of a body keeps the whole body in memory; what is kept between requests is copied. Latin1 text. */
export function ownCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
