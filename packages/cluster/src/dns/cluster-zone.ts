/** The cluster's own zone after "Kubernetes DNS-Based Service Discovery" (schema version 1.1.0). Pure over a view of the objects. */
import type { KubernetesObject } from '@palisade/kubernetes';
import type { Lookup, ZoneRecord } from './zone.ts';

export interface ClusterView {
  readonly domain: string;
  hasNamespace(name: string): boolean;
  service(namespace: string, name: string): KubernetesObject | undefined;
  /** EndpointSlices of a service, both families. */
  slices(namespace: string, service: string): readonly KubernetesObject[];
  /** Pods that have this address. */
  podsByIP(ip: string): readonly KubernetesObject[];
  servicesByIP(ip: string): readonly KubernetesObject[];
  slicesByIP(ip: string): readonly KubernetesObject[];
}

interface ServicePort {
  name?: string;
  port: number;
  protocol?: string;
}

interface Address {
  readonly ip: string;
  readonly hostname: string;
  readonly ports: readonly { name?: string; port?: number; protocol?: string }[];
}

const none = { exists: false, records: [] } as const;
const empty = { exists: true, records: [] } as const;

export function clusterZone(view: ClusterView): Lookup {
  const suffix = `.${view.domain}`;
  return (name, type) => {
    if (name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa')) return reverse(view, name, type);
    if (name === view.domain) return empty;
    if (!name.endsWith(suffix)) return undefined;
    const labels = name.slice(0, -suffix.length).split('.').reverse();
    const [kind, namespace, ...rest] = labels;
    if (kind === 'dns-version' && namespace === undefined)
      return { exists: true, records: type === 'TXT' ? [{ type: 'TXT', name, data: '1.1.0' }] : [] };
    if (kind !== 'svc' && kind !== 'pod') return none;
    if (namespace === undefined) return empty;
    if (!view.hasNamespace(namespace)) return none;
    if (rest.length === 0) return empty;
    return kind === 'svc' ? serviceName(view, name, type, namespace, rest) : podName(view, name, type, namespace, rest);
  };
}

function serviceName(view: ClusterView, name: string, type: string, namespace: string, rest: readonly string[]) {
  const [serviceLabel, second, third] = rest;
  const service = view.service(namespace, serviceLabel!);
  if (service === undefined) return none;
  const full = `${serviceLabel}.${namespace}.svc.${view.domain}`;
  if (service['spec']?.type === 'ExternalName') {
    return rest.length > 1
      ? none
      : { exists: true, records: [{ type: 'CNAME', name, data: String(service['spec'].externalName) } as const] };
  }
  const addresses = isHeadless(service) ? headlessAddresses(view.slices(namespace, serviceLabel!), service) : undefined;
  if (rest.length === 1) {
    const ips = addresses ? [...new Set(addresses.map(({ ip }) => ip))] : clusterIPs(service);
    return { exists: true, records: addressRecords(name, type, ips) };
  }
  if (second!.startsWith('_')) {
    if (rest.length > 3 || (third !== undefined && !third.startsWith('_'))) return none;
    return srvName(name, type, service, full, addresses, second!.slice(1), third?.slice(1));
  }
  if (rest.length > 2 || addresses === undefined) return none;
  const matching = addresses.filter(({ hostname }) => hostname === second);
  return matching.length === 0 ? none : { exists: true, records: addressRecords(name, type, [...new Set(matching.map(({ ip }) => ip))]) };
}

/** `_port._protocol.service…`: labels arrive from the right, the protocol first. */
function srvName(
  name: string,
  type: string,
  service: KubernetesObject,
  full: string,
  addresses: readonly Address[] | undefined,
  protocol: string,
  port: string | undefined,
) {
  const ports = ((service['spec']?.ports ?? []) as ServicePort[]).filter((p) => (p.protocol ?? 'TCP').toLowerCase() === protocol);
  if (ports.length === 0) return none;
  if (port === undefined) return empty;
  const records: ZoneRecord[] = [];
  if (addresses === undefined) {
    for (const p of ports) if (p.name === port) records.push({ type: 'SRV', name, data: { target: full, port: p.port } });
  } else {
    for (const address of addresses) {
      for (const p of address.ports) {
        const isAsked = p.name === port && (p.protocol ?? 'TCP').toLowerCase() === protocol && p.port !== undefined;
        if (isAsked) records.push({ type: 'SRV', name, data: { target: `${address.hostname}.${full}`, port: p.port! } });
      }
    }
  }
  if (records.length === 0) return none;
  return { exists: true, records: type === 'SRV' ? records : [] };
}

/** `10-244-1-5.default.pod.cluster.local`, only for a pod of that namespace with that address. */
function podName(view: ClusterView, name: string, type: string, namespace: string, rest: readonly string[]) {
  if (rest.length !== 1) return none;
  const dashed = rest[0]!;
  const ip = /^\d+-\d+-\d+-\d+$/.test(dashed) ? dashed.replaceAll('-', '.') : dashed.replaceAll('-', ':');
  const isThere = view.podsByIP(ip).some((pod) => pod.metadata.namespace === namespace);
  return isThere ? { exists: true, records: addressRecords(name, type, [ip]) } : none;
}

function reverse(view: ClusterView, name: string, type: string) {
  const ip = addressOfReverseName(name);
  if (ip === undefined) return undefined;
  const targets = view.servicesByIP(ip).map((service) => `${service.metadata.name}.${service.metadata.namespace}.svc.${view.domain}`);
  for (const slice of view.slicesByIP(ip)) {
    const serviceLabel = slice.metadata.labels?.['kubernetes.io/service-name'];
    const service = serviceLabel === undefined ? undefined : view.service(slice.metadata.namespace!, serviceLabel);
    if (service === undefined || !isHeadless(service)) continue;
    for (const address of headlessAddresses([slice], service)) {
      if (address.ip === ip) targets.push(`${address.hostname}.${serviceLabel}.${slice.metadata.namespace}.svc.${view.domain}`);
    }
  }
  if (targets.length === 0) return undefined;
  return { exists: true, records: type === 'PTR' ? targets.map((data) => ({ type: 'PTR', name, data }) as const) : [] };
}

/** RFC 1035 §3.5, RFC 3596 §2.5. IPv6 comes back in the shortest form. */
export function addressOfReverseName(name: string): string | undefined {
  const labels = name.split('.').reverse().slice(2);
  if (name.endsWith('.in-addr.arpa'))
    return labels.length === 4 && labels.every((label) => /^\d{1,3}$/.test(label)) ? labels.join('.') : undefined;
  if (labels.length !== 32 || !labels.every((label) => /^[0-9a-f]$/.test(label))) return undefined;
  const groups = labels.join('').match(/.{4}/g)!;
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function isHeadless(service: KubernetesObject): boolean {
  return service['spec']?.clusterIP === 'None';
}

function clusterIPs(service: KubernetesObject): string[] {
  const spec = service['spec'] ?? {};
  return (spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : [])) as string[];
}

function headlessAddresses(slices: readonly KubernetesObject[], service: KubernetesObject): Address[] {
  const publishNotReady = service['spec']?.publishNotReadyAddresses === true;
  return slices.flatMap((slice) =>
    ((slice['endpoints'] ?? []) as { addresses: string[]; hostname?: string; conditions?: { ready?: boolean } }[])
      .filter((endpoint) => publishNotReady || endpoint.conditions?.ready !== false)
      .flatMap((endpoint) =>
        endpoint.addresses.map((ip) => ({ ip, hostname: endpoint.hostname ?? ip.replaceAll(/[.:]/g, '-'), ports: slice['ports'] ?? [] })),
      ),
  );
}

function addressRecords(name: string, type: string, ips: readonly string[]): ZoneRecord[] {
  const wanted = type === 'A' || type === 'AAAA' ? type : undefined;
  if (wanted === undefined) return [];
  return ips.filter((ip) => ip.includes(':') === (wanted === 'AAAA')).map((data) => ({ type: wanted, name, data }));
}
