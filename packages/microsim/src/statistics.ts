/** Counters in the original's two spans, "Total" and "Last 30 Seconds", in its order. */
import { pythonJson } from './python-text.ts';

export const SERVER_COUNTERS = ['Requests', 'Sent Bytes', 'Received Bytes', 'Attacks', 'SQLi', 'XSS', 'Directory Traversal'] as const;
export type ServerCounter = (typeof SERVER_COUNTERS)[number];

export const CLIENT_COUNTERS = [
  'Requests',
  'Sent Bytes',
  'Received Bytes',
  'Internet Requests',
  'Attacks',
  'SQLi',
  'XSS',
  'Directory Traversal',
  'DGA',
  'Malware',
  'Error',
] as const;
export type ClientCounter = (typeof CLIENT_COUNTERS)[number];

export type Counts<Name extends string> = { [name in Name]: number };

export interface Statistics<Name extends string> {
  readonly total: Counts<Name>;
  add(counts: Partial<Counts<Name>>): void;
  /** The line of the last span, which starts anew; undefined until 30 s have passed since the last one. */
  takeLine(nowSeconds: number): string | undefined;
}

/**
 * @param startSeconds Unix time of the program's start
 * @param report told of every increment, for StatsD
 */
export function createStatistics<Name extends string>(
  names: readonly Name[],
  startSeconds: number,
  report: (counts: Partial<Counts<Name>>) => void,
): Statistics<Name> {
  const zero = () => Object.fromEntries(names.map((name) => [name, 0])) as Counts<Name>;
  const total = zero();
  let recent = zero();
  let lastSeconds = startSeconds;
  return {
    total,
    add(counts) {
      for (const name of names) {
        total[name] += counts[name] ?? 0;
        recent[name] += counts[name] ?? 0;
      }
      report(counts);
    },
    takeLine(nowSeconds) {
      if (lastSeconds + 30 > nowSeconds) return undefined;
      lastSeconds = nowSeconds;
      const line = pythonJson({ Total: total, 'Last 30 Seconds': recent });
      recent = zero();
      return line;
    },
  };
}
