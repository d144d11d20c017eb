import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { addressTypes, decideEndpoints, type Endpoint } from './endpoint.ts';

/** The v1 Endpoints object bounds its addresses at this number and says so in an annotation. */
const MAX_ADDRESSES = 1000;

/** The service's Endpoints object, in its first family, as clients from before EndpointSlices read it. */
export function renderEndpoints(
  service: KubernetesObject,
  pods: readonly KubernetesObject[],
  existing: KubernetesObject | undefined,
): KubernetesObject {
  const [family] = addressTypes(service);
  const { name, namespace, labels } = service.metadata;
  let room = MAX_ADDRESSES;
  const subsets = decideEndpoints(service, pods)
    .filter((group) => group.addressType === family)
    .map((group) => {
      const sorted = group.endpoints
        .filter((endpoint) => !endpoint.conditions.terminating || endpoint.conditions.ready)
        .sort((a, b) => (a.addresses[0]! < b.addresses[0]! ? -1 : 1))
        .splice(0, room);
      room -= sorted.length;
      const ready = sorted.filter((endpoint) => endpoint.conditions.ready).map(legacyAddress);
      const notReady = sorted.filter((endpoint) => !endpoint.conditions.ready).map(legacyAddress);
      return {
        ...(ready.length === 0 ? {} : { addresses: ready }),
        ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
        ...(group.ports.length === 0
          ? {}
          : { ports: group.ports.map(({ name: portName, ...port }) => (portName === '' ? port : { name: portName, ...port })) }),
      };
    })
    .filter((subset) => subset.addresses !== undefined || subset.notReadyAddresses !== undefined);
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...(existing?.metadata ?? { name: String(name), namespace: String(namespace) }),
      labels: {
        ...labels,
        'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
        ...(service['spec'].clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
      },
    },
    ...(subsets.length === 0 ? {} : { subsets }),
  };
}

export function isSameEndpoints(before: KubernetesObject, after: KubernetesObject): boolean {
  return isDeepStrictEqual([before['subsets'] ?? [], before.metadata.labels ?? {}], [after['subsets'] ?? [], after.metadata.labels ?? {}]);
}

function legacyAddress(endpoint: Endpoint) {
  const { hostname, nodeName, targetRef } = endpoint;
  return {
    ip: endpoint.addresses[0]!,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    targetRef,
  };
}
