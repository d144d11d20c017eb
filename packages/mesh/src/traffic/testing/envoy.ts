/** Asks the real Envoy whether it would take a configuration. */
import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import { typeRegistry } from '@palisade/xds';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { validateWithEnvoy } from '../../testing/envoy.ts';
import type { ProxyConfig } from '../model.ts';

export function render<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>) {
  // biome-ignore lint/suspicious/noExplicitAny: protobuf JSON, read by tests only
  return toJson(schema, message, { registry: typeRegistry }) as any;
}

const agentCluster = (name: string) => ({
  name,
  type: 'STATIC',
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: '/tmp/none' } } } }] }],
  },
});

/** @returns Envoy's complaint, or undefined when it accepts */
export function complaint(config: ProxyConfig): string | undefined {
  const grpc = { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }] };
  // Routes travel on their own: a listener that carries each makes Envoy read them too.
  const routeListeners = config.routes.map((route, index) => ({
    name: `routes-${index}`,
    address: { socket_address: { address: '127.0.0.1', port_value: 20_000 + index } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: 'routes',
              route_config: render(RouteConfigurationSchema, route),
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
  }));
  return validateWithEnvoy({
    node: { id: 'test', cluster: 'test' },
    dynamic_resources: { ads_config: grpc },
    static_resources: {
      listeners: [...config.listeners.map((each) => render(ListenerSchema, each)), ...routeListeners],
      clusters: [
        agentCluster('xds-grpc'),
        agentCluster('sds-grpc'),
        agentCluster('telemetry-grpc'),
        ...config.clusters.map((each) => render(ClusterSchema, each)),
      ],
    },
  });
}
