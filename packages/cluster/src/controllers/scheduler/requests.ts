import { type KubernetesObject, parseQuantity } from '@palisade/kubernetes';

/** Amounts by resource name, in base units (cores, bytes). */
export type Amounts = Map<string, number>;

interface Container {
  restartPolicy?: string;
  resources?: { requests?: Record<string, string | number> };
  ports?: { hostPort?: number; hostIP?: string; protocol?: string }[];
}

const remembered = new WeakMap<KubernetesObject, Amounts>();

/**
 * What a pod takes from its node: its containers and native sidecars together, or more when one init container needs more at its
 * turn, plus the overhead.
 */
export function podRequests(pod: KubernetesObject): Amounts {
  let total = remembered.get(pod);
  if (total === undefined) {
    total = computeRequests(pod);
    remembered.set(pod, total);
  }
  return total;
}

function computeRequests(pod: KubernetesObject): Amounts {
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of (pod['spec'].initContainers ?? []) as Container[]) {
    const own = requests(container);
    if (container.restartPolicy === 'Always') {
      add(sidecars, own);
      raise(peak, sidecars);
    } else {
      const atItsTurn = new Map(sidecars);
      add(atItsTurn, own);
      raise(peak, atItsTurn);
    }
  }
  const total: Amounts = new Map(sidecars);
  for (const container of (pod['spec'].containers ?? []) as Container[]) add(total, requests(container));
  raise(total, peak);
  add(total, amounts(pod['spec'].overhead ?? {}));
  return total;
}

export function amounts(quantities: Record<string, string | number>): Amounts {
  return new Map(Object.entries(quantities).map(([name, quantity]) => [name, parseQuantity(String(quantity))]));
}

function requests(container: Container): Amounts {
  return amounts(container.resources?.requests ?? {});
}

export function add(into: Amounts, more: Amounts): void {
  for (const [name, amount] of more) into.set(name, (into.get(name) ?? 0) + amount);
}

function raise(into: Amounts, floor: Amounts): void {
  for (const [name, amount] of floor) into.set(name, Math.max(into.get(name) ?? 0, amount));
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
