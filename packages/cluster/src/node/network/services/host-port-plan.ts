import { createHash } from 'node:crypto';
import type { KubernetesObject } from '@palisade/kubernetes';
import { type ServiceEndpoint, type ServicePort, usableEndpoints } from './service-model.ts';

/** One port on the host's loopback and where its connections go. */
export interface HostPort {
  readonly address: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly kind: 'NodePort' | 'LoadBalancer';
  readonly endpoints: readonly ServiceEndpoint[];
}

/** Every Service of type LoadBalancer that leaves its address to this cluster (no class of somebody else). */
export function wantsLoadBalancer(service: KubernetesObject): boolean {
  const spec = service['spec'] ?? {};
  return spec.type === 'LoadBalancer' && !spec.loadBalancerClass && !service.metadata.deletionTimestamp;
}

export function loadBalancerAddress(service: KubernetesObject): string | undefined {
  return service['status']?.loadBalancer?.ingress?.[0]?.ip ?? undefined;
}

/** 127.77.1.1 to 127.77.254.254: a loopback range that nothing else is known to use. */
const OURS = /^127\.77\.(?:[1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])\.(?:[1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-4])$/;
const PER_BYTE = 254;

/**
 * Addresses of LoadBalancer Services by `namespace/name`. One that has an address keeps it; a new one gets the address its
 * name's hash points to, or the next free one, so that a Service made again usually has its old address.
 *
 * @param cluster its name: every cluster of this machine uses the same loopback, and may have a Service of the same name
 */
export function assignLoadBalancerAddresses(services: readonly KubernetesObject[], cluster: string): Map<string, string> {
  const wanting = services.filter(wantsLoadBalancer).sort((a, b) => (serviceKey(a) < serviceKey(b) ? -1 : 1));
  const assigned = new Map<string, string>();
  const taken = new Set<string>();
  for (const service of wanting) {
    const address = loadBalancerAddress(service);
    if (address === undefined || !OURS.test(address) || taken.has(address)) continue;
    assigned.set(serviceKey(service), address);
    taken.add(address);
  }
  for (const service of wanting) {
    const key = serviceKey(service);
    if (assigned.has(key)) continue;
    const start = createHash('sha256').update(`${cluster}/${key}`).digest().readUInt32BE(0);
    for (let step = 0; step < PER_BYTE * PER_BYTE; step++) {
      const number = (start + step) % (PER_BYTE * PER_BYTE);
      const address = `127.77.${1 + Math.floor(number / PER_BYTE)}.${1 + (number % PER_BYTE)}`;
      if (taken.has(address)) continue;
      assigned.set(key, address);
      taken.add(address);
      break;
    }
  }
  return assigned;
}

export function serviceKey(service: KubernetesObject): string {
  return `${service.metadata.namespace}/${service.metadata.name}`;
}

/**
 * The listeners the host should have. IPv4 endpoints are preferred; a Service of IPv6 alone is reached by IPv6 behind the
 * IPv4 loopback address. SCTP has no listener: Node cannot relay it.
 */
export function planHostPorts(plans: readonly ServicePort[], addresses: ReadonlyMap<string, string>): HostPort[] {
  const found = new Map<string, HostPort>();
  const add = (port: HostPort) => {
    const key = hostPortKey(port);
    if (!found.has(key)) found.set(key, port);
  };
  for (const plan of [...plans].sort((a, b) => a.family - b.family)) {
    const { protocol } = plan;
    if (protocol === 'sctp') continue;
    const common = { protocol, service: `${plan.namespace}/${plan.name}`, endpoints: usableEndpoints(plan) };
    if (plan.nodePort !== undefined) add({ ...common, address: '127.0.0.1', port: plan.nodePort, kind: 'NodePort' });
    const address = addresses.get(common.service);
    if (address !== undefined) add({ ...common, address, port: plan.port, kind: 'LoadBalancer' });
  }
  return [...found.values()];
}

export function hostPortKey({ protocol, address, port }: Pick<HostPort, 'protocol' | 'address' | 'port'>): string {
  return `${protocol} ${address} ${port}`;
}
