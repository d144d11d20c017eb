/** Deadlines of everything that is open. */

export interface Sweepable {
  /** @param now monotonic milliseconds */
  sweep(now: number): void;
}

/** One timer looks at every deadline (a timer a request costs 6 to 12 % of it). Deadlines are met within this step. */
const sweepMs = 100;

export class Sweeper {
  readonly #all = new Set<Sweepable>();
  readonly #timer: NodeJS.Timeout;
  constructor(clock: () => number) {
    this.#timer = setInterval(() => {
      const now = clock();
      for (const one of this.#all) one.sweep(now);
    }, sweepMs);
  }
  add(one: Sweepable): void {
    this.#all.add(one);
  }
  delete(one: Sweepable): void {
    this.#all.delete(one);
  }
  stop(): void {
    clearInterval(this.#timer);
  }
}
