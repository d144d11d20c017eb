/** `ClusterLoadAssignment` to hosts. */
import type { Cluster_TransportSocketMatch } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import type { Address } from '@palisade/xds/api/envoy/config/core/v3/address';
import { HealthStatus } from '@palisade/xds/api/envoy/config/core/v3/health_check';
import type { ClusterLoadAssignment } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { ProxyError } from '../proxy-error.ts';
import type { HostPlace, UpstreamTls } from './place.ts';

export interface TransportChoice {
  readonly match: Cluster_TransportSocketMatch['match'];
  readonly tls: UpstreamTls | undefined;
}

/**
 * Only the lowest priority that has a healthy host is used; without a healthy one anywhere, none is (fail closed, where Envoy panics).
 *
 * @param choices the first whose labels an endpoint carries decides its transport; `otherwise` when none does
 */
export function readEndpoints(
  assignment: ClusterLoadAssignment,
  choices: readonly TransportChoice[],
  otherwise: UpstreamTls | undefined,
): HostPlace[] {
  const byPriority = new Map<number, HostPlace[]>();
  for (const locality of assignment.endpoints) {
    for (const endpoint of locality.lbEndpoints) {
      const where = `cluster "${assignment.clusterName}", endpoint`;
      if (endpoint.hostIdentifier.case !== 'endpoint') throw new ProxyError('bad-config', `${where}: expected an address`);
      const metadata = endpoint.metadata?.filterMetadata ?? {};
      const chosen = choices.find(({ match }) => contains(metadata['envoy.transport_socket_match'], match ?? {}));
      const place: HostPlace = {
        ...readAddress(endpoint.hostIdentifier.value.address, where),
        weight: endpoint.loadBalancingWeight ?? 1,
        isHealthy: [HealthStatus.UNKNOWN, HealthStatus.HEALTHY, HealthStatus.DEGRADED].includes(endpoint.healthStatus),
        labels: metadata['envoy.lb'] ?? {},
        metadata,
        tls: chosen === undefined ? otherwise : chosen.tls,
      };
      byPriority.set(locality.priority, [...(byPriority.get(locality.priority) ?? []), place]);
    }
  }
  const groups = [...byPriority].sort(([a], [b]) => a - b).map(([, places]) => places);
  return groups.find((places) => places.some((place) => place.isHealthy)) ?? groups[0] ?? [];
}

export function readAddress(address: Address | undefined, where: string): { address: string; port: number } {
  const kind = address?.address;
  if (kind?.case === 'pipe') return { address: kind.value.path, port: 0 };
  if (kind?.case === 'socketAddress' && kind.value.portSpecifier.case === 'portValue') {
    return { address: kind.value.address, port: kind.value.portSpecifier.value };
  }
  throw new ProxyError('bad-config', `${where}: expected a socket address with a port number or a pipe`);
}

/** Every wanted label is there with that value; wanting nothing is met by all. */
export function contains(labels: Readonly<Record<string, unknown>> | undefined, wanted: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels !== undefined && Object.hasOwn(labels, key) && labels[key] === value);
}
