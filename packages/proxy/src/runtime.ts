/** What the compiled parts of one proxy process share. */
import type { Cells } from './cells.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { LogSinks } from './log/sinks.ts';
import type { RouteTable } from './route/table.ts';
import type { Stats } from './stats/stats.ts';
import type { SecretContent } from './tls/secret.ts';

export interface Runtime {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly uuid: () => string;
  readonly stats: Stats;
  readonly clusters: Cells<Cluster>;
  readonly routes: Cells<RouteTable>;
  readonly secrets: Cells<SecretContent>;
  readonly logs: LogSinks;
  readonly sweeper: Sweeper;
  /** Answers carry `connection: close`, listeners accept no more. */
  readonly drain: { isDraining: boolean };
}

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
