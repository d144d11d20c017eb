import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '@palisade/kubernetes';
import { controllerReference } from '../runtime/ownership.ts';
import { addressTypes, type Endpoint, type EndpointGroup, portsKey } from './endpoint.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';

/** kube-controller-manager's `--max-endpoints-per-slice`. */
export const MAX_ENDPOINTS = 100;

export interface SliceChanges {
  create: KubernetesObject[];
  update: KubernetesObject[];
  remove: KubernetesObject[];
}

/**
 * The fewest changes that make `existing` hold exactly `groups`: endpoints stay in the slice they are in, new ones fill free
 * places, empty slices go. A family without endpoints keeps one empty slice, so that users see that the service is known.
 */
export function decideSlices(
  service: KubernetesObject,
  groups: readonly EndpointGroup[],
  existing: readonly KubernetesObject[],
): SliceChanges {
  const changes: SliceChanges = { create: [], update: [], remove: [] };
  const wanted = [...groups];
  for (const addressType of addressTypes(service)) {
    if (!wanted.some((group) => group.addressType === addressType)) wanted.push({ addressType, ports: [], endpoints: [] });
  }
  const unused = new Set(existing);
  for (const group of wanted) {
    const mine = existing.filter(
      (slice) => slice['addressType'] === group.addressType && portsKey(slice['ports'] ?? []) === portsKey(group.ports),
    );
    for (const slice of mine) unused.delete(slice);
    fill(service, group, mine, changes);
  }
  changes.remove.push(...unused);
  return changes;
}

function fill(service: KubernetesObject, group: EndpointGroup, slices: readonly KubernetesObject[], changes: SliceChanges): void {
  const left = new Map(group.endpoints.map((endpoint) => [endpoint.addresses[0]!, endpoint]));
  const kept = slices.map((slice) => {
    const endpoints: Endpoint[] = [];
    for (const known of (slice['endpoints'] ?? []) as Endpoint[]) {
      const endpoint = left.get(known.addresses[0]!);
      if (endpoint === undefined) continue;
      left.delete(known.addresses[0]!);
      endpoints.push(endpoint);
    }
    return { slice, endpoints };
  });
  const rest = [...left.values()];
  for (const { endpoints } of [...kept].sort((a, b) => b.endpoints.length - a.endpoints.length)) {
    endpoints.push(...rest.splice(0, MAX_ENDPOINTS - endpoints.length));
  }
  const nonEmpty = kept.filter(({ endpoints }) => endpoints.length > 0);
  const staying = nonEmpty.length > 0 || rest.length > 0 || group.endpoints.length > 0 ? nonEmpty : kept.slice(0, 1);
  for (const { slice, endpoints } of kept) {
    if (!staying.some((entry) => entry.slice === slice)) {
      changes.remove.push(slice);
      continue;
    }
    const next = render(service, group, endpoints, slice);
    if (!isSameSlice(slice, next)) changes.update.push(next);
  }
  while (rest.length > 0) changes.create.push(render(service, group, rest.splice(0, MAX_ENDPOINTS)));
  if (group.endpoints.length === 0 && staying.length === 0) changes.create.push(render(service, group, []));
}

function render(service: KubernetesObject, group: EndpointGroup, endpoints: Endpoint[], slice?: KubernetesObject): KubernetesObject {
  const { name, namespace } = service.metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...(slice?.metadata ?? { generateName: `${name}-`, namespace: String(namespace), ownerReferences: [controllerReference(service)] }),
      labels: sliceLabels(service),
    },
    addressType: group.addressType,
    ports: group.ports,
    endpoints,
  };
}

function sliceLabels(service: KubernetesObject): Record<string, string> {
  return {
    ...service.metadata.labels,
    ...(service['spec'].clusterIP === 'None' ? { [HEADLESS]: '' } : {}),
    [SERVICE_NAME]: String(service.metadata.name),
    [MANAGED_BY]: MANAGER,
  };
}

function isSameSlice(before: KubernetesObject, after: KubernetesObject): boolean {
  return isDeepStrictEqual(
    [before.metadata.labels, before['ports'] ?? [], before['endpoints'] ?? []],
    [after.metadata.labels, after['ports'], after['endpoints']],
  );
}
