import type { KubernetesObject } from '@palisade/kubernetes';

export type Family = 4 | 6;
export type TransportProtocol = 'tcp' | 'udp' | 'sctp';

export interface ServiceEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly node?: string;
  /** A terminating endpoint that still serves is used only when no ready one is left (KEP-1669). */
  readonly isReady: boolean;
}

/** One port of a Service in one address family, with everything a proxy needs to know. */
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
  readonly protocol: TransportProtocol;
  readonly family: Family;
  readonly port: number;
  readonly clusterIP: string;
  readonly externalIPs: readonly string[];
  /** absent unless the type is NodePort or LoadBalancer */
  readonly nodePort?: number;
  readonly hasClientAffinity: boolean;
  readonly isInternalLocal: boolean;
  readonly isExternalLocal: boolean;
  /** Ready, and serving though terminating; sorted by address, so equal input gives equal text. */
  readonly endpoints: readonly ServiceEndpoint[];
}

interface SlicePort {
  name?: string | null;
  port?: number | null;
  protocol?: string | null;
}

interface SliceEndpoint {
  addresses?: readonly string[] | null;
  conditions?: { ready?: boolean | null; serving?: boolean | null; terminating?: boolean | null } | null;
  nodeName?: string | null;
}

const SERVICE_NAME = 'kubernetes.io/service-name';

function protocolOf(text: string | null | undefined): TransportProtocol | undefined {
  switch (text ?? 'TCP') {
    case 'TCP':
      return 'tcp';
    case 'UDP':
      return 'udp';
    case 'SCTP':
      return 'sctp';
    default:
      return undefined;
  }
}

/** Slices by `namespace/service`. A slice without the label belongs to nobody. */
export function slicesByService(slices: Iterable<KubernetesObject>): Map<string, KubernetesObject[]> {
  const found = new Map<string, KubernetesObject[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.[SERVICE_NAME];
    if (service === undefined) continue;
    const key = `${slice.metadata.namespace}/${service}`;
    const list = found.get(key);
    if (list === undefined) found.set(key, [slice]);
    else list.push(slice);
  }
  return found;
}

function endpointsOf(
  slices: readonly KubernetesObject[],
  family: Family,
  portName: string,
  protocol: TransportProtocol,
): ServiceEndpoint[] {
  const found = new Map<string, ServiceEndpoint>();
  for (const slice of slices) {
    if (slice['addressType'] !== (family === 4 ? 'IPv4' : 'IPv6')) continue;
    const match = ((slice['ports'] ?? []) as readonly SlicePort[]).find(
      (port) => (port.name ?? '') === portName && protocolOf(port.protocol) === protocol,
    );
    if (match?.port == null) continue;
    for (const endpoint of (slice['endpoints'] ?? []) as readonly SliceEndpoint[]) {
      const { ready, serving, terminating } = endpoint.conditions ?? {};
      // An unset condition means ready (discovery.k8s.io/v1 EndpointConditions).
      const isReady = ready ?? true;
      if (!isReady && !(serving && terminating)) continue;
      // All addresses of one endpoint are the same endpoint: the first is used, as every consumer does.
      const ip = endpoint.addresses?.[0];
      if (ip === undefined) continue;
      found.set(`${ip} ${match.port}`, { ip, port: match.port, isReady, ...(endpoint.nodeName ? { node: endpoint.nodeName } : {}) });
    }
  }
  return [...found.values()].sort((a, b) => (a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1));
}

/** Every Service port that has a cluster address; headless and ExternalName Services are the DNS's business. */
export function planServices(services: Iterable<KubernetesObject>, slices: Iterable<KubernetesObject>): ServicePort[] {
  const bySlice = slicesByService(slices);
  const plans: ServicePort[] = [];
  for (const service of services) {
    const { spec = {}, metadata } = service;
    if (spec.type === 'ExternalName') continue;
    const clusterIPs: readonly string[] = spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []);
    const hasNodePorts = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
    for (const clusterIP of clusterIPs) {
      if (clusterIP === 'None' || clusterIP === '') continue;
      const family: Family = clusterIP.includes(':') ? 6 : 4;
      for (const port of spec.ports ?? []) {
        const protocol = protocolOf(port.protocol);
        if (protocol === undefined) continue;
        const owned = bySlice.get(`${metadata.namespace}/${metadata.name}`) ?? [];
        plans.push({
          namespace: String(metadata.namespace),
          name: String(metadata.name),
          portName: port.name ?? '',
          protocol,
          family,
          port: port.port,
          clusterIP,
          externalIPs: ((spec.externalIPs ?? []) as string[]).filter((ip) => ip.includes(':') === (family === 6)),
          ...(hasNodePorts && port.nodePort ? { nodePort: port.nodePort } : {}),
          hasClientAffinity: spec.sessionAffinity === 'ClientIP',
          isInternalLocal: spec.internalTrafficPolicy === 'Local',
          isExternalLocal: hasNodePorts && spec.externalTrafficPolicy === 'Local',
          endpoints: endpointsOf(owned, family, port.name ?? '', protocol),
        });
      }
    }
  }
  return plans.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Names one plan for all time: chain names are made of it. */
export function keyOf(plan: ServicePort): string {
  return `${plan.namespace}/${plan.name}/${plan.portName}/${plan.protocol}/${plan.port}/${plan.family}`;
}

/**
 * The endpoints a proxy may choose from: the ready ones, else the ones that still serve while they end.
 *
 * @param node when given, only those of this node (a `Local` traffic policy)
 */
export function usableEndpoints(plan: ServicePort, node?: string): readonly ServiceEndpoint[] {
  const here = node === undefined ? plan.endpoints : plan.endpoints.filter((endpoint) => endpoint.node === node);
  const ready = here.filter((endpoint) => endpoint.isReady);
  return ready.length > 0 ? ready : here;
}
