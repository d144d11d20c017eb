/** Envoy's `/clusters`: every endpoint with what the proxy makes of it, as lines or as JSON (envoy.admin.v3.Clusters). */
import { place } from '../net/address.ts';
import type { DataPlane } from '../proxy.ts';

/** An endpoint's address as Envoy writes it (config.core.v3.Address): a Unix socket has a path. */
export function addressOf({ address, port }: { readonly address: string; readonly port: number }): object {
  return address.startsWith('/') ? { pipe: { path: address } } : { socket_address: { address, port_value: port } };
}

export function renderClusters({ runtime }: DataPlane): string {
  return runtime.clusters
    .filled()
    .flatMap((cluster) =>
      cluster.hosts.flatMap((host) => {
        const at = `${cluster.name}::${place(host.place.address, host.place.port)}`;
        return [
          `${at}::rq_active::${host.active}`,
          `${at}::rq_total::${host.requests}`,
          `${at}::cx_connect_fail::${host.failures}`,
          `${at}::health_flags::${host.place.isHealthy ? 'healthy' : '/failed_eds_health'}`,
          `${at}::weight::${host.place.weight}`,
        ];
      }),
    )
    .map((line) => `${line}\n`)
    .join('');
}

export function renderClustersJson({ runtime }: DataPlane): string {
  const statuses = runtime.clusters.filled().map(({ name, config, hosts }) => ({
    name,
    added_via_api: config.edsClusterConfig !== undefined,
    host_statuses: hosts.map(({ place: at, active, requests, failures }) => ({
      address: addressOf(at),
      stats: [
        { name: 'rq_active', type: 'GAUGE', value: String(active) },
        { name: 'rq_total', value: String(requests) },
        { name: 'cx_connect_fail', value: String(failures) },
      ],
      health_status: { eds_health_status: at.isHealthy ? 'HEALTHY' : 'UNHEALTHY' },
      weight: at.weight,
    })),
  }));
  return `${JSON.stringify({ cluster_statuses: statuses }, null, 1)}\n`;
}
