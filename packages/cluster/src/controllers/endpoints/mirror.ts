import { isIPv6 } from 'node:net';
import type { KubernetesObject } from '@palisade/kubernetes';
import { controllerReference } from '../runtime/ownership.ts';
import type { AddressType, Endpoint, EndpointPort } from './endpoint.ts';
import { MANAGED_BY, SERVICE_NAME } from './slices.ts';

export const MIRROR = 'endpointslicemirroring-controller.k8s.io';

/** The API's bound on one slice; the mirror's own default per subset is the same. */
const MAX_ADDRESSES = 1000;

interface LegacyAddress {
  ip: string;
  hostname?: string;
  nodeName?: string;
  targetRef?: Endpoint['targetRef'];
}

interface LegacySubset {
  addresses?: LegacyAddress[];
  notReadyAddresses?: LegacyAddress[];
  ports?: (Omit<EndpointPort, 'name'> & { name?: string })[];
}

/** The slices that say what a user's Endpoints object says: one for each subset and family. */
export function mirrorSlices(endpoints: KubernetesObject): KubernetesObject[] {
  const { name, namespace, labels } = endpoints.metadata;
  return ((endpoints['subsets'] ?? []) as LegacySubset[]).flatMap((subset) => {
    const all = [
      ...(subset.addresses ?? []).map((address) => mirrorAddress(address, true)),
      ...(subset.notReadyAddresses ?? []).map((address) => mirrorAddress(address, false)),
    ].slice(0, MAX_ADDRESSES);
    return (['IPv4', 'IPv6'] as AddressType[]).flatMap((addressType) => {
      const mine = all.filter((endpoint) => isIPv6(endpoint.addresses[0]!) === (addressType === 'IPv6'));
      if (mine.length === 0) return [];
      return {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          generateName: `${name}-`,
          namespace: String(namespace),
          labels: { ...labels, [SERVICE_NAME]: String(name), [MANAGED_BY]: MIRROR },
          ownerReferences: [controllerReference(endpoints)],
        },
        addressType,
        ports: (subset.ports ?? []).map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' })),
        endpoints: mine,
      };
    });
  });
}

function mirrorAddress({ ip, hostname, nodeName, targetRef }: LegacyAddress, ready: boolean) {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}

/** Endpoints that the controllers write themselves, and leader-election records, are not mirrored. */
export function isMirrored(endpoints: KubernetesObject, service: KubernetesObject | undefined): boolean {
  const { labels = {}, annotations = {}, deletionTimestamp } = endpoints.metadata;
  if (labels['endpointslice.kubernetes.io/skip-mirror'] === 'true' || 'control-plane.alpha.kubernetes.io/leader' in annotations)
    return false;
  return deletionTimestamp === undefined && service !== undefined && Object.keys(service['spec'].selector ?? {}).length === 0;
}
