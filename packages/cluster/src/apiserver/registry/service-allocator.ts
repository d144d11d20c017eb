import type { KubernetesObject, StatusCause } from '@palisade/kubernetes';
import { type AddressRange, parseRange } from './address-range.ts';
import type { Random } from './uid.ts';

export interface ServiceAllocatorOptions {
  /** IPv4 first, then IPv6; one family alone is possible. */
  readonly cidrs: readonly string[];
  /** Inclusive. */
  readonly nodePorts?: readonly [first: number, last: number];
  readonly random: Random;
}

/** Undoes an allocation that was not stored after all. */
export type Release = () => void;

export type Allocation = { readonly ok: true; readonly release: Release } | { readonly ok: false; readonly causes: StatusCause[] };

interface ServicePort {
  port: number;
  protocol?: string;
  nodePort?: number;
}

/**
 * Cluster addresses and node ports of Services (KEP-1880 in small). In memory: at start it learns what stored Services hold.
 * A Service keeps what it has over updates; what it no longer needs goes back at once.
 */
export class ServiceAllocator {
  readonly #ranges: readonly AddressRange[];
  readonly #addresses = new Set<string>();
  readonly #ports = new Set<string>();
  readonly #firstPort: number;
  readonly #lastPort: number;
  readonly #random: Random;

  constructor(options: ServiceAllocatorOptions) {
    this.#ranges = options.cidrs.map(parseRange);
    [this.#firstPort, this.#lastPort] = options.nodePorts ?? [30_000, 32_767];
    this.#random = options.random;
  }

  get families(): readonly ('IPv4' | 'IPv6')[] {
    return this.#ranges.map((range) => range.family);
  }

  /** Takes over what a stored Service holds. */
  adopt(service: KubernetesObject): void {
    for (const address of heldAddresses(service)) this.#addresses.add(address);
    for (const key of heldPorts(service)) this.#ports.add(key);
  }

  /** Gives back what a removed Service held. */
  free(service: KubernetesObject): void {
    for (const address of heldAddresses(service)) this.#addresses.delete(address);
    for (const key of heldPorts(service)) this.#ports.delete(key);
  }

  /**
   * Fills `spec.clusterIP(s)` and `nodePort`s of a Service that is being written. Mutates `service`.
   *
   * @param old the Service as stored, undefined for a new one; what only it holds is freed when the caller calls `settle`
   * @param isDryRun the first of each range stands for whatever would be drawn
   */
  allocate(service: KubernetesObject, old: KubernetesObject | undefined, isDryRun = false): Allocation {
    const taken: { addresses: string[]; ports: string[] } = { addresses: [], ports: [] };
    const release = () => {
      for (const address of taken.addresses) this.#addresses.delete(address);
      for (const key of taken.ports) this.#ports.delete(key);
    };
    const causes = [
      ...this.#allocateAddresses(service, old, taken.addresses, isDryRun),
      ...this.#allocatePorts(service, old, taken.ports, isDryRun),
      ...this.#allocateHealthPort(service, old, taken.ports, isDryRun),
    ];
    if (causes.length === 0) return { ok: true, release };
    release();
    return { ok: false, causes };
  }

  /** After an update was stored: frees what the Service held before and does not now. */
  settle(service: KubernetesObject, old: KubernetesObject): void {
    const addresses = new Set(heldAddresses(service));
    for (const address of heldAddresses(old)) if (!addresses.has(address)) this.#addresses.delete(address);
    const ports = new Set(heldPorts(service));
    for (const key of heldPorts(old)) if (!ports.has(key)) this.#ports.delete(key);
  }

  #allocateAddresses(service: KubernetesObject, old: KubernetesObject | undefined, taken: string[], isDryRun: boolean): StatusCause[] {
    const spec = service['spec'];
    if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return [];
    const held = new Set(old === undefined ? [] : heldAddresses(old));
    const addresses: string[] = [...(spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []))];
    const wanted: string[] = spec.ipFamilies ?? [this.families[0]];
    for (const [index, family] of wanted.entries()) {
      const range = this.#ranges.find((candidate) => candidate.family === family);
      if (range === undefined) continue; // refused by the families check before
      const asked = addresses[index];
      if (asked !== undefined && asked !== '') {
        if (held.has(asked)) continue;
        const refusal = !range.contains(asked)
          ? `the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${range.text}`
          : this.#addresses.has(asked)
            ? 'provided IP is already allocated'
            : undefined;
        if (refusal !== undefined) {
          const list = JSON.stringify(addresses.filter((address) => address !== ''));
          return [
            {
              reason: 'FieldValueInvalid',
              message: `Invalid value: ${list}: failed to allocate IP ${asked}: ${refusal}`,
              field: 'spec.clusterIPs',
            },
          ];
        }
        this.#addresses.add(asked);
        taken.push(asked);
        continue;
      }
      const address = isDryRun ? range.base : range.pick(this.#addresses, this.#random);
      if (address === undefined) {
        return [
          { reason: 'InternalError', message: 'Internal error: failed to allocate a serviceIP: range is full', field: 'spec.clusterIPs' },
        ];
      }
      addresses[index] = address;
      if (isDryRun) continue;
      this.#addresses.add(address);
      taken.push(address);
    }
    spec.clusterIPs = addresses;
    spec.clusterIP = addresses[0];
    return [];
  }

  #allocatePorts(service: KubernetesObject, old: KubernetesObject | undefined, taken: string[], isDryRun: boolean): StatusCause[] {
    const spec = service['spec'];
    const needs = spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    const held = new Set(old === undefined ? [] : heldPorts(old));
    const ports: ServicePort[] = spec.ports ?? [];
    for (const [index, port] of ports.entries()) {
      const protocol = port.protocol ?? 'TCP';
      if (port.nodePort !== undefined && port.nodePort !== 0) {
        const key = `${protocol}/${port.nodePort}`;
        if (held.has(key)) continue;
        const field = `spec.ports[${index}].nodePort`;
        if (port.nodePort < this.#firstPort || port.nodePort > this.#lastPort) {
          const range = `${this.#firstPort}-${this.#lastPort}`;
          return [
            {
              reason: 'FieldValueInvalid',
              message: `Invalid value: ${port.nodePort}: provided port is not in the valid range. The range of valid ports is ${range}`,
              field,
            },
          ];
        }
        if (this.#ports.has(key)) {
          return [{ reason: 'FieldValueInvalid', message: `Invalid value: ${port.nodePort}: provided port is already allocated`, field }];
        }
        this.#ports.add(key);
        taken.push(key);
      } else if (needs) {
        const number = isDryRun ? this.#firstPort : this.#pickPort(protocol);
        if (number === undefined) {
          return [
            {
              reason: 'InternalError',
              message: 'Internal error: failed to allocate a nodePort: range is full',
              field: `spec.ports[${index}].nodePort`,
            },
          ];
        }
        port.nodePort = number;
        if (!isDryRun) taken.push(`${protocol}/${number}`);
      }
    }
    return [];
  }

  /** The port at which a balancer asks a node whether it has endpoints of its own. */
  #allocateHealthPort(service: KubernetesObject, old: KubernetesObject | undefined, taken: string[], isDryRun: boolean): StatusCause[] {
    const spec = service['spec'];
    if (!needsHealthPort(service)) {
      // It goes with what needed it; one that never was needed is the writer's mistake.
      if (old !== undefined && needsHealthPort(old)) delete spec.healthCheckNodePort;
      return [];
    }
    const field = 'spec.healthCheckNodePort';
    const held = old?.['spec']?.healthCheckNodePort;
    const asked: number | undefined = spec.healthCheckNodePort || held;
    if (asked !== undefined) {
      spec.healthCheckNodePort = asked;
      const key = `TCP/${asked}`;
      if (asked === held) return [];
      if (this.#ports.has(key))
        return [{ reason: 'FieldValueInvalid', message: `Invalid value: ${asked}: provided port is already allocated`, field }];
      this.#ports.add(key);
      taken.push(key);
      return [];
    }
    const number = isDryRun ? this.#firstPort : this.#pickPort('TCP');
    if (number === undefined)
      return [{ reason: 'InternalError', message: 'Internal error: failed to allocate a nodePort: range is full', field }];
    spec.healthCheckNodePort = number;
    if (!isDryRun) taken.push(`TCP/${number}`);
    return [];
  }

  #pickPort(protocol: string): number | undefined {
    const size = this.#lastPort - this.#firstPort + 1;
    const start = this.#random.integer(size);
    for (let i = 0; i < size; i++) {
      const number = this.#firstPort + ((start + i) % size);
      const key = `${protocol}/${number}`;
      if (this.#ports.has(key)) continue;
      this.#ports.add(key);
      return number;
    }
    return undefined;
  }
}

const needsHealthPort = ({ spec }: KubernetesObject): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

function heldAddresses(service: KubernetesObject): string[] {
  const spec = service['spec'] ?? {};
  const all: string[] = spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []);
  return all.filter((address) => address !== 'None' && address !== '');
}

function heldPorts(service: KubernetesObject): string[] {
  const spec = service['spec'] ?? {};
  const ports: ServicePort[] = spec.ports ?? [];
  const keys = ports.filter((port) => port.nodePort).map((port) => `${port.protocol ?? 'TCP'}/${port.nodePort}`);
  return spec.healthCheckNodePort ? [...keys, `TCP/${spec.healthCheckNodePort}`] : keys;
}
