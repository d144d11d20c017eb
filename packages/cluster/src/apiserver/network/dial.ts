import type { Duplex } from 'node:stream';
import type { ServiceDialer } from '../admission/call.ts';
import { readObject } from '../core.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Opens a TCP connection to an address inside the cluster's network; rejects on refusal or after `timeoutMs`. */
export type AddressDialer = (host: string, port: number, timeoutMs: number) => Promise<Duplex>;

/**
 * The way to Services by their ClusterIP, as the real server resolves webhooks (`ResolveCluster`): a Service without one, or without
 * that port, cannot be called.
 */
export function serviceDialer(store: ObjectStore, dial: AddressDialer): ServiceDialer {
  return async (namespace, name, port, timeoutMs) => {
    const service = readObject({ store }, 'services', namespace, name);
    if (service === undefined) throw new Error(`service "${name}" not found`);
    const spec = service['spec'] ?? {};
    const address: string | undefined = spec.clusterIP;
    if (address === undefined || address === '' || address === 'None') {
      throw new Error(`cannot route to service "${namespace}/${name}": it has no ClusterIP`);
    }
    const ports: { port: number }[] = spec.ports ?? [];
    if (!ports.some((one) => one.port === port)) throw new Error(`no service port ${port} found for service "${name}"`);
    return dial(address, port, timeoutMs);
  };
}
