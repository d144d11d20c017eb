import { type KubernetesObject, parseQuantity, podResources } from '@palisade/kubernetes';

/** Amounts by resource name, in base units (cores, bytes). */
export type Amounts = Map<string, number>;

interface Container {
  ports?: { hostPort?: number; hostIP?: string; protocol?: string }[];
}

const remembered = new WeakMap<KubernetesObject, Amounts>();

/** What a pod takes from its node. */
export function podRequests(pod: KubernetesObject): Amounts {
  let total = remembered.get(pod);
  if (total === undefined) {
    total = amounts(podResources(pod, 'requests'));
    remembered.set(pod, total);
  }
  return total;
}

export function amounts(quantities: Record<string, string | number>): Amounts {
  return new Map(Object.entries(quantities).map(([name, quantity]) => [name, parseQuantity(String(quantity))]));
}

export function add(into: Amounts, more: Amounts): void {
  for (const [name, amount] of more) into.set(name, (into.get(name) ?? 0) + amount);
}

export interface HostPort {
  port: number;
  protocol: string;
  address: string;
}

/** Ports taken on the node itself. */
export function hostPorts(pod: KubernetesObject): HostPort[] {
  return ((pod['spec'].containers ?? []) as Container[]).flatMap((container) =>
    (container.ports ?? [])
      .filter((port) => port.hostPort)
      .map((port) => ({ port: port.hostPort!, protocol: port.protocol ?? 'TCP', address: port.hostIP || '0.0.0.0' })),
  );
}

export function portsCollide(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.address === b.address || a.address === '0.0.0.0' || b.address === '0.0.0.0');
}
