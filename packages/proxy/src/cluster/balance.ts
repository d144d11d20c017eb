/** Which host next. Pure but for the state of a round. */
import type { Host } from './host.ts';

export type Balancer = (hosts: readonly Host[]) => Host | undefined;

/** Smooth weighted round robin; with equal weights a plain one. */
export function roundRobin(): Balancer {
  let turn = 0;
  const credit = new WeakMap<Host, number>();
  return (hosts) => {
    const [first] = hosts;
    if (hosts.length < 2 || first === undefined) return first;
    if (hosts.every((host) => host.place.weight === first.place.weight)) return hosts[turn++ % hosts.length];
    let best = first;
    let total = 0;
    for (const host of hosts) {
      total += host.place.weight;
      const now = (credit.get(host) ?? 0) + host.place.weight;
      credit.set(host, now);
      if (now > (credit.get(best) ?? 0)) best = host;
    }
    credit.set(best, credit.get(best)! - total);
    return best;
  };
}

/**
 * The less busy of a few drawn at random (Envoy `LEAST_REQUEST`, `choice_count` 2). A weight divides the load it stands for.
 *
 * @param random uniform in [0, 1)
 */
export function leastRequest(choices: number, random: () => number): Balancer {
  return (hosts) => {
    let best: Host | undefined;
    for (let i = 0; i < choices; i++) {
      const host = hosts[Math.floor(random() * hosts.length)];
      if (host !== undefined && (best === undefined || load(host) < load(best))) best = host;
    }
    return best;
  };
}

const load = (host: Host) => (host.active + 1) / host.place.weight;

export function randomly(random: () => number): Balancer {
  return (hosts) => hosts[Math.floor(random() * hosts.length)];
}
