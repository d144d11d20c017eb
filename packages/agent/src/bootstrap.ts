/** The bootstrap both data planes start from: everything else comes over the agent's socket. */

export interface BootstrapOptions {
  readonly nodeId: string;
  readonly socketPath: string;
  readonly workload: { readonly namespace: string; readonly name: string; readonly serviceAccount: string };
}

/** Istio's ports: 15000 for the administrator (loopback), 15021 for readiness, 15090 for the proxy's own metrics. */
export const ports = { admin: 15_000, ready: 15_021, metrics: 15_090 } as const;

export function renderBootstrap({ nodeId, socketPath, workload }: BootstrapOptions): object {
  const grpc = (cluster: string, delta: boolean) => ({
    api_type: delta ? 'DELTA_GRPC' : 'GRPC',
    transport_api_version: 'V3',
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: cluster } }],
  });
  return {
    node: {
      id: nodeId,
      cluster: `${workload.name}.${workload.namespace}`,
      metadata: { NAMESPACE: workload.namespace, NAME: workload.name, SERVICE_ACCOUNT: workload.serviceAccount },
    },
    admin: { address: socket('127.0.0.1', ports.admin) },
    dynamic_resources: {
      ads_config: grpc('xds-grpc', true),
      cds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      lds_config: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [...['xds-grpc', 'sds-grpc', 'telemetry-grpc'].map((name) => agentCluster(name, socketPath)), adminCluster],
      listeners: [only(ports.metrics, '/stats/prometheus')],
    },
  };
}

function socket(address: string, port: number) {
  return { socket_address: { address, port_value: port } };
}

function agentCluster(name: string, path: string) {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    typed_extension_protocol_options: {
      [options]: { '@type': `type.googleapis.com/${options}`, explicit_http_config: { http2_protocol_options: {} } },
    },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }] },
  };
}

const adminCluster = {
  name: 'prometheus_stats',
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: 'prometheus_stats',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socket('127.0.0.1', ports.admin) } }] }],
  },
};

/** A port that answers one path of the administrator's interface and nothing else. */
function only(port: number, path: string) {
  const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  return {
    name: `only-${port}`,
    address: socket('0.0.0.0', port),
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `type.googleapis.com/${manager}`,
              stat_prefix: 'stats',
              route_config: {
                virtual_hosts: [{ name: 'backend', domains: ['*'], routes: [{ match: { path }, route: { cluster: 'prometheus_stats' } }] }],
              },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}
