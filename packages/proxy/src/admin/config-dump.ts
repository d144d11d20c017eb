/** Envoy's `/config_dump` (envoy.admin.v3.ConfigDump): what the proxy runs with, endpoints and certificates too. Keys are never shown. */
import { type DescMessage, type MessageShape, toJson } from '@bufbuild/protobuf';
import { type Bootstrap, BootstrapSchema } from '@palisade/xds/api/envoy/config/bootstrap/v3/bootstrap';
import { Cluster_DiscoveryType, ClusterSchema } from '@palisade/xds/api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@palisade/xds/api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@palisade/xds/api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@palisade/xds/api/envoy/config/route/v3/route';
import { SecretSchema } from '@palisade/xds/api/envoy/extensions/transport_sockets/tls/v3/secret';
import type { Cluster } from '../cluster/cluster.ts';
import { staticResources } from '../config/bootstrap.ts';
import { registry } from '../config/registry.ts';
import type { CompiledListener } from '../listener/listener.ts';
import type { DataPlane, Update } from '../proxy.ts';
import type { RouteTable } from '../route/table.ts';
import type { SecretContent } from '../tls/secret.ts';
import { addressOf } from './clusters.ts';

/** As Envoy writes it: a data source that holds "[redacted]". */
const hidden = { inline_bytes: Buffer.from('[redacted]').toString('base64') };

/** @param bootstrap what the proxy was started with: what it names is shown as static, the rest as dynamic */
export function renderConfigDump({ runtime, listeners }: DataPlane, bootstrap?: Bootstrap): string {
  const { clusters, routes, secrets } = runtime;
  const own: Update = bootstrap === undefined ? {} : staticResources(bootstrap);
  const [ownClusters, givenClusters] = split(clusters.filled(), own.clusters);
  const [ownListeners, givenListeners] = split(listeners, own.listeners);
  const [ownRoutes, givenRoutes] = split(routes.filled(), own.routes, (one) => one.config.name);
  const [ownEndpoints, givenEndpoints] = [ownClusters, givenClusters].map((list) =>
    list.filter((one) => one.config.clusterDiscoveryType.value !== Cluster_DiscoveryType.ORIGINAL_DST).map(endpointsOf),
  );
  const cluster = (one: Cluster) => ({ cluster: any(ClusterSchema, one.config) });
  const listener = (one: CompiledListener) => ({ listener: any(ListenerSchema, one.config) });
  const route = (one: RouteTable) => ({ route_config: any(RouteConfigurationSchema, one.config) });
  const configs = [
    ...(bootstrap === undefined ? [] : [part('Bootstrap', { bootstrap: json(BootstrapSchema, bootstrap) })]),
    part('Clusters', { static_clusters: ownClusters.map(cluster), dynamic_active_clusters: givenClusters.map(cluster) }),
    part('Endpoints', { static_endpoint_configs: ownEndpoints, dynamic_endpoint_configs: givenEndpoints }),
    part('Listeners', {
      static_listeners: ownListeners.map(listener),
      dynamic_listeners: givenListeners.map((one) => ({ name: one.name, active_state: listener(one) })),
    }),
    part('Routes', { static_route_configs: ownRoutes.map(route), dynamic_route_configs: givenRoutes.map(route) }),
    part('Secrets', {
      dynamic_active_secrets: secrets.entries().map(([name, content]) => ({
        name,
        secret: { '@type': typeOf(SecretSchema), name, ...secretOf(content) },
      })),
    }),
  ];
  // Certificates may stand inside a listener or cluster; their keys stay here.
  return `${JSON.stringify({ configs }, (key, value: unknown) => (key === 'private_key' ? hidden : value), 1)}\n`;
}

/** Those that the bootstrap named, and those that came later. */
function split<T extends object>(
  all: readonly T[],
  own: readonly { readonly name: string }[] | undefined,
  nameOf = (one: T) => (one as { readonly name?: string }).name,
): [own: T[], given: T[]] {
  const names = new Set(own?.map(({ name }) => name));
  const isOwn = (one: T) => names.has(nameOf(one) ?? '');
  return [all.filter(isOwn), all.filter((one) => !isOwn(one))];
}

function part(name: string, content: object): object {
  return { '@type': `type.googleapis.com/envoy.admin.v3.${name}ConfigDump`, ...content };
}

function typeOf({ typeName }: DescMessage): string {
  return `type.googleapis.com/${typeName}`;
}

function json<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): object {
  return toJson(schema, message, { registry, useProtoFieldName: true }) as object;
}

/** As a google.protobuf.Any: readers of dumps know messages by their type. */
function any<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): object {
  return { '@type': typeOf(schema), ...json(schema, message) };
}

function endpointsOf({ name, hosts }: Cluster): object {
  const endpoints = hosts.map(({ place }) => ({
    endpoint: { address: addressOf(place) },
    health_status: place.isHealthy ? 'HEALTHY' : 'UNHEALTHY',
    load_balancing_weight: place.weight,
  }));
  const assignment = { cluster_name: name, endpoints: endpoints.length === 0 ? [] : [{ lb_endpoints: endpoints }] };
  return { endpoint_config: { '@type': typeOf(ClusterLoadAssignmentSchema), ...assignment } };
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
