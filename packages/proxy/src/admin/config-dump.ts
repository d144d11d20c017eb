/** Envoy's `/config_dump` (envoy.admin.v3.ConfigDump): what the proxy runs with, endpoints and certificates too. Keys are never shown. */
import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import { ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import type { Cluster } from '../cluster/cluster.ts';
import { registry } from '../config/registry.ts';
import type { DataPlane } from '../proxy.ts';
import type { SecretContent } from '../tls/secret.ts';

const hidden = '[redacted]';

export function renderConfigDump({ runtime, listeners }: DataPlane): string {
  const { clusters, routes, secrets } = runtime;
  const configs = [
    part('Clusters', {
      dynamic_active_clusters: clusters.filled().map((one) => ({ cluster: json(ClusterSchema, one.config) })),
    }),
    part('Endpoints', {
      dynamic_endpoint_configs: clusters.filled().map((one) => ({ endpoint_config: endpointsOf(one) })),
    }),
    part('Listeners', {
      dynamic_listeners: listeners.map((one) => ({ name: one.name, active_state: { listener: json(ListenerSchema, one.config) } })),
    }),
    part('Routes', {
      dynamic_route_configs: routes.filled().map((one) => ({ route_config: json(RouteConfigurationSchema, one.config) })),
    }),
    part('Secrets', {
      dynamic_active_secrets: secrets.entries().map(([name, content]) => ({ name, secret: { name, ...secretOf(content) } })),
    }),
  ];
  // Certificates may stand inside a listener or cluster; their keys stay here.
  return `${JSON.stringify({ configs }, (key, value: unknown) => (key === 'private_key' ? hidden : value), 1)}\n`;
}

function part(name: string, content: object): object {
  return { '@type': `type.googleapis.com/envoy.admin.v3.${name}ConfigDump`, ...content };
}

function json<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): unknown {
  return toJson(schema, message, { registry, useProtoFieldName: true });
}

function endpointsOf({ name, hosts }: Cluster): object {
  const endpoints = hosts.map(({ place }) => ({
    endpoint: { address: { socket_address: { address: place.address, port_value: place.port } } },
    health_status: place.isHealthy ? 'HEALTHY' : 'UNHEALTHY',
    load_balancing_weight: place.weight,
  }));
  return { cluster_name: name, endpoints: endpoints.length === 0 ? [] : [{ lb_endpoints: endpoints }] };
}

function secretOf(content: SecretContent): object {
  if (content.kind === 'certificate') {
    const chain = Buffer.from(content.certificate.certPem).toString('base64');
    return { tls_certificate: { certificate_chain: { inline_bytes: chain }, private_key: hidden } };
  }
  const { trustedCa } = content.validation;
  const specifier = trustedCa?.specifier;
  const bytes = specifier?.case === 'inlineBytes' ? Buffer.from(specifier.value) : Buffer.from(String(specifier?.value ?? ''));
  return { validation_context: { trusted_ca: { inline_bytes: bytes.toString('base64') } } };
}
