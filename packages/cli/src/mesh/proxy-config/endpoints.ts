import type { Table } from '../../output.ts';
import { byCells } from './clusters.ts';
import { type Message, placeOf } from './dump.ts';

export interface EndpointFilter {
  readonly cluster?: string;
  readonly address?: string;
  readonly port?: string;
  readonly status?: string;
}

export function tableOfEndpoints(assignments: readonly Message[], filter: EndpointFilter = {}): Table {
  const rows = assignments.flatMap((assignment) =>
    ((assignment['endpoints'] ?? []) as Message[])
      .flatMap((locality) => (locality['lb_endpoints'] ?? []) as Message[])
      .map((endpoint) => {
        const { address, port } = placeOf(endpoint['endpoint']?.address);
        // Unknown counts as healthy (envoy.config.core.v3.HealthStatus).
        const status = ['UNHEALTHY', 'DRAINING', 'TIMEOUT'].includes(endpoint['health_status']) ? 'UNHEALTHY' : 'HEALTHY';
        return { address, port, status, cluster: String(assignment['cluster_name']) };
      })
      .filter(
        (row) =>
          (filter.cluster === undefined || row.cluster === filter.cluster) &&
          (filter.address === undefined || row.address === filter.address) &&
          (filter.port === undefined || row.port === filter.port) &&
          (filter.status === undefined || row.status === filter.status.toUpperCase()),
      )
      .map(({ address, port, status, cluster }) => [
        port === '' ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
        status,
        cluster,
      ]),
  );
  return { header: ['ENDPOINT', 'STATUS', 'CLUSTER'], rows: rows.sort(byCells) };
}
