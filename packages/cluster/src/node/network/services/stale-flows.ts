import { run } from '../namespaces/namespace.ts';
import { type Family, keyOf, type ServicePort } from './service-model.ts';

/** Tracked UDP flows to a Service whose endpoint has gone: they would be sent there for as long as the client goes on. */
export interface StaleFlow {
  readonly family: Family;
  /** Cluster or external address the client sends to; absent for node ports, where it is the node's own. */
  readonly destination?: string;
  readonly endpoint: string;
}

export function staleUdpFlows(before: readonly ServicePort[], now: readonly ServicePort[]): StaleFlow[] {
  const current = new Map(now.map((plan) => [keyOf(plan), plan]));
  return before
    .filter((plan) => plan.protocol === 'udp')
    .flatMap((plan) => {
      const next = current.get(keyOf(plan));
      const kept = new Set(next?.clusterIP === plan.clusterIP ? next.endpoints.map(({ ip, port }) => `${ip} ${port}`) : []);
      const gone = plan.endpoints.filter(({ ip, port }) => !kept.has(`${ip} ${port}`));
      const destinations = [plan.clusterIP, ...plan.externalIPs, ...(plan.nodePort === undefined ? [] : [undefined])];
      return gone.flatMap(({ ip }) =>
        destinations.map((destination) => ({ family: plan.family, endpoint: ip, ...(destination === undefined ? {} : { destination }) })),
      );
    });
}

/** Forgets them on one node. TCP needs none of this: a client of a gone endpoint notices and connects anew. */
export async function forgetFlows(netns: string, flows: readonly StaleFlow[]): Promise<void> {
  for (const { family, destination, endpoint } of flows) {
    const to = destination === undefined ? [] : ['--orig-dst', destination];
    // Exit code 1 means that there was none.
    await run('conntrack', ['-D', '-f', family === 4 ? 'ipv4' : 'ipv6', '-p', 'udp', ...to, '--reply-src', endpoint], { netns }).catch(
      () => {},
    );
  }
}
