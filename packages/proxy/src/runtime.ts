/** What the compiled parts of one proxy process share. */
import type { Cells } from './cells.ts';
import type { Cluster } from './cluster/cluster.ts';
import type { LogSinks } from './log/sinks.ts';
import type { RouteTable } from './route/table.ts';
import type { Stats } from './stats/stats.ts';
import type { Sweeper } from './sweeper.ts';
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
