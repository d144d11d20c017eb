import type { KubernetesObject } from '@palisade/kubernetes';
import type { Informer } from '@palisade/kubernetes/client';
import type { ClusterView } from './cluster-zone.ts';

export interface DnsInformers {
  readonly namespaces: Informer;
  readonly services: Informer;
  readonly endpointSlices: Informer;
  readonly pods: Informer;
}

/** The objects as the zone asks for them; indexes keep every question cheap. */
export function clusterView(informers: DnsInformers, domain: string): ClusterView {
  const { namespaces, services, endpointSlices, pods } = informers;
  const serviceOf = (slice: KubernetesObject) =>
    `${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;
  endpointSlices.addIndex('dns-service', (slice) => [serviceOf(slice)]);
  endpointSlices.addIndex('dns-ip', (slice) =>
    ((slice['endpoints'] ?? []) as { addresses: string[] }[]).flatMap(({ addresses }) => addresses),
  );
  services.addIndex('dns-ip', (service) => (service['spec']?.clusterIPs ?? []) as string[]);
  pods.addIndex('dns-ip', (pod) => ((pod['status']?.podIPs ?? []) as { ip: string }[]).map(({ ip }) => ip));
  return {
    domain,
    hasNamespace: (name) => namespaces.get(name) !== undefined,
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    slices: (namespace, service) => endpointSlices.byIndex('dns-service', `${namespace}/${service}`),
    podsByIP: (ip) => pods.byIndex('dns-ip', ip),
    servicesByIP: (ip) => services.byIndex('dns-ip', ip),
    slicesByIP: (ip) => endpointSlices.byIndex('dns-ip', ip),
  };
}
