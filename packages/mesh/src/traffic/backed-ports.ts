import type { MeshService, ServicePort, Workload } from './model.ts';

interface BackedPort {
  readonly service: MeshService;
  readonly port: ServicePort;
  /** Of the workload. */
  readonly targetPort: number;
}

type Placed = BackedPort & { readonly position: number };

/** By `namespace address`. Every proxy asks at every push: the services are gone through once for all of them. */
const indexes = new WeakMap<readonly MeshService[], ReadonlyMap<string, readonly Placed[]>>();

/** Service ports that have this workload as an endpoint, in the order of the services. */
export function backedPorts(services: readonly MeshService[], { namespace, addresses }: Workload): readonly BackedPort[] {
  let index = indexes.get(services);
  if (index === undefined) {
    index = indexByAddress(services);
    indexes.set(services, index);
  }
  const found = addresses.map((address) => index.get(`${namespace} ${address}`) ?? []);
  return found.length === 1 ? found[0]! : found.flat().sort((a, b) => a.position - b.position);
}

function indexByAddress(services: readonly MeshService[]): Map<string, Placed[]> {
  const index = new Map<string, Placed[]>();
  let position = 0;
  for (const service of services) {
    for (const { address, portName, port: targetPort } of service.endpoints) {
      const port = service.ports.find(({ name }) => name === portName);
      if (port === undefined) continue;
      const key = `${service.namespace} ${address}`;
      const known = index.get(key);
      const placed = { service, port, targetPort, position: position++ };
      if (known === undefined) index.set(key, [placed]);
      else known.push(placed);
    }
  }
  return index;
}
