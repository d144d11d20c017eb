import type { Endpoint } from '@palisade/flow';
import type { PodFact, PolicyCompiler } from '@palisade/netpol';
import { HOST_ADDRESSES } from '../fabric/addresses.ts';

/** What an address stood for lately. Flow records of a pod that has just gone still name it. */
export interface AddressNames {
  /** The pods of now; those that left are remembered for a while. */
  update(pods: Pick<PolicyCompiler, 'podByAddress' | 'departed'>): void;
  /** Completes an endpoint that has an address but no pod. */
  complete(endpoint: Endpoint): Endpoint;
}

const REMEMBER_MS = 60_000;

/**
 * @param namesOf DNS names of an address outside of the cluster
 * @param now milliseconds
 */
export function createAddressNames(now: () => number, namesOf: (ip: string) => readonly string[] = () => []): AddressNames {
  let present: PolicyCompiler['podByAddress'] = new Map();
  const gone = new Map<string, { fact: PodFact; untilMs: number }>();

  return {
    update(pods) {
      present = pods.podByAddress;
      const untilMs = now() + REMEMBER_MS;
      for (const fact of pods.departed) if (!fact.hostNetwork) for (const ip of fact.ips) gone.set(ip, { fact, untilMs });
      for (const [ip, entry] of gone) if (entry.untilMs <= now() || present.has(ip)) gone.delete(ip);
    },
    complete(endpoint) {
      const { ip } = endpoint;
      if (endpoint.pod !== undefined || ip === undefined) return endpoint;
      const owner = present.get(ip);
      const fact = owner === undefined || owner === 'conflict' ? gone.get(ip)?.fact : owner.fact;
      if (fact !== undefined) {
        const { reserved: _, ...rest } = endpoint;
        return {
          ...rest,
          namespace: fact.namespace,
          pod: fact.name,
          labels: fact.labels,
          ...(fact.workload === undefined ? {} : { workload: fact.workload }),
          ...(fact.node === undefined ? {} : { node: fact.node }),
        };
      }
      if ((HOST_ADDRESSES as readonly string[]).includes(ip)) return { ...endpoint, reserved: 'host' };
      const names = namesOf(ip);
      return names.length > 0 ? { ...endpoint, names } : endpoint;
    },
  };
}
